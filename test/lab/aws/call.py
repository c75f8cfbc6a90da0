"""What an HTTP request asks of AWS: which service, which operation, with which parameters, signed with which key."""

import io
import warnings
from dataclasses import dataclass, field
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from moto.moto_server.werkzeug_app import BackendRequest
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

# Where the name a request is signed for differs from the service's name in the API models.
SIGNING_NAMES = {"monitoring": "cloudwatch", "s3express": "s3"}


# What is asked without credentials, because it brings another proof: service and region, as moto has them.
UNSIGNED = {"AssumeRoleWithWebIdentity": ("sts", "us-east-1")}

# moto warns of codes that a service's model does not list, such as the ones that every service has.
warnings.filterwarnings("ignore", message=r"Exception\(AwsError\)")


class AwsError(ServiceException):
    """An error answer of a service: its code and its message."""


class UnreadableCall(Exception):
    """The request names no operation of a service that this AWS knows."""


@dataclass
class Call:
    service: str
    region: str
    operation: str
    access_key: str
    session_token: str | None
    secure: bool
    source: str
    params: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = ""
    size: int = 0

    @classmethod
    def read(cls, environ: dict[str, Any], body: bytes, secure: bool) -> "Call":
        """Parse by the service's own API model; raises UnreadableCall for an unsigned or unknown request."""
        request = BackendRequest({**environ, "wsgi.input": io.BytesIO(body)})
        scope = _credential_scope(request)
        service = SIGNING_NAMES.get(scope[3], scope[3])
        try:
            model = get_service_model(service)
            operation, uri_params = get_service_router(service).match(request)
        except (NotFound, NotImplementedError, ValueError) as error:
            raise UnreadableCall(f"no operation of {service} is {request.method} {request.raw_path}") from error
        parser = PROTOCOL_PARSERS[determine_request_protocol(model, request.content_type)](operation, map_type=dict)
        # An object's bytes are no parameter that anyone decides on; the other S3 bodies are small XML.
        data = b"" if service == "s3" and operation.name in ("PutObject", "UploadPart") else request.get_data()
        params = parser.parse(
            {
                "method": request.method,
                "values": request.values,
                "headers": request.headers,
                "body": data,
                "url_path": request.path,
                "url_params": uri_params,
            }
        )
        return cls(
            service=service,
            region=scope[2],
            operation=operation.name,
            access_key=scope[0],
            session_token=request.headers.get("X-Amz-Security-Token") or request.args.get("X-Amz-Security-Token"),
            secure=secure,
            source=environ.get("REMOTE_ADDR", ""),
            params={**(params or {}), **uri_params},
            headers={name.lower(): value for name, value in request.headers.items()},
            content_type=request.content_type or "",
            size=len(body),
        )

    @property
    def name(self) -> str:
        return f"{self.service}:{self.operation}"

    def respond(self, status: int, error: Exception) -> Response:
        """The service's own error answer, in the protocol of the request."""
        model = get_service_model(self.service)
        protocol = determine_request_protocol(model, self.content_type)
        serializer = get_serializer_class(self.service, protocol)(model.operation_model(self.operation))
        answer = serializer.serialize(error)
        body = b"" if self.operation.startswith("Head") else answer["body"]
        return Response(body, status=status, headers=dict(answer["headers"]))


def _credential_scope(request: BackendRequest) -> list[str]:
    """Key id, date, region, service, of a signed request (header or presigned query)."""
    credential = request.args.get("X-Amz-Credential", "")
    if not credential and "Authorization" not in request.headers and request.values.get("Action") in UNSIGNED:
        service, region = UNSIGNED[request.values["Action"]]
        return ["", "", region, service, ""]
    if not credential:
        credential = request.headers.get("Authorization", "").partition("Credential=")[2].partition(",")[0]
    scope = credential.split("/")
    if len(scope) != 5:
        raise UnreadableCall(f"{request.method} {request.raw_path} is not signed with AWS Signature Version 4")
    return scope
