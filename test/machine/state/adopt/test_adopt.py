"""An existing install, adopted from its own backup archive."""

import contextlib
import gzip
import shutil
import signal
import sqlite3
import tarfile
from types import SimpleNamespace

import pytest
from machine.state.support.cuts import cut_at
from machine.state.support.openclaw_archive import HOME, ROOT, Archive
from openclaw.state.adopt import adopt
from openclaw.state.databases.sqlite import Databases
from openclaw.state.guards.markers import Markers
from openclaw.state.openclaw_data import verify
from openclaw.state.restore import service
from openclaw.system import files, processes
from openclaw.system.errors import Damaged, Refused

one_engine = pytest.mark.parametrize("deployment", ["snapshots"], indirect=True)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ann.tar.gz"


@pytest.fixture
def databases(tmp_path):
    with Databases(tmp_path / "var") as databases:
        yield databases


@pytest.fixture
def tree(tmp_path):
    directory = tmp_path / "tree"
    directory.mkdir()
    return directory


@pytest.fixture
def serving(living):
    """OpenClaw runs, as far as systemctl says."""
    (living.directory / "bin/systemctl").write_text(f'#!/bin/sh\necho "$@" >> {living.commands}\n')
    return living


def stores(database):
    with contextlib.closing(sqlite3.connect(database)) as opened:
        assert opened.execute("SELECT count(*) FROM state_leases").fetchone() == (0,)
        return [store for (store,) in opened.execute("SELECT store_key FROM cron_jobs ORDER BY job_id")]


def test_an_archive_in_the_bucket_becomes_the_state_and_the_newest_backup(serving, path):
    with Archive(path).an_install():
        pass
    serving.deployment.put("adopt/ann.tar.gz", path.read_bytes())
    serving.state("adopt", "ann.tar.gz")
    assert serving.commands.read_text().split("\n")[:3] == [
        "is-active openclaw.service",
        "stop openclaw.service",
        "start openclaw.service",
    ]
    assert not serving.path("workspace/notes/3.md").exists()
    assert next((serving.var / "aside").glob("*/workspace/notes/3.md")).read_text() == "note 3\n" * 20
    # Less than half of what was there, and backed up all the same.
    assert serving.record("backup")["files"] == 5
    assert serving.deployment.stored("adopt/") == []
    replacement = serving.replaced()
    replacement.boot()
    assert replacement.path("workspace/notes/ann.md").read_text() == "ann's"
    assert replacement.notes() == 5
    # Not in any archive of OpenClaw's.
    assert replacement.path("auth-profile-secrets/key").read_text() == "secret"


@one_engine
def test_the_next_loss_is_noticed(living, path):
    with Archive(path).an_install() as made:
        for number in range(10):
            made.file(f"media/{number}", "x")
    living.state("adopt", str(path))
    assert path.exists()
    shutil.rmtree(living.path(".openclaw/media"))
    living.backup(expect=79)


@one_engine
def test_a_cut_is_finished_by_the_next_boot(living, path):
    with Archive(path).an_install():
        pass
    assert cut_at(living, "openclaw.state.restore.swap:Swap._replace", 1, "adopt", str(path)) == -9
    living.state("adopt", str(path), expect=78)
    living.state("restore", expect=78)
    living.boot()
    assert living.path("workspace/notes/ann.md").read_text() == "ann's"
    assert living.notes() == 5
    living.backup()


def test_it_is_laid_out_as_the_machine_has_it(path, tree, databases):
    with Archive(path).an_install() as made:
        made.file("cache/blob", "regenerable")
        made.link("workspace/out", "/etc/passwd")
        made.link("workspace/up", "../../.bashrc")
        made.link("workspace/config", "../openclaw.json")
    assert adopt.lay_out(path, tree, databases) == ("2026.9.6", 1)
    verify.clear_leases(tree, databases)
    assert stores(tree / ".openclaw/state/openclaw.sqlite") == [
        "/home/node/.openclaw/cron/jobs.json",
        f"{HOME}/.openclaw-other/cron/jobs.json",
    ]
    found = {str(one.relative_to(tree)): one.lstat() for one in tree.rglob("*")}
    assert {(status.st_uid, status.st_gid) for status in found.values()} == {(1000, 1000)}
    modes = {name: oct(status.st_mode)[-3:] for name, status in found.items()}
    assert modes == {
        ".openclaw": "700",
        ".openclaw/agents": "700",
        ".openclaw/credentials": "700",
        ".openclaw/credentials/whatsapp.json": "600",
        ".openclaw/empty": "700",
        ".openclaw/openclaw.json": "600",
        ".openclaw/state": "700",
        ".openclaw/state/openclaw.sqlite": "600",
        "workspace": "755",
        "workspace/config": "777",
        "workspace/link": "777",
        "workspace/notes": "700",
        "workspace/notes/ann.md": "644",
    }


def test_what_lay_elsewhere_comes_to_its_place_and_the_configuration_follows(path, tree, databases):
    with Archive(path, state="/srv/claw") as made:
        made.asset("config", "/etc/claw.json")
        made.asset("credentials", "/srv/oauth")
        made.asset("workspace", "/srv/claw-work")
        made.file(
            "/etc/claw.json",
            "{agents: {defaults: {workspace: '/srv/claw-work'}}, // '/srv/claw-works'\n log: \"/srv/claw/logs/x\"}",
        )
        made.database()
        made.file("/srv/oauth/a.json", "{}")
        made.file("/srv/claw-work/b.md", "b")
    adopt.lay_out(path, tree, databases)
    assert (tree / ".openclaw/credentials/a.json").exists()
    assert (tree / "workspace/b.md").exists()
    assert (tree / ".openclaw/openclaw.json").read_text() == (
        "{agents: {defaults: {workspace: '/home/node/.openclaw/workspace'}}, // '/srv/claw-works'\n"
        ' log: "/home/node/.openclaw/logs/x"}'
    )
    verify.clear_leases(tree, databases)
    assert stores(tree / ".openclaw/state/openclaw.sqlite")[0] == "/home/node/.openclaw/cron/jobs.json"


def test_an_install_behind_a_link_brings_its_jobs_and_its_workspace(path, tree, databases):
    """As `openclaw backup create` tells of one: the asset by its real path, all else as OpenClaw was started."""
    link = f"{HOME}/.openclaw"
    with Archive(path, state=link) as made:
        made.database()
        made.manifest["paths"].update(stateDir="/data/claw", workspaceDirs=[f"{link}/workspace"])
        made.manifest["assets"][0].update(sourcePath="/data/claw")
        made.file("openclaw.json", f'{{agents: {{defaults: {{workspace: "{link}/workspace"}}}}}}')
        made.file("workspace/a.md", "a")
    adopt.lay_out(path, tree, databases)
    verify.clear_leases(tree, databases)
    assert stores(tree / ".openclaw/state/openclaw.sqlite")[0] == "/home/node/.openclaw/cron/jobs.json"
    configuration = (tree / ".openclaw/openclaw.json").read_text()
    assert configuration == '{agents: {defaults: {workspace: "/home/node/.openclaw/workspace"}}}'
    assert (tree / "workspace/a.md").read_text() == "a"


def test_jobs_that_no_openclaw_here_would_find_are_refused(path, tree, databases):
    """The configuration, by which the link would be known, lies elsewhere."""
    with Archive(path) as made:
        made.database()
        made.manifest["assets"][0].update(sourcePath="/data/claw")
        made.asset("config", "/etc/claw.json")
        made.file("/etc/claw.json", "{}")
    with pytest.raises(Refused, match=f"cron jobs belong to {HOME}/.openclaw/cron/jobs.json"):
        adopt.lay_out(path, tree, databases)


def test_an_install_at_the_same_path_is_left_as_it_is(path, tree, capsys, databases):
    with Archive(path, state="/home/node/.openclaw").an_install():
        pass
    adopt.lay_out(path, tree, databases)
    verify.clear_leases(tree, databases)
    assert stores(tree / ".openclaw/state/openclaw.sqlite")[0] == "/home/node/.openclaw/cron/jobs.json"
    assert "renamed" not in capsys.readouterr().err


def test_without_a_workspace_in_it_the_one_that_is_there_stays(path, tree, databases):
    with Archive(path) as made:
        made.database()
    adopt.lay_out(path, tree, databases)
    assert [one.name for one in tree.iterdir()] == [".openclaw"]


def unsafe(name, **member):
    def make(made):
        made.add(name, **member)

    return make


def twice(made):
    made.file("agents/x", "1")
    made.file("agents/x", "2")


def through_a_link(made):
    made.link("agents", "empty")
    made.file("agents/x", "written through it")


def second_workspace(made):
    made.asset("workspace", "/srv/one")
    made.asset("workspace", "/srv/two")


def two_configurations(made):
    made.file("openclaw.json", "{}")
    made.asset("config", "/etc/claw.json")
    made.file("/etc/claw.json", "{}")


def only_configuration(made):
    made.manifest["assets"] = []


def asset_outside(made):
    made.manifest["assets"][0]["archivePath"] = "../../etc"


REFUSED = {
    "a path above": (unsafe("../../escaped"), "'../../escaped' is not a path below"),
    "a path above, further in": (unsafe(f"{ROOT}/../x"), "is not a path below"),
    "an absolute path": (unsafe("/tmp/openclaw-escaped"), "'/tmp/openclaw-escaped' is not a path below"),
    "a device": (unsafe(f"{ROOT}/null", kind=tarfile.CHRTYPE), "is neither file, directory nor symbolic link"),
    "a pipe": (unsafe(f"{ROOT}/pipe", kind=tarfile.FIFOTYPE), "is neither file, directory nor symbolic link"),
    "a hard link": (unsafe(f"{ROOT}/hard", kind=tarfile.LNKTYPE, to="/etc/shadow"), "is neither file, directory"),
    "one name twice": (twice, "is in it twice"),
    "a file through a link": (through_a_link, "is in it twice"),
    "an asset elsewhere": (asset_outside, "'../../etc' is not a path below"),
    "a second workspace": (second_workspace, "no place for the workspace /srv/two"),
    "two configurations": (two_configurations, "two of .openclaw/openclaw.json"),
    "the configuration alone": (only_configuration, "make it without --only-config"),
    "a state that is not in it": (lambda made: made.manifest["assets"][0].update(archivePath="elsewhere"), "no file"),
    "a later schema": (lambda made: made.manifest.update(schemaVersion=2), "schema version 2"),
    "Windows": (lambda made: made.manifest.update(platform="win32"), "made on Windows"),
    "no assets": (lambda made: made.manifest.pop("assets"), "KeyError('assets')"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refuses(what, path, tree, tmp_path, databases):
    spoil, words = REFUSED[what]
    with Archive(path) as made:
        made.database()
        spoil(made)
    before = {one for one in tmp_path.rglob("*") if tree not in one.parents}
    with pytest.raises(Refused) as refusal:
        adopt.lay_out(path, tree, databases)
    assert words in str(refusal.value)
    assert {one for one in tmp_path.rglob("*") if tree not in one.parents} == before


def test_another_programs_archive_is_named_as_such(path, tree, tmp_path, databases):
    with tarfile.open(path, "w:gz") as made:
        made.add(__file__, "some/file")
    with pytest.raises(Refused, match="not an archive of 'openclaw backup create'"):
        adopt.lay_out(path, tree, databases)


@pytest.mark.parametrize(
    "body",
    [b"", b"PK\3\4 a zip file", gzip.compress(b""), gzip.compress(b"text" * 300)],
    ids=["empty", "zip", "nothing in gzip", "text in gzip"],
)
def test_what_is_no_archive_is_named_as_such(body, path, tree, databases):
    path.write_bytes(body)
    with pytest.raises(Refused, match=r"ann.tar.gz is not a .tar.gz archive"):
        adopt.lay_out(path, tree, databases)


@pytest.mark.parametrize("fault", ["cut off", "a bit flipped", "the checksum wrong"])
def test_a_damaged_archive_is_named_as_such(fault, path, tree, databases):
    with Archive(path).an_install() as made:
        made.file("media/noise", bytes(number * 7919 % 251 for number in range(300_000)))
    body = bytearray(path.read_bytes())
    if fault == "cut off":
        del body[-600:]
    else:
        body[len(body) // 2 if fault == "a bit flipped" else -6] ^= 1
    path.write_bytes(body)
    with pytest.raises(Damaged, match=r"ann.tar.gz is damaged or was cut off"):
        adopt.lay_out(path, tree, databases)


def test_the_disk_is_not_filled(path, tree, monkeypatch, databases):
    with Archive(path).an_install():
        pass
    free = files.RESERVE_BYTES + 30_000
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    adopt.lay_out(path, tree, databases)
    shutil.rmtree(tree)
    tree.mkdir()
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: SimpleNamespace(free=free - 29_999))
    with pytest.raises(Refused, match="deploy a larger rootVolumeSizeGib"):
        adopt.lay_out(path, tree, databases)


def spoil_database(made):
    made.file("agents/main/agent/openclaw-agent.sqlite", b"SQLite format 3\0" + b"\xee" * 4096)


NOT_ADOPTED = {
    "newer than the image": (lambda made: made.manifest.update(runtimeVersion="2026.10.1"), 78, "2026.10.1"),
    "a damaged database": (spoil_database, 1, "does not pass SQLite's integrity check"),
}


@one_engine
@pytest.mark.parametrize("what", NOT_ADOPTED)
def test_what_cannot_be_served_changes_nothing_and_stops_nothing(serving, path, what):
    spoil, code, words = NOT_ADOPTED[what]
    with Archive(path) as made:
        made.database()
        spoil(made)
    serving.state("adopt", str(path), expect=code)
    assert words in serving.log
    assert not serving.commands.exists()
    assert serving.notes() == 20
    assert not (serving.var / "restore").exists()


@one_engine
def test_says_what_is_not_there(living):
    living.state("adopt", "ann.tar.gz", expect=78)
    assert f"s3://{living.deployment.bucket}/adopt/ann.tar.gz does not exist" in living.log
    living.state("adopt", "/no/such/file", expect=78)
    assert "/no/such/file is not a file on this machine" in living.log


def test_nothing_is_started_on_a_half_replaced_state(tmp_path, monkeypatch):
    calls = []
    answer = processes.Result(0, "", "")
    monkeypatch.setattr(service.processes, "run", lambda command, _: calls.append(command[1]) or answer)
    markers = Markers(SimpleNamespace(var=tmp_path, run=tmp_path))
    with pytest.raises(OSError, match="a rename"), service.service_down(markers):
        markers.journal_path.touch()
        raise OSError("a rename")
    assert calls == ["is-active", "stop"]


def test_what_follows_the_change_of_places_can_be_ended_again(tmp_path, monkeypatch):
    """The backup after a restore: the final one of a machine that ends does not wait for it."""
    monkeypatch.setattr(service.processes, "run", lambda *_: processes.Result(0, "", ""))
    before = [signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGTERM)]
    with service.service_down(Markers(SimpleNamespace(var=tmp_path, run=tmp_path))):
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    assert [signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGTERM)] == before
    assert signal.SIG_IGN not in before
