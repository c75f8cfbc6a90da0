"""A machine that does not get ready, destroying and coming back: each starts from an account with nothing but the
bootstrap.
"""

import pytest
from aws.cdk import edited
from aws.inventory import inventory
from aws.stand_in import StandIn

STACK = "openclaw-trial"
BUCKET = "openclaw-backup-trial-123456789012-me-central-1"
ADOPT = {"CDK_IMPORT_EXISTING_RESOURCES": "true"}
HINT = "CDK_IMPORT_EXISTING_RESOURCES=true npx cdk deploy -c az=me-central-1a -c stack=trial"


@pytest.fixture(scope="module")
def trial(cdk, tmp_path_factory):
    return cdk.synth(tmp_path_factory.mktemp("trial") / "cdk.out", stack="trial")


@pytest.fixture
def impatient(trial, tmp_path):
    """The app as it is, but for 4 seconds of patience with the machine instead of its minutes."""

    def shorten(template: dict) -> None:
        group = template["Resources"]["Group"]
        group["CreationPolicy"]["ResourceSignal"]["Timeout"] = "PT4S"
        group["UpdatePolicy"]["AutoScalingRollingUpdate"]["PauseTime"] = "PT4S"

    return edited(trial, tmp_path / "impatient", shorten)


@pytest.fixture
def larger(trial, tmp_path):
    """The app with a larger instance."""

    def change(template: dict) -> None:
        [data] = [
            resource["Properties"]["LaunchTemplateData"]
            for resource in template["Resources"].values()
            if resource["Type"] == "AWS::EC2::LaunchTemplate"
        ]
        data["InstanceType"] = "t4g.medium"

    return edited(trial, tmp_path / "larger", change)


@pytest.fixture
def machine(aws):
    with StandIn(aws, STACK) as machine:
        yield machine
    assert machine.faults == []


@pytest.fixture
def untouched(client, cdk, machine):
    """What there is before the test; the test's stack and bucket are gone after it."""
    before = inventory(client)
    yield before
    cloudformation, s3 = client("cloudformation"), client("s3")
    if ("Stacks", STACK) in inventory(client):
        machine.answer = "SUCCESS"
        cloudformation.delete_stack(StackName=STACK)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
    if ("Buckets", BUCKET) in inventory(client):
        s3.put_bucket_logging(Bucket=BUCKET, BucketLoggingStatus={})
        for kind in ("Versions", "DeleteMarkers"):
            for item in s3.list_object_versions(Bucket=BUCKET).get(kind, []):
                s3.delete_object(Bucket=BUCKET, Key=item["Key"], VersionId=item["VersionId"])
        s3.delete_bucket(Bucket=BUCKET)


def status(client) -> str:
    return client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]


def test_a_failed_machine_fails_the_deploy_and_leaves_only_the_bucket(untouched, cdk, trial, machine, client):
    machine.answer = "FAILURE"
    result = cdk.deploy(trial)
    assert result.returncode != 0
    assert "Received 1 FAILURE signal(s) out of 1" in result.stdout
    assert status(client) == "ROLLBACK_COMPLETE"
    assert inventory(client) - untouched == {("Buckets", BUCKET), ("Stacks", STACK)}

    machine.answer = "SUCCESS"
    refused = cdk.deploy(trial)
    assert refused.returncode != 0
    assert f"{BUCKET} already exists" in refused.stdout
    assert "a first deploy that failed left it" in refused.stdout
    assert HINT in refused.stdout

    again = cdk.deploy(trial, **ADOPT)
    assert again.returncode == 0, again.stdout
    assert status(client) == "CREATE_COMPLETE"


def test_a_silent_machine_fails_the_deploy_when_time_is_up(untouched, cdk, impatient, machine, client):
    machine.answer = None
    result = cdk.deploy(impatient)
    assert result.returncode != 0
    assert "Failed to receive 1 resource signal(s) within the specified duration" in result.stdout
    assert status(client) == "ROLLBACK_COMPLETE"


def test_a_signal_that_names_no_instance_of_the_group_is_not_waited_for(untouched, cdk, impatient, machine, client):
    machine.answer, machine.signal_id = "FAILURE", "openclaw.service failed"
    result = cdk.deploy(impatient)
    assert "Received FAILURE signal with UniqueId openclaw.service failed" in result.stdout
    assert "Failed to receive 1 resource signal(s) within the specified duration" in result.stdout


@pytest.mark.usefixtures("untouched")
def test_an_update_whose_machine_fails_goes_back(cdk, trial, larger, machine, client):
    assert cdk.deploy(trial).returncode == 0
    [good] = machine.instances()

    machine.fail_types = {"t4g.medium"}
    result = cdk.deploy(larger)

    assert result.returncode != 0
    assert "Received 1 FAILURE signal(s) out of 1" in result.stdout
    assert status(client) == "UPDATE_ROLLBACK_COMPLETE"
    [back] = machine.instances()
    assert back["InstanceType"] == "t4g.small"
    assert back["InstanceId"] != good["InstanceId"]


def test_a_destroy_leaves_the_state_and_a_deploy_finds_it(untouched, cdk, trial, machine, client):
    assert cdk.deploy(trial).returncode == 0
    [instance] = machine.instances()
    machine.credentials(instance)("s3").put_object(Bucket=BUCKET, Key="snapshots/config", Body=b"precious")
    policy = client("s3").get_bucket_policy(Bucket=BUCKET)["Policy"]

    cdk.ok("destroy", "--app", trial, "--force")

    assert machine.drained == [instance["InstanceId"]]
    assert inventory(client) - untouched == {("Buckets", BUCKET)}
    assert client("s3").get_bucket_policy(Bucket=BUCKET)["Policy"] == policy
    assert client("s3").get_object(Bucket=BUCKET, Key="snapshots/config")["Body"].read() == b"precious"

    refused = cdk.deploy(trial)
    assert refused.returncode != 0
    assert f"{BUCKET} already exists" in refused.stdout
    assert HINT in refused.stdout
    assert "make deploy AZ=me-central-1a STACK=trial" in refused.stdout
    assert inventory(client) - untouched == {("Buckets", BUCKET), ("Stacks", STACK)}

    adopted = cdk.deploy(trial, **ADOPT)
    assert adopted.returncode == 0, adopted.stdout
    assert client("s3").get_object(Bucket=BUCKET, Key="snapshots/config")["Body"].read() == b"precious"
    assert client("s3").get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
