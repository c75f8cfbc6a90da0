"""The Compose file, and the way from a parameter's value into a container's environment."""

import importlib.machinery
import importlib.util
import json
import os
import random
import shutil
import subprocess

import pytest
import yaml

from .conftest import ASSETS, LIBEXEC

FILE = ASSETS / "opt/openclaw/docker-compose.yaml"
SERVICES = yaml.safe_load(FILE.read_text())["services"]
GATEWAY = SERVICES["openclaw-gateway"]


def seconds(text):
    assert text.endswith("s")
    return int(text[:-1])


def test_the_gateway_is_reached_from_this_machine_only():
    assert GATEWAY["ports"] == ["127.0.0.1:18789:18789"]


def test_the_host_name_outlives_a_machine():
    assert GATEWAY["hostname"] == "openclaw"


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
    assert service["read_only"] is True
    assert "/var/run/docker.sock" not in str(service["volumes"])


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
    os.environ.update(
        PARAMETER_PATH="/openclaw/dev",
        AWS_REGION="me-central-1",
        OPENCLAW_LIB=str(ASSETS / "usr/local/lib/openclaw"),
    )
    loader = importlib.machinery.SourceFileLoader("fetch_secrets", str(LIBEXEC / "fetch-secrets"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("fetch_secrets", loader))
    loader.exec_module(module)
    return module.encode


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


def compose():
    """A Docker Compose to ask: the plugin of this machine's docker, or the file that DOCKER_COMPOSE names."""
    if os.environ.get("DOCKER_COMPOSE"):
        return [os.environ["DOCKER_COMPOSE"]]
    docker = shutil.which("docker")
    if docker and subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode == 0:
        return [docker, "compose"]
    return None


def values():
    """Every trap by itself, and 300 mixtures that are the same in every run."""
    yield from ["", " ", "'", '"', "$", "\\", "#", "\n", "\r\n", "=", "\t", "`id`", "$(id)", "\\n", "\\'", "${", "a\\"]
    pieces = [
        *" \t\n\r'\"$#\\`{}()=:;%é漢😀ab0",
        "\u00a0",
        "$$",
        "${A}",
        "\\n",
        "\\x41",
        "\\012",
        "export X=1",
        "\x1b[0m",
    ]
    generator = random.Random(1)  # noqa: S311 - a repeatable mixture, not a secret
    for _ in range(300):
        yield "".join(generator.choice(pieces) for _ in range(generator.randrange(1, 20)))


@pytest.mark.skipif(compose() is None, reason="no Docker Compose here; the boot tests ask the machine's own")
def test_values_arrive_unchanged_through_the_real_compose(encode, tmp_path):
    expected = {f"V{number}": value for number, value in enumerate(values())}
    text = "".join(f"{name}={encode(value)}\n" for name, value in expected.items())
    (tmp_path / ".env-secrets").write_bytes(text.encode())
    (tmp_path / "compose.yaml").write_text(f"services: {{a: {{image: x, env_file: ['{tmp_path}/.env-secrets']}}}}\n")
    done = subprocess.run(
        [*compose(), "--file", tmp_path / "compose.yaml", "config", "--format", "json"], capture_output=True, check=True
    )
    assert done.stderr == b""
    # `config` prints what another `config` would read: each $ doubled.
    assert json.loads(done.stdout)["services"]["a"]["environment"] == {
        name: value.replace("$", "$$") for name, value in expected.items()
    }
