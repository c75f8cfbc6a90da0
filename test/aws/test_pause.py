"""`openclaw-spot pause` and `resume` on a real group, and a deploy between them."""

import json

BUCKET = "openclaw-backup-dev-123456789012-me-central-1"


def group_of(client) -> dict:
    [group] = client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=["openclaw-dev"])[
        "AutoScalingGroups"
    ]
    return group


def sizes(group: dict) -> list[int]:
    return [group["MinSize"], group["DesiredCapacity"], group["MaxSize"]]


def suspended(group: dict) -> set[str]:
    return {process["ProcessName"] for process in group["SuspendedProcesses"]}


def test_a_pause_lasts_until_it_is_resumed_also_over_a_deploy(deployed, cdk, client, tmp_path):
    s3 = client("s3")
    [former] = deployed.instances()
    s3.put_object(
        Bucket=BUCKET, Key="handover.json", Body=json.dumps({"instance": former["InstanceId"], "clean": True})
    )

    paused = cdk.tool("pause")

    assert (paused["ended"], paused["end"]) == (former["InstanceId"], "clean")
    assert former["InstanceId"] in deployed.drained
    assert deployed.instances() == []
    assert sizes(group_of(client)) == [0, 0, 1]
    assert cdk.tool("status")["paused"] == paused["paused"] != ""

    schedule = {"schedule": "stop 0 23 * * *, start 0 7 * * 1,2", "scheduleTimeZone": "Asia/Dubai"}
    changed = cdk.synth(tmp_path / "cdk.out", backupIntervalMinutes="45", **schedule)
    result = cdk.deploy(changed)

    assert result.returncode == 0, result.stdout
    assert "AWS::EC2::LaunchTemplate" in result.stdout
    assert deployed.instances() == []
    assert sizes(group_of(client)) == [0, 0, 1]
    assert cdk.tool("pause")["paused"] == paused["paused"]
    planned = client("autoscaling").describe_scheduled_actions()["ScheduledUpdateGroupActions"]
    assert sorted((action["Recurrence"], action["DesiredCapacity"], action["TimeZone"]) for action in planned) == [
        ("0 23 * * *", 0, "Asia/Dubai"),
        ("0 7 * * 1,2", 1, "Asia/Dubai"),
    ]
    assert suspended(group_of(client)) == {"ScheduledActions"}

    # One that OpenClaw is to stay stopped on, for which nobody waits: no machine boots here.
    s3.put_object(Bucket=BUCKET, Key="stopped.json", Body='{"stopped":true,"at":"2026-11-20T14:00:00Z"}')
    try:
        resumed = cdk.tool("resume")
    finally:
        s3.delete_object(Bucket=BUCKET, Key="stopped.json")
        s3.delete_object(Bucket=BUCKET, Key="handover.json")

    [successor] = deployed.instances()
    assert resumed["machine"]["id"] == successor["InstanceId"] != former["InstanceId"]
    group = group_of(client)
    assert sizes(group) == [1, 1, 1]
    assert suspended(group) == set()
    assert "openclaw:paused" not in {tag["Key"] for tag in group["Tags"]}
