"""report-replacement: one message about the machine before this one, true whatever is known of it."""

import datetime
import hmac
import json
import os

import pytest

KEY = "k" * 43
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


def signed(record, key=KEY):
    """As the machine that ends signs it."""
    if record is None:
        return None
    text = json.dumps(record, separators=(",", ":"), sort_keys=True)
    return {**record, "hmac": hmac.new(key.encode(), b"handover\0\0" + text.encode(), "sha256").hexdigest()}


@pytest.fixture
def report(machine, imds):
    (machine.run_dir / "state-key").write_text(KEY)

    def report(found=None, restored=RESTORED, away=False, sign=signed, **env):
        """Runs it where the bucket holds `found` (None: nothing), or is away; the message's subject, body, the log."""
        if restored is not None:
            (machine.var / "restored").write_text(json.dumps(restored))
        (machine.root / "note").write_text(json.dumps(sign(found)))
        there = f'cp {machine.root}/note "${{11}}"'
        answer = "exit 255" if away else "exit 1" if found is None else there
        machine.stub(
            "aws",
            f'[[ "$1 $2" != "s3api get-object" && "$1 $2" != "s3 ls" ]] || {{ {answer}; }}\n'
            f'[[ $1 != sns ]] || printf "%s\\0" "$@" >{machine.root}/sns',
        )
        done = machine.run(
            "report-replacement",
            OPENCLAW_IMDS=imds.url,
            STATE_BUCKET="bucket",
            ACCOUNT_ID="123456789012",
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
    assert "Nothing was lost." in body and "not the newest" not in body
    assert "EC2 took the spot capacity back" in body
    assert '"why": "interruption"' in log


@pytest.mark.parametrize(("mark", "when"), [("2026-11-20T14:00:00Z\n", " at 2026-11-20T14:00:00Z."), ("", "by hand.")])
def test_tells_of_a_move_that_leaves_openclaw_stopped(report, machine, mark, when):
    (machine.var / "stopped").write_text(mark)
    subject, body, _ = report(note())
    assert subject == "OpenClaw dev moved: interruption, clean, stopped by hand"
    assert "stays stopped there: it was stopped by hand" in body and when in body
    assert "npx openclaw-spot start --stack dev --region me-central-1" in body
    assert "serves" not in body and "Without service" not in body
    assert not [call for call in machine.calls("aws") if "put-metric-data" in call]


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


def test_names_the_backups_that_could_not_be_restored(report):
    _, body, log = report(None, {**RESTORED, "skipped": ["newest", "second"]})
    assert "It is not the newest: newest, second could not be restored" in body
    assert '"skipped": ["newest", "second"]' in log


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
        ({"reason": "termination", "deployment": "0123456789abcdef"}, "update"),
        ({"reason": "termination"}, "termination"),
        ({"reason": "termination", "because": "unhealthy", "deployment": "0123456789abcdef"}, "unhealthy"),
        ({"reason": "operator"}, "operator"),
        ({"reason": "handover"}, "handover"),
        ({"reason": "hibernation"}, "failure"),
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


@pytest.mark.parametrize(
    "sign",
    [
        lambda record: record,
        lambda record: signed(record, "x" * 43),
        lambda record: {**signed(record), "reason": "operator"},
        lambda record: signed({**record, "last_backup": 5}),
        lambda record: signed({**record, "since": {"a": []}}),
        lambda _: [1],
        lambda _: "x" * 70000,
    ],
)
def test_a_record_that_this_deployment_did_not_write_is_none(report, sign):
    subject, _, log = report(note(), sign=sign)
    assert subject.startswith("OpenClaw dev moved: failure, not clean")
    assert "s3://bucket/handover.json counts as none: " in log and "Traceback" not in log


def test_the_machine_before_an_upgrade_had_no_key_to_sign_with(report, machine):
    (machine.run_dir / "state-key-made").touch()
    assert report(note(), sign=lambda record: record)[0].startswith("OpenClaw dev moved: interruption, clean")


def test_asks_for_no_more_than_it_reads(report, machine):
    report(note())
    assert any("--range bytes=0-65536 " in call for call in machine.calls("aws"))


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
            "s3api put-object --bucket bucket --key handover.json --expected-bucket-owner 123456789012 "
            f"--body {machine.run_dir}/handover.json"
        )
    assert (machine.run_dir / "handover.json").read_text() == "{}\n"


def test_there_is_no_word_to_clear_without_backups(report, machine):
    report(None, {"first_boot": True}, BACKUP="off")
    assert not machine.calls("aws")


def test_a_subject_fits_into_a_mail(report):
    subject, _, _ = report(note())
    assert len(subject) <= 100
    assert subject.isascii()
