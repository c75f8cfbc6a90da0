"""The Compose file, and how a parameter's value is written for it."""

import importlib.machinery
import importlib.util
import os
import runpy
import sys

import pytest
import yaml
from machine.conftest import ASSETS

FILE = ASSETS / "opt/openclaw/docker-compose.yaml"
SERVICES = yaml.safe_load(FILE.read_text())["services"]
GATEWAY = SERVICES["openclaw-gateway"]


def seconds(text):
    assert text.endswith("s")
    return int(text[:-1])


def test_the_gateway_is_reached_from_this_machine_only():
    assert GATEWAY["ports"] == ["127.0.0.1:18789:18789"]


@pytest.mark.parametrize("service", SERVICES)
def test_the_host_name_outlives_a_machine(service):
    assert SERVICES[service]["hostname"] == "openclaw"


def test_state_stands_where_its_own_paths_say():
    assert GATEWAY["volumes"] == [
        "/opt/openclaw/.openclaw:/home/node/.openclaw",
        "/opt/openclaw/workspace:/home/node/.openclaw/workspace",
        "/opt/openclaw/auth-profile-secrets:/home/node/.config/openclaw",
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_can_do_little(service):
    service = SERVICES[service]
    assert service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True and service["user"] == "1000:1000"
    assert service["ulimits"] == {"core": 1}
    assert 0 < service["pids_limit"] <= 4096 and service["oom_score_adj"] > 0
    assert "/var/run/docker.sock" not in str(service["volumes"])


@pytest.mark.parametrize("service", SERVICES)
def test_memory_is_limited_where_the_machine_says_how_much(service):
    # Without the variables, as where a text is only read, no limit.
    assert SERVICES[service]["mem_limit"] == "${OPENCLAW_MEMORY_LIMIT:-0}"
    assert SERVICES[service]["memswap_limit"] == "${OPENCLAW_MEMORY_SWAP_LIMIT:-0}"


@pytest.mark.parametrize("name", ["XDG_CACHE_HOME", "NPM_CONFIG_CACHE", "SQLITE_TMPDIR"])
def test_what_grows_with_the_state_is_on_the_volume_and_in_no_backup(name):
    left_out = runpy.run_path(next(ASSETS.rglob("exclusions.py")))["DIRECTORIES"]
    home, _, inside = GATEWAY["environment"][name].partition("/.openclaw/")
    assert home == "/home/node" and inside.split("/")[0] in left_out


def test_nothing_names_the_machine_to_a_container_that_cannot_reach_it():
    assert not any("extra_hosts" in service for service in SERVICES.values())


def test_systemd_is_the_only_supervisor():
    assert GATEWAY["restart"] == "no" and GATEWAY["pull_policy"] == "never"


def test_a_stop_fits_into_a_spot_notice_and_a_start_has_time():
    assert 20 <= seconds(GATEWAY["stop_grace_period"]) <= 30
    assert seconds(GATEWAY["healthcheck"]["start_period"]) >= 330


def test_one_parameter_per_variable_wins_over_the_dotenv_text():
    assert GATEWAY["env_file"] == ["/run/openclaw/dotenv", "/run/openclaw/.env"]


def test_the_version_changes_only_by_a_deploy():
    assert GATEWAY["environment"]["OPENCLAW_NO_AUTO_UPDATE"] == "1"
    assert GATEWAY["image"].startswith("${OPENCLAW_IMAGE:?")


@pytest.fixture(scope="module")
def encode():
    os.environ.update(PARAMETER_PATH="/openclaw/dev", AWS_REGION="me-central-1")
    sys.path.insert(0, str(ASSETS / "usr/local/lib"))
    return importlib.import_module("openclaw.service.secrets").encode


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (" blanks ", '" blanks "'),
        ("a#b #c", '"a#b #c"'),
        ("it's", '"it\'s"'),
        ('say "x"', r'"say \"x\""'),
        ("$HOME ${X:-y} $$", r'"\$HOME \${X:-y} \$\$"'),
        ("C:\\new\\", r'"C:\\new\\"'),
        ('\\$\\"', r'"\\\$\\\""'),
        ("one\ntwo\r\n", r'"one\ntwo\r\n"'),
        ("ünïcödé 😀", '"ünïcödé 😀"'),
    ],
)
def test_a_value_is_written_as_composes_reader_undoes_it(encode, value, encoded):
    assert encode(value) == encoded
