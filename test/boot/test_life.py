"""What happens to a machine: restart, reboot, power cut, and a restore that does not work. In the order of its life."""

import datetime
import json

import pytest
from lab import demo, ec2, images, metadata, services, settings
from lab.docker import docker

from .looking import GATEWAY, container_environment, eventually, user_data_said


def versions(deployment) -> list[tuple[str, str]]:
    """Every version of every object of the state, and every delete marker."""
    answer = deployment.client("s3").list_object_versions(Bucket=deployment.bucket)
    found = answer.get("Versions", []) + answer.get("DeleteMarkers", [])
    return sorted(
        (each["Key"], each["VersionId"]) for each in found if not each["Key"].startswith(("tools/", "access-logs/"))
    )


def test_a_restart_fetches_the_secrets_anew(deployment, machine):
    deployment.put_secret("env/ADDED_LATER", "a new value")
    machine.execute("systemctl", "restart", "openclaw.service")
    assert container_environment(machine)["ADDED_LATER"] == "a new value"


def test_a_reboot_comes_back_with_the_state(deployment, machine):
    demo.write(machine)
    before = machine.state["StartedAt"]
    machine.reboot()
    assert eventually(lambda: machine.running and machine.state["StartedAt"] != before, seconds=150)
    again = deployment.wait_ready()
    assert again.instance_id == machine.instance_id
    assert demo.read(again)
    restore = again.journal("--boot", "--unit", "openclaw-restore.service")
    assert '"event": "lease"' in restore and '"event": "restore"' not in restore, restore


def test_a_spot_notice_loses_nothing(deployment, emulator, machine):
    machine.execute("sh", "-c", "echo 'not in any backup yet' >/opt/openclaw/workspace/last-words")
    at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=120)
    ec2.change_metadata(machine, metadata.spot_interruption("terminate", at))
    replacement = deployment.wait_ready(other_than=machine.instance_id)
    assert replacement.execute("cat", "/opt/openclaw/workspace/last-words") == "not in any backup yet"
    calls = [each["call"] for each in emulator.requests() if each["who"].endswith(f"/{machine.instance_id}")]
    keys = [each.get("key") for each in emulator.requests() if each["who"].endswith(f"/{machine.instance_id}")]
    released = len(keys) - 1 - keys[::-1].index("lease.json")
    assert calls.index("autoscaling:CompleteLifecycleAction") > released, "the group goes on when the state is safe"


@pytest.fixture
def moved_tag(tmp_path):
    """The image's tag in the registry names another image for a while."""
    original = images.ensure_openclaw()
    (tmp_path / "Dockerfile").write_text(f"FROM {original}\nLABEL moved=yes\n")
    images.build("openclaw-lab/moved:latest", tmp_path)
    moved = services.push("openclaw-lab/moved:latest", settings.OPENCLAW_IMAGE)
    yield moved
    services.push(original, settings.OPENCLAW_IMAGE)
    docker("rmi", "openclaw-lab/moved:latest")


def test_a_power_cut_brings_a_replacement_with_the_state_and_the_same_image(deployment, machine, moved_tag):
    recorded = json.loads(
        deployment.client("ssm").get_parameter(Name=f"{deployment.parameter_path}/image")["Parameter"]["Value"]
    )
    machine.execute("systemctl", "start", "openclaw-backup.service")
    machine.cut_power()
    replacement = deployment.wait_ready(other_than=machine.instance_id)

    assert demo.read(replacement)
    demo.check_page()
    running = replacement.execute("docker", "inspect", "--format", "{{.Config.Image}} {{.Image}}", GATEWAY)
    name, image_id = running.split()
    digests = json.loads(
        replacement.execute("docker", "image", "inspect", "--format", "{{json .RepoDigests}}", image_id)
    )
    assert recorded["digest"] != moved_tag
    assert [digest.partition("@")[2] for digest in digests] == [recorded["digest"]], name


def test_a_normal_life_asks_for_nothing_that_iam_denies(emulator):
    assert emulator.denials() == []


def test_a_failed_restore_keeps_openclaw_down_and_refuses_backups(deployment, emulator, machine):
    emulator.fail("s3", "GetObject")
    try:
        machine.cut_power()
        before = versions(deployment)
        failed = eventually(lambda: failed_machine(deployment, other_than=machine.instance_id), seconds=400)
        assert failed, "no replacement that gave up"
        assert failed.execute("systemctl", "is-active", "openclaw.service", check=False) == "inactive"
        assert failed.execute("docker", "ps", "--quiet") == ""
        failed.execute("systemctl", "start", "openclaw-backup.service", check=False)
        assert versions(deployment) == before
    finally:
        emulator.heal()
    recovered = deployment.wait_ready(other_than=machine.instance_id)
    assert demo.read(recovered)
    assert recovered.succeeds("systemctl", "is-enabled", "--quiet", "openclaw.service"), "a reboot starts it again"


def failed_machine(deployment, other_than: str):
    """The replacement once its user data has given up, or None."""
    machine = deployment.machine()
    if not machine or machine.instance_id == other_than:
        return None
    return machine if "first-start: error:" in user_data_said(machine) else None
