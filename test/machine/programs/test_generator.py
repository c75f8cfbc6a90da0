"""openclaw-generator: machine.env in systemd's terms."""

import pytest
from machine.conftest import ASSETS

GENERATOR = ASSETS / "etc/systemd/system-generators/openclaw-generator"


@pytest.fixture
def generate(machine):
    def generate(**settings):
        machine_env = machine.root / "machine.env"
        machine_env.write_text("STACK=dev\n" + "".join(f"{name}={value}\n" for name, value in settings.items()))
        out = machine.root / "out"
        out.mkdir(exist_ok=True)
        done = machine.run(GENERATOR, str(out), str(out), str(out), OPENCLAW_MACHINE_ENV=str(machine_env))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        return sorted(str(path.relative_to(out)) for path in out.rglob("*") if not path.is_dir())

    return generate


def test_backups_come_with_the_service_at_the_deployments_interval(generate, machine):
    made = generate(BACKUP="mirror", BACKUP_INTERVAL_MINUTES="7", AUTO_APPROVE_DEVICES="false")
    assert made == [
        "openclaw-backup.timer.d/interval.conf",
        "openclaw.service.wants/openclaw-backup.timer",
        "openclaw.service.wants/openclaw-drill.timer",
        "openclaw.service.wants/openclaw-lease.timer",
    ]
    assert (machine.root / "out/openclaw-backup.timer.d/interval.conf").read_text().splitlines() == [
        "[Timer]",
        "OnBootSec=",
        "OnUnitInactiveSec=",
        "OnBootSec=7min",
        "OnUnitInactiveSec=7min",
    ]


def test_no_backup_means_no_timer(generate):
    assert generate(BACKUP="off", BACKUP_INTERVAL_MINUTES="20", AUTO_APPROVE_DEVICES="false") == []


@pytest.mark.parametrize(("value", "wanted"), [("true", True), ("false", False), ("1", False), ("", False)])
def test_the_approval_timer_is_there_only_when_asked_for(generate, value, wanted):
    made = generate(BACKUP="off", AUTO_APPROVE_DEVICES=value)
    assert made == (["openclaw.service.wants/openclaw-auto-approve.timer"] if wanted else [])


def test_a_machine_without_machine_env_gets_nothing(machine):
    done = machine.run(GENERATOR, str(machine.root), "", "", OPENCLAW_MACHINE_ENV="/nonexistent")
    assert (done.returncode, done.stderr) == (0, "")
