"""What the deployed instance role may do, asked with its own temporary credentials at the API itself."""

import urllib.request
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError

BUCKET = "openclaw-backup-dev-123456789012-me-central-1"
STACK = "openclaw-dev"
GROUP = {"AutoScalingGroupName": "openclaw-dev"}
DENIALS = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"}
METRIC = [{"MetricName": "BackupSuccess", "Value": 1}]
CREATE = {"Type": "SecureString", "Value": "x", "Overwrite": False}
REPLACE = {**CREATE, "Overwrite": True}
HOOK = {**GROUP, "LifecycleHookName": "drain", "InstanceId": "i-00000000000000000"}


def denied(client, operation: str, params: dict) -> bool:
    """Whether IAM refused; any other answer of the service means that IAM let the call through."""
    try:
        getattr(client, operation)(**params)
    except ClientError as error:
        return error.response["Error"]["Code"] in DENIALS
    return False


ALLOWED = [
    ("s3", "put_object", {"Bucket": BUCKET, "Key": "snapshots/data/aa", "Body": b"a"}),
    ("s3", "get_object", {"Bucket": BUCKET, "Key": "snapshots/data/aa"}),
    ("s3", "head_object", {"Bucket": BUCKET, "Key": "snapshots/data/aa"}),
    ("s3", "list_objects_v2", {"Bucket": BUCKET, "Prefix": "snapshots/"}),
    ("s3", "list_object_versions", {"Bucket": BUCKET}),
    ("s3", "create_multipart_upload", {"Bucket": BUCKET, "Key": "tools/restic"}),
    ("s3", "delete_object", {"Bucket": BUCKET, "Key": "snapshots/data/aa"}),
    (
        "s3",
        "delete_objects",
        {"Bucket": BUCKET, "Delete": {"Objects": [{"Key": "snapshots/data/a"}, {"Key": "snapshots/data/b"}]}},
    ),
    ("ssm", "get_parameters_by_path", {"Path": "/openclaw/dev/env/", "Recursive": True, "WithDecryption": True}),
    ("ssm", "get_parameter", {"Name": "/openclaw/dev/image"}),
    ("ssm", "put_parameter", {"Name": "/openclaw/dev/env/OPENCLAW_GATEWAY_TOKEN", **CREATE}),
    ("ssm", "put_parameter", {"Name": "/openclaw/dev/restic-password", **CREATE}),
    ("ssm", "put_parameter", {"Name": "/openclaw/dev/state-key", **CREATE}),
    ("ssm", "put_parameter", {"Name": "/openclaw/dev/state-signed-from", **CREATE}),
    ("ssm", "put_parameter", {"Name": "/openclaw/dev/backup-engine", **REPLACE}),
    ("ssm", "put_parameter", {"Name": "/openclaw/dev/image", **REPLACE}),
    ("logs", "create_log_stream", {"logGroupName": "/openclaw/dev/gateway", "logStreamName": "i-1"}),
    (
        "logs",
        "put_log_events",
        {
            "logGroupName": "/openclaw/dev/gateway",
            "logStreamName": "i-1",
            "logEvents": [{"timestamp": 1, "message": "m"}],
        },
    ),
    ("cloudwatch", "put_metric_data", {"Namespace": "OpenClaw/dev", "MetricData": METRIC}),
    ("cloudformation", "describe_stack_resource", {"StackName": STACK, "LogicalResourceId": "Group"}),
    (
        "cloudformation",
        "signal_resource",
        {"StackName": STACK, "LogicalResourceId": "Group", "UniqueId": "i-1", "Status": "SUCCESS"},
    ),
    ("autoscaling", "record_lifecycle_action_heartbeat", HOOK),
    ("autoscaling", "complete_lifecycle_action", {**HOOK, "LifecycleActionResult": "CONTINUE"}),
    ("ec2", "describe_instances", {}),
    ("sts", "get_caller_identity", {}),
]

FORBIDDEN = [
    ("s3", "delete_object", {"Bucket": BUCKET, "Key": "snapshots/data/aa", "VersionId": "null"}),
    (
        "s3",
        "delete_objects",
        {
            "Bucket": BUCKET,
            "Delete": {"Objects": [{"Key": "snapshots/data/a"}, {"Key": "snapshots/data/b", "VersionId": "null"}]},
        },
    ),
    ("s3", "delete_object", {"Bucket": BUCKET, "Key": "tools/restic"}),
    ("s3", "delete_object", {"Bucket": BUCKET, "Key": "lease.json"}),
    ("s3", "delete_object", {"Bucket": BUCKET, "Key": "snapshots/config"}),
    ("s3", "delete_object", {"Bucket": BUCKET, "Key": "mirror/workspace/notes.md"}),
    ("s3", "put_object", {"Bucket": BUCKET, "Key": "mirror/workspace/notes.md", "Body": b""}),
    ("s3", "put_object", {"Bucket": BUCKET, "Key": "restore.json", "Body": b"{}"}),
    (
        "s3",
        "delete_objects",
        {"Bucket": BUCKET, "Delete": {"Objects": [{"Key": "snapshots/data/a"}, {"Key": "tools/restic"}]}},
    ),
    ("s3", "put_object", {"Bucket": BUCKET, "Key": "access-logs/forged", "Body": b""}),
    ("s3", "get_object", {"Bucket": BUCKET, "Key": "access-logs/one"}),
    ("s3", "delete_object", {"Bucket": BUCKET, "Key": "access-logs/one"}),
    ("s3", "put_bucket_versioning", {"Bucket": BUCKET, "VersioningConfiguration": {"Status": "Suspended"}}),
    ("s3", "put_bucket_lifecycle_configuration", {"Bucket": BUCKET, "LifecycleConfiguration": {"Rules": []}}),
    ("s3", "put_bucket_policy", {"Bucket": BUCKET, "Policy": "{}"}),
    ("s3", "delete_bucket_policy", {"Bucket": BUCKET}),
    ("s3", "delete_bucket", {"Bucket": BUCKET}),
    ("s3", "list_buckets", {}),
    ("s3", "list_objects_v2", {"Bucket": "cdk-hnb659fds-assets-123456789012-me-central-1"}),
    ("ssm", "get_parameter", {"Name": "/openclaw/development/image"}),
    ("ssm", "get_parameters_by_path", {"Path": "/openclaw/", "Recursive": True}),
    ("ssm", "get_parameters_by_path", {"Path": "/openclaw/prod/env/"}),
    ("ssm", "get_parameters", {"Names": ["/openclaw/dev/image"]}),
    ("ssm", "put_parameter", {"Name": "/openclaw/dev/env/OPENCLAW_GATEWAY_TOKEN", **REPLACE}),
    ("ssm", "put_parameter", {"Name": "/openclaw/dev/restic-password", **REPLACE}),
    ("ssm", "put_parameter", {"Name": "/openclaw/dev/state-key", **REPLACE}),
    ("ssm", "put_parameter", {"Name": "/openclaw/dev/state-signed-from", **REPLACE}),
    ("ssm", "put_parameter", {"Name": "/openclaw/dev/env/OPENAI_API_KEY", **CREATE}),
    ("ssm", "delete_parameter", {"Name": "/openclaw/dev/restic-password"}),
    ("ssm", "send_command", {"DocumentName": "AWS-RunShellScript"}),
    ("logs", "create_log_stream", {"logGroupName": "/openclaw/prod/gateway", "logStreamName": "i-1"}),
    ("logs", "delete_log_group", {"logGroupName": "/openclaw/dev/gateway"}),
    ("logs", "put_retention_policy", {"logGroupName": "/openclaw/dev/gateway", "retentionInDays": 1}),
    ("cloudwatch", "put_metric_data", {"Namespace": "OpenClaw/prod", "MetricData": METRIC}),
    ("cloudwatch", "delete_alarms", {"AlarmNames": ["any"]}),
    ("cloudformation", "describe_stack_resource", {"StackName": "CDKToolkit", "LogicalResourceId": "StagingBucket"}),
    ("cloudformation", "delete_stack", {"StackName": STACK}),
    ("cloudformation", "get_template", {"StackName": STACK}),
    ("autoscaling", "set_desired_capacity", {**GROUP, "DesiredCapacity": 0}),
    ("autoscaling", "update_auto_scaling_group", {**GROUP, "MaxSize": 2}),
    (
        "autoscaling",
        "complete_lifecycle_action",
        {**HOOK, "AutoScalingGroupName": "openclaw-prod", "LifecycleActionResult": "CONTINUE"},
    ),
    ("ec2", "run_instances", {"ImageId": "ami-1", "MinCount": 1, "MaxCount": 1}),
    ("ec2", "terminate_instances", {"InstanceIds": ["i-00000000000000000"]}),
    ("ec2", "authorize_security_group_ingress", {"GroupId": "sg-1", "IpPermissions": []}),
    ("iam", "list_roles", {}),
    ("iam", "create_user", {"UserName": "intruder"}),
    ("iam", "put_role_policy", {"RoleName": "r", "PolicyName": "p", "PolicyDocument": "{}"}),
    (
        "sts",
        "assume_role",
        {
            "RoleArn": "arn:aws:iam::123456789012:role/cdk-hnb659fds-cfn-exec-role-123456789012-me-central-1",
            "RoleSessionName": "intruder",
        },
    ),
    ("ecr", "get_authorization_token", {}),
    ("sns", "create_topic", {"Name": "other"}),
]


def named(case: tuple) -> str:
    service, operation, params = case
    return f"{service}-{operation}-{next((str(value) for value in params.values()), '')}"[:70]


@pytest.mark.parametrize("case", ALLOWED, ids=named)
def test_the_machine_may(case, machine):
    service, operation, params = case
    assert not denied(machine(service), operation, params)


@pytest.mark.parametrize("case", FORBIDDEN, ids=named)
def test_the_machine_may_not(case, machine, caplog):
    service, operation, params = case
    assert denied(machine(service), operation, params)
    [line] = [record.getMessage() for record in caplog.records if record.name == "lab.aws.access"]
    assert line.startswith("denied: arn:aws:sts::123456789012:assumed-role/openclaw-dev-")


def test_a_deleted_object_can_be_brought_back(machine, client):
    """What a machine that was taken over deletes is still in the bucket."""
    machine("s3").put_object(Bucket=BUCKET, Key="snapshots/data/notes", Body=b"precious")
    machine("s3").delete_object(Bucket=BUCKET, Key="snapshots/data/notes")
    [version] = client("s3").list_object_versions(Bucket=BUCKET, Prefix="snapshots/data/notes")["Versions"]
    kept = client("s3").get_object(Bucket=BUCKET, Key="snapshots/data/notes", VersionId=version["VersionId"])
    assert kept["Body"].read() == b"precious"


def test_the_bucket_takes_encrypted_connections_only(deployed, aws):
    [instance] = deployed.instances()
    key = {"Bucket": BUCKET, "Prefix": "snapshots/"}
    assert not denied(deployed.credentials(instance)("s3"), "list_objects_v2", key)
    assert denied(deployed.credentials(instance, aws.plain_url)("s3"), "list_objects_v2", key)


def test_nobody_without_credentials_gets_in(deployed, aws):
    with pytest.raises(HTTPError) as refused:
        urllib.request.urlopen(f"{aws.url}/{BUCKET}?list-type=2")
    assert refused.value.code == 403


def test_an_unknown_key_is_refused(deployed, aws):
    with pytest.raises(ClientError) as refused:
        aws.client_factory("AKIAI44QH8DHBEXAMPLE")("ssm").get_parameter(Name="/openclaw/dev/image")
    assert refused.value.response["Error"]["Code"] == "UnrecognizedClientException"


def test_credentials_need_their_session_token(deployed, machine, aws):
    credentials = machine("ec2")._request_signer._credentials
    with pytest.raises(ClientError) as refused:
        aws.client_factory(credentials.access_key)("ec2").describe_instances()
    assert refused.value.response["Error"]["Code"] == "AuthFailure"
