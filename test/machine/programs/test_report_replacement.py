"""report-replacement: one message about the machine before this one, true whatever is known of it."""

import datetime
import json
import os

import pytest

SAVED = {"generation": 3, "sequence": 7}
RESTORED = {"first_boot": False, "snapshot": "abcd1234", **SAVED}


def ago(seconds):
    return datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=seconds)


def note(**more):
    """What a machine leaves that saved 60 s ago and stopped 90 s ago."""
    return {
        "reason": "interruption",
        "since": ago(90).isoformat(timespec="seconds"),
        "clean": True,
        "instance": "i-0bbbbbbbbbbbbbbb2",
        "deployment": "",
        "last_backup": {**SAVED, "at": ago(60).timestamp()},
        **more,
    }


@pytest.fixture
def report(machine, imds):
    def report(found=None, restored=RESTORED, away=False, **env):
        """Runs it where the bucket holds `found` (None: nothing), or is away; the message's subject, body, the log."""
        if restored is not None:
            (machine.var / "restored").write_text(json.dumps(restored))
        (machine.root / "note").write_text(json.dumps(found))
        there = f'cp {machine.root}/note "$5"'
        answer = "exit 255" if away else "exit 1" if found is None else there
        machine.stub(
            "aws",
            f'[[ $4 != s3:* && "$1 $2" != "s3 ls" ]] || {{ {answer}; }}\n'
            f'[[ $1 != sns ]] || printf "%s\\0" "$@" >{machine.root}/sns',
        )
        done = machine.run(
            "report-replacement",
            OPENCLAW_IMDS=imds.url,
            STATE_BUCKET="bucket",
            ALARM_TOPIC="arn:aws:sns:me-central-1:1:topic",
            **env,
        )
        assert done.returncode == int(away), done.stderr
        sent = (machine.root / "sns").read_text().split("\0") if (machine.root / "sns").exists() else None
        if not sent:
            return None, None, done.stderr
        return sent[sent.index("--subject") + 1], sent[sent.index("--message") + 1], done.stderr

    return report


def test_tells_of_a_clean_interruption(report):
    subject, body, log = report(note())
    assert subject.startswith("OpenClaw dev moved: interruption, clean, 1 min 3")
    assert "from i-0bbbbbbbbbbbbbbb2" in body
    assert "on i-0aaaaaaaaaaaaaaa1" in body
    assert "Nothing was lost." in body
    assert "EC2 took the spot capacity back" in body
    assert '"why": "interruption"' in log


def test_publishes_figures(report, machine):
    report(note())
    (call,) = [call for call in machine.calls("aws") if "put-metric-data" in call]
    data = json.loads(call[call.index("[") : call.index("]") + 1])
    values = {datum["MetricName"]: datum["Value"] for datum in data}
    assert values["SecondsWithoutService"] > 60


def test_says_what_is_lost_after_an_end_that_was_not_clean(report):
    subject, body, _ = report(note(clean=False))
    assert "not clean" in subject
    assert "What was written after that backup is lost." in body


def test_says_where_the_last_backup_is_that_looked_like_a_loss(report):
    subject, body, _ = report(note(clean=False, set_aside=True))
    assert "not clean" in subject
    assert "set aside: make snapshots lists it" in body and "is lost" not in body


@pytest.mark.parametrize(("set_aside", "what"), [(True, "make snapshots lists it"), (False, "It could not be saved")])
def test_says_what_a_machine_skipped_that_never_served(report, set_aside, what):
    end = note(clean=False, set_aside=set_aside, skipped="never served")
    subject, body, _ = report(end)
    assert "OpenClaw never served there; what was written there is not in the restored state." in body and what in body
    # Its own end was not the beginning of the time without service: the last backup is.
    assert "not clean, at most 1 min" in subject


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"reason": "termination", "deployment": "another"}, "update"),
        ({"reason": "termination"}, "termination"),
        ({"reason": "termination", "because": "unhealthy", "deployment": "another"}, "unhealthy"),
        ({"reason": "operator"}, "operator"),
        ({"reason": "shutdown"}, "shutdown"),
    ],
)
def test_names_the_reason(report, imds, more, why):
    imds.values["/latest/user-data"] = "# fingerprint: 2"
    subject, _, _ = report(note(**more))
    assert subject.startswith(f"OpenClaw dev moved: {why}, ")


@pytest.mark.parametrize("found", [None, note(last_backup={"generation": 2, "sequence": 9, "at": 1.0})])
def test_a_machine_that_left_no_word_was_lost(report, found):
    subject, body, _ = report(found, {**RESTORED, "taken": ago(600).isoformat(), "instance": "i-0ccccccccccccccc3"})
    assert subject.startswith("OpenClaw dev moved: failure, not clean, at most 10 min")
    assert "from i-0ccccccccccccccc3" in body


def test_says_so_where_nothing_is_known(report):
    subject, body, _ = report(None)
    assert subject == "OpenClaw dev moved: failure, not clean, an unknown time without service"
    assert "an unknown machine" in body


@pytest.mark.parametrize("restored", [None, {"first_boot": True}])
def test_a_first_boot_is_no_move(report, restored):
    assert report(None, restored)[0] is None


def test_does_not_take_an_outage_for_a_machine_that_left_no_word(report, machine):
    subject, _, log = report(note(), away=True)
    assert subject is None
    assert "cannot tell yet why the last machine ended: s3://bucket/handover.json cannot be read" in log
    end = note()
    (machine.var / "served").touch()
    served = datetime.datetime.fromisoformat(end["since"]).timestamp() + 60
    os.utime(machine.var / "served", (served, served))
    subject, _, _ = report(end)
    assert subject.startswith("OpenClaw dev moved: interruption, clean, 1 min 0 s")


def test_tells_once(report, machine):
    assert report(note())[0]
    (machine.root / "sns").unlink()
    assert report(note())[0] is None


def test_clears_the_word_of_the_last_end_at_every_start(report, machine):
    for _ in range(2):
        report(note())
        assert machine.calls("aws")[-1].startswith(
            f"s3 cp --only-show-errors {machine.run_dir}/handover.json s3://bucket/"
        )
    assert (machine.run_dir / "handover.json").read_text() == "{}\n"


def test_there_is_no_word_to_clear_without_backups(report, machine):
    report(None, {"first_boot": True}, BACKUP="off")
    assert not machine.calls("aws")


def test_a_subject_fits_into_a_mail(report):
    subject, _, _ = report(note())
    assert len(subject) <= 100
    assert subject.isascii()
