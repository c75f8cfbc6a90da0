"""Which snapshots stay: 24 hours, 7 days, 4 weeks, as configured, and the newest whatever their clocks say."""

from datetime import datetime, timedelta, timezone

import pytest
from openclaw import settings
from openclaw.state.backup import retention
from openclaw.state.engines.base import Snapshot

# A Thursday.
NOON = datetime(2026, 11, 26, 12, tzinfo=timezone.utc)
LONG_AGO, IN_A_YEAR = datetime(1970, 1, 1, tzinfo=timezone.utc), NOON + timedelta(days=365)


def snapshots(*times, first=1, set_aside=False, image="", version=None):
    """Of one machine, in this order."""
    return [
        Snapshot("", f"{'aside-' * set_aside}{number}", time, 1, number, 1, 1, "", image, version, set_aside)
        for number, time in enumerate(times, first)
    ]


def kept(made, hourly=24, daily=7, weekly=4):
    gone = {one.id for one in retention.expired(made, hourly, daily, weekly)}
    return [one for one in made if one.id not in gone]


def hours(days, minutes=60):
    """Of that many days until now, oldest first."""
    return [NOON - timedelta(minutes=number) for number in range(days * 1440, -1, -minutes)]


HOURLY = {NOON - timedelta(hours=number) for number in range(24)}
LAST_OF_DAYS = {datetime(2026, 11, day, 23, tzinfo=timezone.utc) for day in (25, 24, 23, 22, 21, 20)} | {NOON}
LAST_OF_WEEKS = {datetime(2026, 11, day, 23, tzinfo=timezone.utc) for day in (22, 15, 8)} | {NOON}
NEWEST = {NOON, NOON - timedelta(hours=1), NOON - timedelta(hours=2)}
TABLE = {
    "as configured": ((24, 7, 4), HOURLY | LAST_OF_DAYS | LAST_OF_WEEKS),
    "hours only": ((24, 0, 0), HOURLY),
    "days only": ((0, 7, 0), LAST_OF_DAYS | NEWEST),
    "weeks only": ((0, 0, 4), LAST_OF_WEEKS | NEWEST),
    "nothing": ((0, 0, 0), NEWEST),
}


@pytest.mark.parametrize("what", TABLE)
def test_of_40_days_of_a_backup_each_hour(what):
    periods, expected = TABLE[what]
    assert {one.time for one in kept(snapshots(*hours(40)), *periods)} == expected


def test_so_it_is_configured(monkeypatch):
    made = {"STACK": "dev", "AWS_REGION": "me-central-1", "AWS_DEFAULT_REGION": "me-central-1", "BACKUP": "off"}
    for name, value in {**made, "OPENCLAW_MACHINE_ENV": "/dev/null"}.items():
        monkeypatch.setenv(name, value)
    loaded = settings.load()
    assert (loaded.keep_hourly, loaded.keep_daily, loaded.keep_weekly) == (24, 7, 4)
    monkeypatch.setenv("BACKUP_KEEP_DAILY", "31")
    assert settings.load().keep_daily == 31


def test_of_a_backup_each_quarter_the_last_of_each_hour_stays():
    stayed = [one.time for one in kept(snapshots(*hours(2, minutes=15)), 5, 0, 0)]
    quarters = [NOON - timedelta(minutes=15 * number) for number in (2, 1)]
    assert stayed == [NOON.replace(hour=hour, minute=45) for hour in (8, 9, 10)] + [*quarters, NOON]


def test_what_is_rare_stays_though_it_is_old():
    made = snapshots(*(NOON - timedelta(days=100 * number) for number in (3, 2, 1, 0)))
    assert kept(made) == made


@pytest.mark.parametrize("clock", [LONG_AGO, IN_A_YEAR])
def test_the_newest_stay_whatever_their_clocks_say(clock):
    made = snapshots(*hours(40), *[clock + timedelta(minutes=number) for number in range(3)])
    assert kept(made)[-3:] == made[-3:]


def test_one_that_came_from_the_future_costs_one_slot_and_not_the_last_days():
    made = snapshots(IN_A_YEAR, *hours(40))
    times = {one.time for one in kept(made)}
    assert NOON - timedelta(hours=22) in times and NOON - timedelta(hours=23) not in times


def by_version(*versions):
    """An hour's backups, four of each version in this order."""
    made = []
    for version in versions:
        times = [NOON + timedelta(seconds=len(made) + number) for number in range(4)]
        made += snapshots(*times, first=len(made) + 1, **version)
    return made


def test_the_last_of_each_version_stays_as_the_way_back():
    """Two upgrades and the way back within an hour."""
    old, new = {"version": "2026.6.6"}, {"version": "2026.9.5"}
    made = by_version(old, new, {"version": "2026.9.6"}, {"image": "openclaw@sha256:1"}, new)
    assert [one.sequence for one in kept(made)] == [4, 12, 16, 18, 19, 20]


def test_versions_that_stay_are_bounded():
    made = by_version(*({"version": f"2026.9.{number}"} for number in range(9)))
    assert [one.sequence for one in kept(made)] == [20, 24, 28, 32, 34, 35, 36]


def test_a_version_that_was_only_set_aside_keeps_nothing():
    refused = snapshots(*[NOON] * 5, first=5, set_aside=True, version="2026.9.6")
    assert {one.id for one in kept(by_version({"version": "2026.9.5"}) + refused)} == {
        "2", "3", "4", "aside-7", "aside-8", "aside-9",
    }  # fmt: skip


def test_what_was_set_aside_is_thinned_apart():
    """Neither does it push a backup out, nor does it stay for ever."""
    times = hours(40)
    good = snapshots(*times)
    aside = snapshots(*times, first=len(times) + 1, set_aside=True)
    assert kept(good + aside) == kept(good) + aside[-3:]


def test_a_prune_removes_them_from_the_list_and_from_nothing_else(living):
    made = [living.record("backup")["snapshot"]]
    for number in range(4):
        living.write("workspace/notes/3.md", f"text {number}", 0o644)
        (living.var / "pruned").unlink(missing_ok=True)
        once = {f"BACKUP_KEEP_{period}": "1" for period in ("HOURLY", "DAILY", "WEEKLY")}
        made.append(living.backup(**once))
    listed, shown = living.state("snapshots"), 8 if living.deployment.backup == "snapshots" else None
    assert [one[:shown] in listed for one in made] == [False, False, True, True, True]
    living.state("drill")
    living.state("restore", made[2], "--paths", "workspace/notes/3.md")
    assert living.path("workspace/notes/3.md").read_text() == "text 1"
