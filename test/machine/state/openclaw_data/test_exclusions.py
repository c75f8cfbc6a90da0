"""What no backup keeps, and what looks like it and is kept."""

import stat
from types import SimpleNamespace

import pytest
from openclaw.state.openclaw_data import exclusions

MEMORY = ".openclaw/memory/main.sqlite"
UUID = "0b5d1a2e-93a8-4d2e-8f61-3b1f2c4d5e6f"
BACKUP_OF_MIGRATION = f".openclaw/state/openclaw.sqlite.pre-startup-migration-{UUID}.bak"
DAY = 24 * 3600
NOW = 1_800_000_000


@pytest.mark.parametrize(
    "path",
    [
        ".openclaw/cache",
        ".openclaw/tmp",
        ".openclaw/logs",
        ".openclaw/plugin-skills",
        ".openclaw/gateway.pid",
        ".openclaw/state/openclaw.sqlite-wal",
        ".openclaw/agents/main/agent/openclaw-agent.sqlite-shm",
        ".openclaw/agents/main/agent/tool.pid",
        ".openclaw/agents/main/x.pid",
        ".openclaw/identity/device-identity.0a1b2c3d.lock.sqlite",
        f"{MEMORY}.generation-lock.sqlite",
        f"{MEMORY}.generation-writer.sqlite",
        f"{MEMORY}.reindex-lock.sqlite",
        f"{MEMORY}.memory-reindex-{UUID}",
        f"{MEMORY}.backup-{UUID}",
    ],
)
def test_left_out(path):
    assert exclusions.is_excluded(path)


@pytest.mark.parametrize(
    "path",
    [
        ".openclaw",
        ".openclaw/openclaw.json",
        ".openclaw/state/openclaw.sqlite",
        ".openclaw/agents/main/cache",
        # What OpenClaw cannot bring back without a person.
        ".openclaw/git",
        ".openclaw/tools",
        ".openclaw/dev",
        ".openclaw/npm",
        # Somebody's files with such a name.
        "workspace/cache",
        "workspace/tool.pid",
        "workspace/data.sqlite-wal",
        ".openclaw/workspace/tool.pid",
        ".openclaw/workspace-research/db.lock.sqlite",
        ".openclaw/agents/main/workspace/server.pid",
        ".openclaw/agents/main/project/server.pid",
        ".openclaw/git/plugin/test/fixture.pid",
        ".openclaw/tools/signal-cli/db.lock.sqlite",
        ".openclaw/skills/mine/notes.sqlite-wal",
        ".openclaw/memory/workspace/x.pid",
    ],
)
def test_kept(path):
    assert not exclusions.is_excluded(path)


def status(mtime, ctime, mode=stat.S_IFREG | 0o600):
    """Seconds before NOW."""
    times = {"st_mtime_ns": int((NOW - mtime) * 1e9), "st_ctime_ns": int((NOW - ctime) * 1e9)}
    return SimpleNamespace(st_mode=mode, **times)


COPIES = [
    BACKUP_OF_MIGRATION,
    ".openclaw/agents/main/session-sqlite-import-archive/sessions.json",
    ".openclaw/devices/paired.json.migrated",
    ".openclaw/cron/jobs.json.migrated.2",
    ".openclaw/cron/spool.media.migrated/x.bin",
]


@pytest.mark.parametrize("path", COPIES)
def test_a_migrations_copy_is_kept_for_a_week(path):
    assert exclusions.is_migration_copy(path) and not exclusions.is_excluded(path)
    assert not exclusions.is_old_migration_copy(path, status(6 * DAY, 6 * DAY), NOW)
    assert exclusions.is_old_migration_copy(path, status(8 * DAY, 8 * DAY), NOW)


def test_a_copy_that_was_restored_yesterday_is_as_old_as_its_content():
    assert exclusions.is_old_migration_copy(BACKUP_OF_MIGRATION, status(8 * DAY, DAY), NOW)


def test_what_a_migration_renamed_yesterday_is_a_day_old():
    assert not exclusions.is_old_migration_copy(".openclaw/devices/paired.json.migrated", status(90 * DAY, DAY), NOW)


@pytest.mark.parametrize(
    "path",
    [
        "workspace/list.migrated",
        ".openclaw/workspace-research/list.migrated",
        ".openclaw/git/plugin/openclaw.sqlite.pre-startup-migration-1.bak",
        ".openclaw/openclaw.json.bak",
        ".openclaw/state/openclaw.sqlite",
    ],
)
def test_what_only_looks_like_a_migrations_copy_stays(path):
    assert not exclusions.is_old_migration_copy(path, status(90 * DAY, 90 * DAY), NOW)


def test_the_directory_of_an_archive_stays():
    path = ".openclaw/agents/main/session-sqlite-import-archive"
    assert not exclusions.is_old_migration_copy(path, status(90 * DAY, 90 * DAY, stat.S_IFDIR | 0o700), NOW)
