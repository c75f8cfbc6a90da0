"""The IAM actions, resources and condition values of a call, after AWS's Service Authorization Reference.

A call that asks for several things (deleting a batch of objects, copying one) needs each to be allowed; AWS would
answer a batch of deletes key by key. Calls that are not listed here are decided on the resource `*`, so that only a
statement with `Resource: "*"` can allow them. What tags or an ACL in a PutObject ask for besides is not modelled.
"""

from collections.abc import Iterator
from urllib.parse import unquote

from moto.autoscaling.models import autoscaling_backends
from moto.ec2.models import ec2_backends

from .call import Call
from .cloudformation.stack import STACKS

S3_ACTIONS = {
    "ListBuckets": "ListAllMyBuckets",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListParts": "ListMultipartUploadParts",
    "HeadObject": "GetObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
}
OF_A_VERSION = {"GetObject", "DeleteObject", "GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging"}

Asked = tuple[str, str, dict]
"""An IAM action, the ARN it is asked on, and the service's condition values."""


def asked(call: Call, account: str) -> list[Asked]:
    if call.service == "s3":
        return list(_s3(call))
    own = globals().get(f"_{call.service}")
    found = list(own(call, f"{call.region}:{account}")) if own else []
    return found or [(call.name, "*", {})]


def _s3(call: Call) -> Iterator[Asked]:
    bucket, key, params = call.params.get("Bucket"), call.params.get("Key"), call.params
    values = {f"s3:{name}": params.get(name.title().replace("-", "")) for name in ("prefix", "delimiter", "max-keys")}
    values["s3:versionid"] = params.get("VersionId")
    values["s3:x-amz-server-side-encryption"] = params.get("ServerSideEncryption")
    if call.operation == "DeleteObjects":
        for item in params.get("Delete", {}).get("Objects", []):
            action = "DeleteObjectVersion" if item.get("VersionId") else "DeleteObject"
            yield f"s3:{action}", f"arn:aws:s3:::{bucket}/{item['Key']}", {"s3:versionid": item.get("VersionId")}
        return
    if call.operation in ("CopyObject", "UploadPartCopy"):
        source, _, version = unquote(call.headers["x-amz-copy-source"]).lstrip("/").partition("?versionId=")
        yield f"s3:GetObject{'Version' if version else ''}", f"arn:aws:s3:::{source}", {"s3:versionid": version or None}
        yield "s3:PutObject", f"arn:aws:s3:::{bucket}/{key}", values
        return
    action = S3_ACTIONS.get(call.operation, call.operation)
    if action in OF_A_VERSION and params.get("VersionId"):
        action = action.replace("Object", "ObjectVersion", 1)
    if action in ("ListBucket", "ListBucketVersions") and values["s3:prefix"] is None:
        values["s3:prefix"] = ""
    resource = "*" if not bucket else f"arn:aws:s3:::{bucket}" + (f"/{key}" if key else "")
    yield f"s3:{action}", resource, values


def _ssm(call: Call, where: str) -> Iterator[Asked]:
    names = [call.params[key] for key in ("Name", "Path") if isinstance(call.params.get(key), str)]
    values = {"ssm:recursive": call.params.get("Recursive")}
    # Where a request does not say, what AWS takes it for is not documented: no value.
    if (overwrite := call.params.get("Overwrite")) is not None:
        values["ssm:overwrite"] = str(overwrite).lower()
    if "Parameter" in call.operation and call.operation != "DescribeParameters":
        for name in names + list(call.params.get("Names", [])):
            bare = name.partition(":")[0].removeprefix("/")
            yield call.name, f"arn:aws:ssm:{where}:parameter/{bare}", values
    elif call.operation == "UpdateInstanceInformation":
        yield call.name, f"arn:aws:ec2:{where}:instance/{call.params['InstanceId']}", {}


def _logs(call: Call, where: str) -> Iterator[Asked]:
    if group := call.params.get("logGroupName"):
        stream = call.params.get("logStreamName", "")
        yield call.name, f"arn:aws:logs:{where}:log-group:{group}:log-stream:{stream}", {}


def _cloudwatch(call: Call, where: str) -> Iterator[Asked]:
    if call.operation == "PutMetricData":
        yield call.name, "*", {"cloudwatch:namespace": call.params.get("Namespace")}
    for name in call.params.get("AlarmNames", []) if call.operation != "DescribeAlarms" else []:
        yield call.name, f"arn:aws:cloudwatch:{where}:alarm:{name}", {}
    if call.operation == "PutMetricAlarm":
        yield call.name, f"arn:aws:cloudwatch:{where}:alarm:{call.params['AlarmName']}", {}


def _cloudformation(call: Call, where: str) -> Iterator[Asked]:
    name = call.params.get("StackName")
    if not name and str(call.params.get("ChangeSetName", "")).startswith("arn:"):
        name = STACKS.of_change_set(call.params["ChangeSetName"])
    if name:
        stack = STACKS.find(call.region, name)
        arn = stack.id if stack else f"arn:aws:cloudformation:{where}:stack/{name}/*"
        yield call.name, name if name.startswith("arn:") else arn, {}


def _autoscaling(call: Call, where: str) -> Iterator[Asked]:
    if call.operation.startswith("Describe"):
        return
    account = where.partition(":")[2]
    groups = autoscaling_backends[account][call.region].autoscaling_groups.values()
    name, instance = call.params.get("AutoScalingGroupName"), call.params.get("InstanceId")
    for group in groups:
        members = {state.instance.id for state in group.instance_states}
        if group.name == name or (not name and instance in members):
            tags = {
                f"{prefix}:resourcetag/{tag['Key']}".lower(): tag["Value"]
                for tag in group.tags
                for prefix in ("aws", "autoscaling")
            }
            yield call.name, group.arn, tags
            return
    yield call.name, f"arn:aws:autoscaling:{where}:autoScalingGroup:*:autoScalingGroupName/{name or '*'}", {}


def _ec2(call: Call, where: str) -> Iterator[Asked]:
    if call.operation.startswith("Describe"):
        return
    account = where.partition(":")[2]
    ids = list(call.params.get("InstanceIds", [])) + [
        call.params[key] for key in ("InstanceId",) if call.params.get(key)
    ]
    for instance in ids:
        tags = ec2_backends[account][call.region].describe_tags({"resource-id": [instance]})
        values = {
            f"{prefix}:resourcetag/{tag['key']}".lower(): tag["value"] for tag in tags for prefix in ("aws", "ec2")
        }
        yield call.name, f"arn:aws:ec2:{where}:instance/{instance}", values


def _ecr(call: Call, where: str) -> Iterator[Asked]:
    if name := call.params.get("repositoryName"):
        yield call.name, f"arn:aws:ecr:{where}:repository/{name}", {}


def _sns(call: Call, where: str) -> Iterator[Asked]:
    if arn := call.params.get("TopicArn") or call.params.get("TargetArn"):
        yield call.name, arn, {}


def _sts(call: Call, where: str) -> Iterator[Asked]:
    if arn := call.params.get("RoleArn"):
        yield call.name, arn, {}


def _iam(call: Call, where: str) -> Iterator[Asked]:
    account = where.partition(":")[2]
    if name := call.params.get("RoleName"):
        yield call.name, f"arn:aws:iam::{account}:role/{name}", {}
