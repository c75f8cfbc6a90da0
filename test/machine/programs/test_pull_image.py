"""pull-image: a replacement never changes the version; only a deploy does."""

import json

import pytest
from machine.conftest import LIBEXEC

PARAMETER = "/openclaw/dev/image"
REFERENCE = "ghcr.io/openclaw/openclaw:2026.9.6"
OLD, NEW = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"

# The registry's answer to `pull` stands in $ROOT/tag; what was pulled, one reference a line, in $ROOT/images.
DOCKER = """
[[ -e $ROOT/docker-is-up ]] || { echo "Cannot connect to the Docker daemon" >&2; exit 1; }
case "$1 $2" in
  "image inspect")
    reference="${!#}"
    grep -qxF -- "$reference" "$ROOT/images" || exit 1
    case "$*" in
      *org.opencontainers.image.version*) cat "$ROOT/label" 2>/dev/null ;;
      *--format*) printf '%s\\n' "${repo:-ghcr.io/openclaw/openclaw}@$(<"$ROOT/tag")" ;;
    esac ;;
  "run "*) cat "$ROOT/package-version" 2>/dev/null ;;
  "pull --quiet")
    if [[ -s $ROOT/failures ]]; then
      head -n 1 "$ROOT/failures" >&2; sed -i 1d "$ROOT/failures"; exit 1
    fi
    printf '%s\\n' "$3" "${3%@*}@$(<"$ROOT/tag")" >>"$ROOT/images" ;;
  login*) cat >"$ROOT/password"; printf '%s' "$DOCKER_CONFIG" >"$ROOT/config-path" ;;
esac
"""


@pytest.fixture
def machine(machine, parameter_store, fork_server):
    machine.fork_server = fork_server
    machine.env["ROOT"] = str(machine.root)
    (machine.root / "images").write_text("")
    (machine.root / "tag").write_text(NEW)
    machine.stub("docker", DOCKER)
    machine.stub(
        "systemctl", '[[ $* == "start docker.service" && ! -e $ROOT/docker-is-broken ]] && touch "$ROOT/docker-is-up"'
    )
    return machine


def record(machine, reference, digest):
    machine.aws_state["parameters"][PARAMETER] = json.dumps({"reference": reference, "digest": digest})


def recorded(machine):
    return json.loads(machine.aws_state["parameters"][PARAMETER])


def pulls(machine):
    return [call.split()[-1] for call in machine.calls("docker") if call.startswith("pull")]


def image(machine):
    return (machine.run_dir / "image.env").read_text()


def test_the_first_boot_records_what_the_registry_gave(machine):
    done = machine.run(LIBEXEC / "pull-image")
    assert done.returncode == 0, done.stderr
    assert recorded(machine) == {"reference": REFERENCE, "digest": NEW}
    assert image(machine) == f"OPENCLAW_IMAGE={REFERENCE}@{NEW}\n"
    assert pulls(machine) == [REFERENCE]


def test_a_replacement_runs_the_recorded_digest_though_the_tag_has_moved(machine):
    record(machine, REFERENCE, OLD)
    assert machine.run("pull-image").returncode == 0
    assert pulls(machine) == [f"{REFERENCE}@{OLD}"]
    assert image(machine) == f"OPENCLAW_IMAGE={REFERENCE}@{OLD}\n"
    assert recorded(machine)["digest"] == OLD


def test_a_digest_that_is_here_is_not_pulled(machine):
    record(machine, REFERENCE, OLD)
    (machine.root / "images").write_text(f"{REFERENCE}@{OLD}\n")
    assert machine.run("pull-image").returncode == 0
    assert pulls(machine) == []


def test_a_reboot_asks_nobody_for_the_digest(machine):
    machine.run("pull-image")
    (machine.run_dir / "image.env").unlink()
    (machine.root / "tag").write_text(OLD)
    machine.aws_state["fail"] = {"get-parameter": "ServerError"}
    done = machine.run("pull-image")
    assert done.returncode == 0, done.stderr
    assert image(machine) == f"OPENCLAW_IMAGE={REFERENCE}@{NEW}\n"


def test_a_changed_reference_is_recorded_anew(machine):
    record(machine, "ghcr.io/openclaw/openclaw:2026.8.1", OLD)
    assert machine.run("pull-image").returncode == 0
    assert recorded(machine) == {"reference": REFERENCE, "digest": NEW}


def test_a_reference_with_a_digest_needs_no_record(machine):
    reference = f"ghcr.io/openclaw/openclaw@{OLD}"
    assert machine.run("pull-image", IMAGE=reference).returncode == 0
    assert image(machine) == f"OPENCLAW_IMAGE={reference}\n"
    assert machine.aws_state["calls"] == []


def test_of_two_first_boots_both_run_what_the_faster_one_recorded(machine):
    theirs = json.dumps({"reference": REFERENCE, "digest": OLD})
    machine.aws_state["fail"]["put-parameter"] = [f"after:{PARAMETER}={theirs}"]
    done = machine.run("pull-image")
    assert done.returncode == 0, done.stderr
    assert image(machine) == f"OPENCLAW_IMAGE={REFERENCE}@{OLD}\n"
    assert recorded(machine)["digest"] == OLD


def test_a_record_that_cannot_be_read_never_becomes_an_upgrade(machine):
    record(machine, REFERENCE, OLD)
    machine.aws_state["fail"]["get-parameter"] = ["AccessDeniedException", "*"]
    done = machine.run("pull-image")
    assert done.returncode == 1
    assert f"cannot read parameter {PARAMETER}" in done.stderr
    assert pulls(machine) == [] and recorded(machine)["digest"] == OLD
    assert not (machine.run_dir / "image.env").exists()


def test_a_digest_that_cannot_be_recorded_is_not_run(machine):
    machine.aws_state["fail"]["put-parameter"] = ["AccessDeniedException", "*"]
    done = machine.run("pull-image")
    assert done.returncode == 1
    assert PARAMETER in done.stderr and "AccessDeniedException" in done.stderr
    assert not (machine.run_dir / "image.env").exists()


@pytest.mark.parametrize("text", ["sha256:aa", '{"reference": "x"}', '{"reference": "x", "digest": "latest"}', "{"])
def test_a_record_of_another_form_is_refused_with_the_way_out(machine, text):
    machine.aws_state["parameters"][PARAMETER] = text
    done = machine.run("pull-image")
    assert done.returncode == 1
    assert f"got '{text}'" in done.stderr
    assert f"delete-parameter --region me-central-1 --name {PARAMETER}" in done.stderr
    assert pulls(machine) == []


def test_no_such_image_is_said_at_once(machine):
    (machine.root / "failures").write_text("manifest unknown\n" * 5)
    done = machine.run("pull-image")
    assert done.returncode == 1
    assert f"no such image: '{REFERENCE}'" in done.stderr
    assert len(pulls(machine)) == 1


def test_a_registry_that_is_down_is_tried_five_times(machine):
    (machine.root / "failures").write_text("i/o timeout\n" * 9)
    done = machine.run("pull-image")
    assert done.returncode == 1
    assert f"cannot pull '{REFERENCE}': i/o timeout" in done.stderr
    assert len(pulls(machine)) == 5


def test_a_registry_that_comes_back_is_enough(machine):
    (machine.root / "failures").write_text("i/o timeout\n" * 2)
    assert machine.run("pull-image").returncode == 0


ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/openclaw:1"


@pytest.mark.parametrize("domain", ["amazonaws.com", "amazonaws.com.cn", "amazonaws.eu"])
def test_ecr_gets_its_password_by_standard_input_and_keeps_it_in_memory(machine, domain):
    image = ECR.replace("amazonaws.com", domain)
    repo = image.rsplit(":", 1)[0]
    done = machine.run("pull-image", IMAGE=image, repo=repo)
    assert done.returncode == 0, done.stderr
    assert (machine.root / "password").read_text() == "registry-password\n"
    assert machine.calls("docker")[0] == f"login --username AWS --password-stdin {repo.split('/')[0]}"
    assert machine.aws_calls("get-login-password")[0][-2:] == ["--region", "eu-west-1"]
    config = machine.root / "run" / "docker"
    assert (machine.root / "config-path").read_text() == str(config)
    assert not config.exists()


@pytest.mark.parametrize("reference", [REFERENCE, "openclaw/openclaw:1", "1.dkr.ecr.eu-west-1.amazonaws.com.evil/a:1"])
def test_other_registries_get_no_login(machine, reference):
    machine.run("pull-image", IMAGE=reference)
    assert machine.aws_calls("get-login-password") == []
    assert not (machine.root / "password").exists()


def test_a_docker_that_does_not_start_is_named(machine):
    (machine.root / "docker-is-broken").touch()
    done = machine.run("pull-image")
    assert done.returncode == 1 and "docker.service does not start" in done.stderr
    assert not machine.calls("docker") and not (machine.run_dir / "image.env").exists()


def noted_version(machine):
    return json.loads((machine.run_dir / "image.json").read_text())["version"]


DIGEST_ALONE = f"ghcr.io/openclaw/openclaw@{NEW}"


@pytest.mark.parametrize("reference", [REFERENCE, "ghcr.io/openclaw/openclaw:prod", DIGEST_ALONE])
def test_the_version_is_read_in_the_image_whatever_its_reference_says(machine, reference):
    (machine.root / "label").write_text("2026.9.5-beta.1\n")
    done = machine.run("pull-image", IMAGE=reference)
    assert done.returncode == 0, done.stderr
    assert noted_version(machine) == "2026.9.5-beta.1"
    assert not any(call.startswith("run") for call in machine.calls("docker"))


@pytest.mark.parametrize("label", ["", "main", "<no value>"])
def test_where_no_label_says_it_openclaws_package_does(machine, label):
    (machine.root / "label").write_text(label)
    (machine.root / "package-version").write_text("2026.9.6\n")
    machine.run("pull-image")
    assert noted_version(machine) == "2026.9.6"
    [call] = [call for call in machine.calls("docker") if call.startswith("run")]
    assert "--network=none" in call and "--entrypoint node" in call and f"{REFERENCE}@{NEW}" in call
    # Once for each volume.
    machine.run("pull-image")
    assert sum(call.startswith("run") for call in machine.calls("docker")) == 1


def test_an_image_without_a_version_is_said_and_runs(machine):
    done = machine.run("pull-image")
    assert done.returncode == 0 and noted_version(machine) is None
    assert "does not say which OpenClaw it holds" in done.stderr
