"""A machine that dies between any two steps of backup, thinning out and lease change: the next one starts from a whole
state, and goes on from it."""

import contextlib
import os
import queue
import signal

import pytest
from machine.state.support.cuts import cut_at
from machine.state.support.faults import KEEP_FEW, request
from machine.state.support.leases import releases
from machine.state.support.proxy import Fault

# By what has just been done; what is killed has just begun the next.
BACKUP = {
    "begun": "openclaw.state.guards.lease:Lease.check",
    "checked": "openclaw.state.staging.staging:Staging.refreshed",
    "copied": "openclaw.state.staging.index:Index.commit",
    "staged": "openclaw.state.guards.markers:Markers.next_sequence",
    "numbered": "openclaw.state.backup.push:Push._push_anew",
    "pushed": "openclaw.state.guards.markers:Markers.note_good",
    "noted": "openclaw.state.staging.index:Index.note_pushed",
    "good": "openclaw.state.backup.retention:prune_when_due",
}
PRUNES = {"snapshots": "restic.engine:Snapshots", "mirror": "mirror.engine:Mirror"}
PRUNE = {
    "listed": "openclaw.state.backup.retention:expired",
    "chosen": "openclaw.state.engines.{engine}.prune",
    "removed": "openclaw.system.journal:record",
}


# By the request that was the last to get through.
SENT = {
    "snapshots": {
        "a pack": request("PUT", "/snapshots/data/"),
        "an index": request("PUT", "/snapshots/index/"),
        "the snapshot": request("PUT", "/snapshots/snapshots/"),
    },
    "mirror": {
        "the intent": request("PUT", "/mirror/intents/"),
        "a file": request("PUT", "/mirror/workspace/"),
        "what is gone": request("POST", "delete", b"mirror/workspace/"),
        "the manifest": request("PUT", "/mirror/manifests/"),
        "the intent's end": request("POST", "delete", b"mirror/intents/"),
    },
}
REMOVED = {
    "snapshots": {
        "a snapshot": request("DELETE", "/snapshots/snapshots/"),
        "the new index": request("PUT", "/snapshots/index/"),
        "an old index": request("DELETE", "/snapshots/index/"),
        "a pack": request("DELETE", "/snapshots/data/"),
    },
    "mirror": {"the manifests": request("POST", "delete", b"mirror/manifests/")},
}


def cut_after(machine, cloud, matches, *arguments, **environment):
    """Runs a command and kills its whole process group once a request of this kind has been answered."""
    started = queue.SimpleQueue()

    def cut():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.get(), signal.SIGKILL)

    with cloud.playing(Fault(matches, times=1, after=cut)):
        process = machine.start(*arguments, **environment)
        started.put(process.pid)
        process.communicate(timeout=60)
    return process.returncode


class Lives:
    """One machine after another; two files tell which state it is that came back."""

    def __init__(self, machine):
        self.machine, self.number = machine, 0

    def live(self):
        self.number += 1
        for name in ("3", "4"):
            self.machine.write(f"workspace/notes/{name}.md", f"state {self.number}", 0o644)
        # Something new to send, and something to remove.
        for former in self.machine.path("workspace").glob("*.bin"):
            former.unlink()
        self.machine.write(f"workspace/{self.number}.bin", os.urandom(5000))

    def state(self):
        told = {self.machine.path(f"workspace/notes/{name}.md").read_text() for name in ("3", "4")}
        assert len(told) == 1, f"a mix of two states: {told}"
        assert self.machine.notes() == 20
        assert self.machine.path("auth-profile-secrets/key").read_text() == "secret"
        [number] = [int(path.stem) for path in self.machine.path("workspace").glob("*.bin")]
        assert told == {f"state {number}"}
        return number

    def die(self, step, code, at_least):
        """@param at_least what has to be there again"""
        assert code == -signal.SIGKILL, f"{step} was never reached"
        self.machine = self.machine.replaced()
        self.machine.boot()
        found = self.state()
        assert at_least <= found <= self.number, f"state {found} after a cut at: {step}"


@pytest.fixture
def lives(living):
    lives = Lives(living)
    lives.live()
    living.backup()
    return lives


def test_a_backup_cut_off_between_any_two_of_its_steps(lives):
    for step, function in BACKUP.items():
        before = lives.state()
        lives.live()
        lives.die(step, cut_at(lives.machine, function, 0, "backup"), before)
        assert (lives.state() == lives.number) == (step in ("pushed", "noted", "good")), step
    lives.live()
    lives.machine.backup()


def test_a_backup_cut_off_between_any_two_of_its_requests(lives, cloud):
    for step, matches in SENT[lives.machine.deployment.backup].items():
        before = lives.state()
        lives.live()
        lives.die(step, cut_after(lives.machine, cloud, matches, "backup"), before)
    lives.live()
    lives.machine.backup()
    assert lives.machine.record("prune")["result"] == "success"
    lives.machine.state("drill")


@pytest.fixture
def many(lives):
    """With three backups more than the few that are kept, in any case."""
    for _ in range(3):
        lives.live()
        lives.machine.backup()
    (lives.machine.var / "pruned").unlink()
    return lives


def test_thinning_out_cut_off_between_any_two_of_its_steps(many, cloud):
    engine = many.machine.deployment.backup
    cuts = {name: step.format(engine=PRUNES[engine]) for name, step in PRUNE.items()}
    for step, cut in {**cuts, **REMOVED[engine]}.items():
        many.live()
        stamp = many.machine.var / "pruned"
        stamp.touch()
        many.machine.backup()
        stamp.unlink()
        # Where nothing has changed there is nothing but the thinning out.
        if isinstance(cut, str):
            code = cut_at(many.machine, cut, 0, "backup", **KEEP_FEW)
        else:
            code = cut_after(many.machine, cloud, cut, "backup", **KEEP_FEW)
        many.die(step, code, many.number)
    many.machine.backup(**KEEP_FEW)
    assert many.machine.record("prune")["result"] == "success"
    assert len(many.machine.state("snapshots").splitlines()) <= 5
    many.machine.state("drill")


TAKEN = {
    "begun": "openclaw.state.guards.lease:Lease._take",
    "noted here": "openclaw.aws.client:Aws.put",
    "taken": "openclaw.state.restore.request:Requests.asked",
}
GIVEN_BACK = {
    "begun": "openclaw.state.guards.lease:Lease.announce_end",
    "announced": "openclaw.state.backup.run:Backup.run",
    "backed up": "openclaw.state.guards.lease:Lease.release",
}


@pytest.mark.parametrize("step", TAKEN)
def test_a_lease_cut_off_while_it_is_taken(mirrored, step):
    """The same volume goes on with what it has; a replacement, with what is in the bucket."""
    mirrored.write("workspace/notes/3.md", "local")
    assert cut_at(mirrored, TAKEN[step], 0, "boot", "--patience", "0") == -signal.SIGKILL
    mirrored.boot()
    assert mirrored.path("workspace/notes/3.md").read_text() == "local"
    mirrored.backup()
    replacement = mirrored.replaced()
    assert cut_at(replacement, TAKEN[step], 0, "boot", "--patience", "0") == -signal.SIGKILL
    third = replacement.replaced()
    third.boot()
    assert third.path("workspace/notes/3.md").read_text() == "local"
    third.backup()


@pytest.mark.parametrize("step", [*GIVEN_BACK, "given back"])
def test_a_lease_cut_off_while_it_is_given_back(mirrored, cloud, step):
    mirrored.write("workspace/notes/3.md", "the last words")
    if step in GIVEN_BACK:
        code = cut_at(mirrored, GIVEN_BACK[step], 0, "backup", "--final")
    else:
        code = cut_after(mirrored, cloud, releases, "backup", "--final")
    assert code == -signal.SIGKILL
    # Its next try at the end, as a drain makes it.
    mirrored.backup("--final")
    replacement = mirrored.replaced()
    replacement.boot(LEASE_WAIT_SECONDS="3600", LEASE_ENDING_WAIT_SECONDS="3600")
    assert replacement.path("workspace/notes/3.md").read_text() == "the last words"
    replacement.backup()
