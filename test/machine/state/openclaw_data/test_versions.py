"""Data comes in only where the OpenClaw of this machine's image can read it."""

import contextlib
import dataclasses
import json
import os
import sqlite3
import threading

import pytest
from openclaw.settings import Settings
from openclaw.state.openclaw_data import versions
from openclaw.system import files
from openclaw.system.errors import Refused, Unavailable

FLOATING = [
    "ghcr.io/openclaw/openclaw:prod",
    f"openclaw/openclaw@sha256:{'0' * 64}",
    "ghcr.io/openclaw/openclaw:2026.9",
]


@pytest.fixture
def settings(tmp_path):
    fields = dict.fromkeys(Settings.__dataclass_fields__)
    (tmp_path / "run").mkdir()
    made = Settings(**{**fields, "run": tmp_path / "run", "image": FLOATING[0], "image_wait_seconds": 0})
    return made


@pytest.fixture
def data(tmp_path):
    def make(touched=None, app=None, state=None, agent=None):
        tree = tmp_path / "tree"
        (tree / ".openclaw").mkdir(parents=True)
        if touched:
            (tree / ".openclaw/openclaw.json").write_text(json.dumps({"meta": {"lastTouchedVersion": touched}}))
        for path, schema in {"state/openclaw.sqlite": state, "agents/main/agent/openclaw-agent.sqlite": agent}.items():
            if schema is not None:
                database(tree / ".openclaw" / path, schema, app)
        return tree

    return make


def database(path, schema, app):
    path.parent.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(path)) as made:
        made.execute(f"PRAGMA user_version={schema}")
        made.execute("CREATE TABLE schema_meta(meta_key TEXT PRIMARY KEY, app_version TEXT)")
        made.execute("INSERT INTO schema_meta VALUES ('primary', ?)", (app,))
        made.commit()


def pulled(settings, version):
    # As the pull does: never half of it to whoever reads meanwhile.
    files.write_text(str(settings.run / "image.json"), json.dumps({"version": version}))


READABLE, NEWER = True, False
TABLE = [
    # What the image holds, what the data says, what was recorded with it.
    ("2026.9.6", {"touched": "2026.9.6"}, "2026.9.6", READABLE),
    ("2026.9.6", {}, None, READABLE),
    ("2026.9.6", {}, "2026.10.1", NEWER),
    ("2026.9.6", {"touched": "2026.10.1"}, None, NEWER),
    ("2026.10.7", {"app": "2026.10.8", "state": 30}, None, NEWER),
    ("2026.10.7", {"app": "2026.10.7", "state": 30}, None, READABLE),
    # Prereleases and corrections are versions of their own.
    ("2026.10.7-beta.1", {}, "2026.10.7", NEWER),
    ("2026.10.7-beta.2", {}, "2026.10.7-beta.1", READABLE),
    ("2026.10.7", {}, "2026.10.7-beta.2", READABLE),
    ("2026.10.7", {}, "2026.10.7-1", NEWER),
    ("2026.10.7-2", {}, "2026.10.7-1", READABLE),
    # Known schemas decide, and the calendar does not.
    ("2026.9.1-beta.1", {"app": "2026.8.1", "state": 15, "agent": 19}, "2026.8.1", NEWER),
    ("2026.8.1", {"app": "2026.9.1-beta.1", "state": 12, "agent": 17}, None, READABLE),
    ("2026.9.4", {"app": "2026.9.5", "state": 17, "agent": 21}, None, NEWER),
    ("2026.9.4", {"state": 17, "agent": 19}, "2026.9.5", READABLE),
    # A configuration of a newer one ends an older OpenClaw whatever the schemas are.
    ("2026.8.1", {"touched": "2026.9.2", "state": 15, "agent": 19}, None, NEWER),
    ("2026.9.6-beta.1", {"touched": "2026.9.6"}, None, READABLE),
    ("2026.9.6", {"touched": "2026.9.6-1"}, None, READABLE),
]


@pytest.mark.parametrize("case", TABLE)
def test_by_data_and_image(settings, data, case, databases):
    image, said, recorded, readable = case
    pulled(settings, image)
    with contextlib.nullcontext() if readable else pytest.raises(Refused) as refused:
        versions.refuse_newer(data(**said), recorded, settings, databases)
    newest = recorded or said.get("touched") or said.get("app")
    assert readable or (f"OpenClaw {newest}" in str(refused.value) and f"is OpenClaw {image} " in str(refused.value))


def test_the_image_itself_counts_more_than_its_tag(settings, data, databases):
    pulled(settings, "2026.9.5")
    tagged = dataclasses.replace(settings, image="registry.example.com/openclaw:2026.9.6")
    with pytest.raises(Refused, match=r"the image is OpenClaw 2026\.9\.5 "):
        versions.refuse_newer(data(), "2026.9.6", tagged, databases)


@pytest.mark.parametrize("image", FLOATING)
def test_data_waits_for_the_pull_where_the_reference_says_nothing(settings, data, image, databases):
    tree = data(touched="2026.9.6")
    floating = dataclasses.replace(settings, image=image)
    with pytest.raises(Unavailable, match="openclaw-image has pulled it"):
        versions.refuse_newer(tree, None, floating, databases)
    pull = threading.Thread(target=pulled, args=(settings, "2026.9.5"))
    pull.start()
    with pytest.raises(Refused, match=r"2026\.9\.6.*2026\.9\.5"):
        versions.refuse_newer(tree, None, dataclasses.replace(floating, image_wait_seconds=60), databases)
    pull.join()


def test_where_there_is_nothing_to_compare_nobody_waits(settings, data, databases):
    versions.refuse_newer(data(), None, settings, databases)


def test_an_image_without_a_version_is_said(settings, data, capsys, databases):
    pulled(settings, None)
    versions.refuse_newer(data(touched="2026.9.6"), None, settings, databases)
    assert "has no version to compare it with" in capsys.readouterr().err


def test_data_that_names_no_version_is_told_by_its_schemas(settings, data, databases):
    pulled(settings, "2026.9.5")
    with pytest.raises(Refused, match="with the schemas 18 and 23"):
        versions.refuse_newer(data(state=18, agent=23), None, settings, databases)


def test_a_link_in_the_place_of_a_database_is_not_followed(settings, data, tmp_path, databases):
    pulled(settings, "2026.9.5")
    tree = data()
    database(tmp_path / "elsewhere/x.sqlite", 99, "2099.1.1")
    (tree / ".openclaw/state").mkdir()
    os.symlink(tmp_path / "elsewhere/x.sqlite", tree / ".openclaw/state/openclaw.sqlite")
    versions.refuse_newer(tree, None, settings, databases)
