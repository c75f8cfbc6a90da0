"""S3's conditional writes, and who decides on a bucket policy.

moto answers If-None-Match and If-Match as S3 does (412, 404, a delete marker is no object), but looks and writes in two
steps; and it reads a bucket policy without its conditions, on top of what `access` has decided with them.
"""

import threading

from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket

from .call import Call

WRITES = frozenset({"PutObject", "CompleteMultipartUpload", "CopyObject", "DeleteObject", "DeleteObjects"})

write_lock = threading.Lock()


def writes(call: Call) -> bool:
    return call.service == "s3" and call.operation in WRITES


def install() -> None:
    FakeBucket.get_permission = lambda *_: PermissionResult.NEUTRAL
    # S3 takes a logging configuration before the policy that lets the logs in; CloudFormation relies on it.
    FakeBucket._log_permissions_enabled_policy = staticmethod(lambda **_: True)
