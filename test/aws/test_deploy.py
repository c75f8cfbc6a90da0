"""`cdk deploy` and `cdk diff` of the default configuration, and what a change does to the machine."""

import json

import pytest
from aws.inventory import inventory
from botocore.exceptions import ClientError

STACK = "openclaw-dev"
BUCKET = "openclaw-backup-dev-123456789012-me-central-1"
AMI = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"


def stack_of(client) -> dict:
    [stack] = client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    return stack


def test_a_deploy_tells_what_its_user_needs(deployed, client):
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack_of(client)["Outputs"]}
    assert outputs["StateBucket"] == BUCKET
    assert outputs["GroupName"] == STACK
    assert outputs["GatewayLogGroup"] == "/openclaw/dev/gateway"
    assert outputs["ConnectCommand"].startswith("aws ssm start-session --region me-central-1 ")
    for key, value in outputs.items():
        assert f"{STACK}.{key} = {value}" in deployed.deployment


def test_a_deploy_waits_for_the_machine(deployed, client):
    [(instance, status)] = deployed.signalled
    assert status == "SUCCESS"
    assert f"Received SUCCESS signal with UniqueId {instance}" in deployed.deployment
    events = client("cloudformation").describe_stack_events(StackName=STACK)["StackEvents"][::-1]
    of_group = [event for event in events if event["LogicalResourceId"] == "Group"]
    assert [event["ResourceStatus"] for event in of_group][-1] == "CREATE_COMPLETE"
    assert "Received SUCCESS" in of_group[-2]["ResourceStatusReason"]


def test_a_signal_outside_a_change_is_refused(deployed, client):
    signal = {"StackName": STACK, "LogicalResourceId": "Group", "UniqueId": "late", "Status": "FAILURE"}
    with pytest.raises(ClientError, match="ValidationError"):
        client("cloudformation").signal_resource(**signal)


def test_the_instance_is_what_the_configuration_says(deployed, client):
    [instance] = deployed.instances()
    assert instance["InstanceType"] == "t4g.small"
    assert instance["InstanceLifecycle"] == "spot"
    assert instance["Placement"]["AvailabilityZone"] == "me-central-1a"
    assert instance["MetadataOptions"]["HttpTokens"] == "required"
    assert instance["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    image = client("ssm").get_parameter(Name=AMI)["Parameter"]["Value"]
    assert instance["ImageId"] == image


def test_the_state_bucket_is_made_as_described(deployed, client):
    s3 = client("s3")
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    [rule] = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert set(s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"].values()) == {True}
    logging = s3.get_bucket_logging(Bucket=BUCKET)["LoggingEnabled"]
    assert (logging["TargetBucket"], logging["TargetPrefix"]) == (BUCKET, "access-logs/")
    rules = {rule["ID"]: rule for rule in s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]}
    assert rules["OldVersions"]["NoncurrentVersionExpiration"]["NoncurrentDays"] == 35
    assert "aws:SecureTransport" in s3.get_bucket_policy(Bucket=BUCKET)["Policy"]


def test_the_machine_reads_its_resolved_instructions(deployed, machine):
    detail = machine("cloudformation").describe_stack_resource(StackName=STACK, LogicalResourceId="Group")
    init = json.loads(detail["StackResourceDetail"]["Metadata"])["AWS::CloudFormation::Init"]
    text = json.dumps(init)
    assert "STACK=dev" in text
    assert "Fn::" not in text
    assert '"Ref"' not in text


def test_a_diff_of_nothing_shows_nothing(deployed, cdk, assembly):
    assert "There were no differences" in cdk.ok("diff", "--app", assembly)


def test_a_deploy_of_nothing_does_nothing(deployed, cdk, assembly, client):
    before = [instance["InstanceId"] for instance in deployed.instances()]
    result = cdk.deploy(assembly)
    assert result.returncode == 0
    assert "no changes" in result.stdout
    assert [instance["InstanceId"] for instance in deployed.instances()] == before


def test_a_new_ami_alone_does_not_replace_the_machine(deployed, cdk, assembly, aws):
    before = deployed.instances()
    aws.publish_parameter(AMI, "ami-0123456789abcdef0")
    try:
        assert "There were no differences" in cdk.ok("diff", "--app", assembly)
        assert "no changes" in cdk.deploy(assembly).stdout
    finally:
        aws.publish_parameter(AMI, before[0]["ImageId"])
    assert [instance["InstanceId"] for instance in deployed.instances()] == [before[0]["InstanceId"]]


@pytest.fixture(scope="module")
def changed(cdk, tmp_path_factory):
    """The app with another file on the machine (machine.env) and nothing else."""
    return cdk.synth(tmp_path_factory.mktemp("changed") / "cdk.out", backupIntervalMinutes="30")


def test_a_changed_machine_replaces_the_instance_terminating_it_first(deployed, cdk, changed):
    assert "AWS::EC2::LaunchTemplate" in cdk.ok("diff", "--app", changed)
    [former] = deployed.instances()

    result = cdk.deploy(changed)

    assert result.returncode == 0, result.stdout
    [successor] = deployed.instances()
    assert successor["InstanceId"] != former["InstanceId"]
    assert former["InstanceId"] in deployed.drained
    shown = result.stdout
    begun = shown.index(f"Terminating instance(s) [{former['InstanceId']}]")
    assert begun < shown.index(f"Received SUCCESS signal with UniqueId {successor['InstanceId']}")
    assert f"Successfully terminated instance(s) [{former['InstanceId']}]" in shown


def test_a_terminated_instance_is_replaced(deployed, client):
    [lost] = deployed.instances()
    client("ec2").terminate_instances(InstanceIds=[lost["InstanceId"]])
    [successor] = deployed.instances()
    assert successor["InstanceId"] != lost["InstanceId"]
    assert ("Instances", lost["InstanceId"]) not in inventory(client)


def test_another_zone_moves_the_machine_and_nothing_else(deployed, cdk, tmp_path, client):
    elsewhere = cdk.synth(tmp_path / "cdk.out", az="me-central-1b")
    [former] = deployed.instances()

    result = cdk.deploy(elsewhere)

    assert result.returncode == 0, result.stdout
    [successor] = deployed.instances()
    assert successor["Placement"]["AvailabilityZone"] == "me-central-1b"
    assert former["InstanceId"] in deployed.drained
    ec2 = client("ec2")
    assert successor["VpcId"] == former["VpcId"]
    here = [{"Name": "vpc-id", "Values": [former["VpcId"]]}]
    assert [subnet["SubnetId"] for subnet in ec2.describe_subnets(Filters=here)["Subnets"]] == [successor["SubnetId"]]
