"""Who calls, and whether IAM lets them.

Modelled: the operator's key (may do everything), temporary credentials of a role with the role's inline and managed
policies, bucket policies, the trust policy of a role that is assumed with a token of an identity provider. Credentials
are told by key id and session token: the request's signature itself is not verified, and neither is a token's. The
trust policy of a role that another one assumes, IAM users and resource policies other than a bucket's are not modelled.
A refusal is one line in the log.
"""

import base64
import datetime
import json
import logging
import secrets
import time
from dataclasses import dataclass
from typing import Any

from moto.iam.models import iam_backends
from moto.s3.models import s3_backends
from moto.sts.models import sts_backends

from . import policy
from .call import AwsError, Call
from .questions import asked

log = logging.getLogger("lab.aws.access")

OPERATOR_KEY = "AKIAIOSFODNN7EXAMPLE"
# Services acting for the account (CloudFormation makes resources with it). Nobody outside this process knows it.
SERVICE_KEY = "AKIA" + secrets.token_hex(8).upper()


class Refused(Exception):
    def __init__(self, status: int, code: str, message: str):
        super().__init__(message)
        self.status = status
        self.error = AwsError(code, message)


@dataclass
class Principal:
    arn: str
    also: tuple[str, ...] = ()
    documents: tuple[dict, ...] | None = None
    """Policies that bind it; None for one that may do everything."""


class Access:
    def __init__(self, account: str):
        self.account = account

    def check(self, call: Call) -> Principal:
        """The caller, if it may do what it asks; raises Refused otherwise."""
        if call.operation == "AssumeRoleWithWebIdentity":
            return self._federated(call)
        principal = self._principal(call)
        if principal.documents is None or call.operation == "GetCallerIdentity":
            return principal
        for action, resource, values in asked(call, self.account):
            context = {**self._context(call, principal), **{key: got for key, got in values.items() if got is not None}}
            question = policy.Question(action, resource, context, (principal.arn, *principal.also))
            if not self._allowed(question, principal, call):
                log.warning("denied: %s may not %s on %s", principal.arn, action, resource)
                raise _denied(
                    call, f"User: {principal.arn} is not authorized to perform: {action} on resource: {resource}"
                )
        return principal

    def _federated(self, call: Call) -> Principal:
        """Who comes with a token, if the role that it asks for trusts the token's provider and claims."""
        iam = iam_backends[self.account]["aws"]
        claims = _claims(call.params["WebIdentityToken"])
        issuer = claims.get("iss", "").removeprefix("https://")
        provider = iam.open_id_providers.get(f"arn:aws:iam::{self.account}:oidc-provider/{issuer}")
        if not provider or claims.get("aud") not in provider.client_id_list or claims.get("exp", 0) < time.time():
            raise Refused(400, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for this token")
        context = {f"{issuer}:{name}".lower(): value for name, value in claims.items()}
        question = policy.Question(f"sts:{call.operation}", "*", context, (provider.arn,))
        role = iam.get_role_by_arn(call.params["RoleArn"])
        trust = json.loads(role.assume_role_policy_document)
        # A trust policy has no resource: it is of the role itself.
        statements = [{**statement, "Resource": "*"} for statement in trust["Statement"]]
        if policy.decide([{"Statement": statements}], question) != policy.ALLOW:
            log.warning("denied: %s may not assume %s", claims.get("sub"), role.arn)
            raise Refused(403, "AccessDenied", f"Not authorized to perform sts:{call.operation}")
        return Principal(f"{provider.arn}/{claims.get('sub')}")

    def _allowed(self, question: policy.Question, principal: Principal, call: Call) -> bool:
        documents = [*principal.documents, *self._bucket_policy(question, call)]
        return policy.decide(documents, question) == policy.ALLOW

    def _principal(self, call: Call) -> Principal:
        root = f"arn:aws:iam::{self.account}:root"
        if call.access_key in (OPERATOR_KEY, SERVICE_KEY):
            return Principal(root)
        for session in sts_backends[self.account]["aws"].assumed_roles:
            if session.access_key_id == call.access_key and session.session_token == call.session_token:
                if session.expiration < datetime.datetime.now(datetime.UTC).replace(tzinfo=session.expiration.tzinfo):
                    log.warning("denied: the credentials of %s have expired", session.arn)
                    raise Refused(403, "ExpiredToken", "The security token included in the request is expired")
                also = (session.role_arn, root, self.account)
                return Principal(session.arn, also, tuple(self._documents(session.role_arn)))
        log.warning("denied: nobody has the key %s (%s)", call.access_key, call.name)
        code, status = _UNKNOWN_KEY.get(call.service, ("InvalidClientTokenId", 403))
        raise Refused(status, code, "The security token included in the request is invalid")

    def _documents(self, role_arn: str) -> list[dict]:
        iam = iam_backends[self.account]["aws"]
        role = iam.get_role_by_arn(role_arn)
        inline = [role.policies[name] for name in role.policies]
        managed = [
            version.document
            for attached in role.managed_policies.values()
            for version in attached.versions
            if version.version_id == attached.default_version_id
        ]
        return [json.loads(document) if isinstance(document, str) else document for document in inline + managed]

    def _bucket_policy(self, question: policy.Question, call: Call) -> list[dict]:
        bucket = s3_backends[self.account]["aws"].buckets.get(call.params.get("Bucket"))
        if call.service != "s3" or not question.resource.startswith("arn:aws:s3:::") or not bucket or not bucket.policy:
            return []
        return [json.loads(bucket.policy)]

    def _context(self, call: Call, principal: Principal) -> dict[str, Any]:
        now = datetime.datetime.now(datetime.UTC)
        return {
            "aws:principalarn": principal.also[0],
            "aws:principalaccount": self.account,
            "aws:resourceaccount": self.account,
            "s3:resourceaccount": self.account,
            "aws:requestedregion": call.region,
            "aws:securetransport": str(call.secure).lower(),
            "aws:sourceip": call.source,
            "aws:currenttime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


def _claims(token: str) -> dict[str, Any]:
    """What a JSON Web Token says; nothing where it is none."""
    try:
        body = token.split(".")[1]
        return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (IndexError, ValueError):
        return {}


_UNKNOWN_KEY = {
    "s3": ("InvalidAccessKeyId", 403),
    "ec2": ("AuthFailure", 401),
    "ssm": ("UnrecognizedClientException", 400),
    "logs": ("UnrecognizedClientException", 400),
    "ecr": ("UnrecognizedClientException", 400),
}


def _denied(call: Call, message: str) -> Refused:
    if call.service == "ec2":
        return Refused(403, "UnauthorizedOperation", f"You are not authorized to perform this operation. {message}")
    if call.service in ("ssm", "logs", "ecr"):
        return Refused(400, "AccessDeniedException", message)
    return Refused(403, "AccessDenied", message)
