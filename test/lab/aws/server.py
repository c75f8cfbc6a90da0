"""Serves the local AWS: every request is read, authorized, perhaps failed on purpose, counted, and then answered by
moto.
"""

import io
import logging
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.ssm.models import ssm_backends
from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.wrappers import Request, Response

from . import autoscaling, cloudformation, ec2, s3
from .access import OPERATOR_KEY, SERVICE_KEY, Access, Refused
from .call import AwsError, Call, UnreadableCall
from .journal import Journal

log = logging.getLogger("lab.aws")

Address = tuple[str, int]


class LocalAws:
    """A local AWS in threads of this process. moto's state is the process's, so there is one of these at a time.

    :param http: where it listens for the CDK CLI and the operator; it stands for AWS's TLS endpoints, so requests count
        as encrypted (`aws:SecureTransport`); it serves /lab/ and /moto-api too. Port 0 takes a free one
    :param https: where it listens with TLS, for machines; None for nowhere
    :param certificate: PEM file for `https`, with `key`
    :param plain: where requests count as not encrypted, to try policies that ask for TLS; None for nowhere
    """

    def __init__(
        self,
        *,
        http: Address = ("127.0.0.1", 0),
        https: Address | None = None,
        certificate: Path | None = None,
        key: Path | None = None,
        plain: Address | None = None,
        account: str = "123456789012",
        region: str = "me-central-1",
    ):
        # The bootstrap stack attaches AWS's managed policies, and IAM's decisions need what they say.
        os.environ.update(MOTO_ACCOUNT_ID=account, MOTO_IAM_LOAD_MANAGED_POLICIES="true")
        self.account, self.region = account, region
        self.journal = Journal()
        self._access = Access(account)
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._servers = [_listen(http, self._application(admin=True, secure=True))]
        self.url = f"http://{http[0]}:{self._servers[0].port}"
        if https:
            self._servers.append(_listen(https, self._application(secure=True), (str(certificate), str(key))))
            self.https_port = self._servers[-1].port
        if plain:
            self._servers.append(_listen(plain, self._application(secure=False)))
            self.plain_url = f"http://{plain[0]}:{self._servers[-1].port}"

    def start(self) -> "LocalAws":
        for server in self._servers:
            threading.Thread(target=server.serve_forever, name="local AWS", daemon=True).start()
        service = self.client_factory(SERVICE_KEY)
        s3.install()
        ec2.install()
        autoscaling.install(service)
        cloudformation.install(service, self.account)
        return self

    def stop(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def __enter__(self) -> "LocalAws":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def client_factory(
        self, access_key: str = OPERATOR_KEY, token: str | None = None, url: str | None = None
    ) -> Callable[..., Any]:
        """A function from a service's (and region's) name to a boto3 client of this AWS."""
        session = boto3.Session(access_key, "unchecked", token, region_name=self.region)
        lock, made = threading.Lock(), {}

        def client(service: str, region: str | None = None) -> Any:
            """Clients are slow to make and safe to share."""
            with lock:
                if (service, region) not in made:
                    made[service, region] = session.client(service, region, endpoint_url=url or self.url)
                return made[service, region]

        return client

    def publish_parameter(self, name: str, value: str) -> None:
        """Change a public parameter under /aws/, as AWS does when a new AMI is out; no call of a client can."""
        ssm_backends[self.account][self.region]._parameters[name][-1].value = value

    def _application(self, secure: bool, admin: bool = False) -> Callable[[dict, Callable], Iterable[bytes]]:
        def application(environ: dict, start_response: Callable) -> Iterable[bytes]:
            body = environ["wsgi.input"].read() if environ.get("wsgi.input_terminated") else _sized_body(environ)
            if body is None:
                return Response(status=400)(environ, start_response)
            environ.update({"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))})
            environ.pop("HTTP_TRANSFER_ENCODING", None)
            path = environ["PATH_INFO"]
            if admin and path.startswith("/lab/"):
                return self.journal.serve(Request(environ))(environ, start_response)
            if admin and path.startswith("/moto-api"):
                return self._moto(environ, start_response)
            return self._answer(environ, body, secure)(environ, start_response)

        return application

    def _answer(self, environ: dict, body: bytes, secure: bool) -> Response:
        try:
            call = Call.read(environ, body, secure)
        except UnreadableCall as error:
            log.warning("denied: %s", error)
            return Response("<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>", 403)
        who = call.access_key
        try:
            who = self._access.check(call).arn
            response = self.journal.fault(call) or self._carry_out(call, environ)
        except Refused as refused:
            response = call.respond(refused.status, refused.error)
        except Exception:
            log.exception("%s failed", call.name)
            response = call.respond(500, AwsError("InternalFailure", "see the log of the local AWS"))
        if call.access_key != SERVICE_KEY:
            self.journal.record(call, who, response.status_code, response.calculate_content_length() or 0)
        return response

    def _carry_out(self, call: Call, environ: dict) -> Response:
        if s3.writes(call):
            with s3.write_lock:
                return Response.from_app(self._moto, environ, buffered=True)
        return Response.from_app(self._moto, environ, buffered=True)


def _sized_body(environ: dict) -> bytes | None:
    """None where the client was cut off: S3 stores an object whole or not at all."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length)
    return body if len(body) == length else None


class _Handler(MotoRequestHandler):
    def log_request(self, *_: object) -> None:
        """The journal has every request."""


def _listen(address: Address, application: Callable, tls: tuple[str, str] | None = None) -> BaseWSGIServer:
    return make_server(*address, application, threaded=True, request_handler=_Handler, ssl_context=tls)
