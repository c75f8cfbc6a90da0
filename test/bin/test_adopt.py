"""bin/adopt: the archive into the bucket, then the machine's turn."""

import os
import pathlib
import subprocess

import pytest

PROGRAM = pathlib.Path(__file__).parents[2] / "bin" / "adopt"
BUCKET = "openclaw-backup-dev-123456789012-me-central-1"
AWS = """#!/bin/bash
echo "$*" >>"$CALLS"
case $1-$2 in
  sts-get-caller-identity) echo 123456789012 ;;
  s3api-head-bucket) [[ -z $NO_BUCKET ]] ;;
  s3-cp) [[ -z $NO_UPLOAD ]] ;;
  autoscaling-*) echo i-0123456789abcdef0 ;;
  ssm-start-session) sh -c "$(jq --raw-output '.command[0]' <<<"${*: -1}")" ;;
esac
"""


@pytest.fixture
def adopt(tmp_path):
    for name, body in (("aws", AWS), ("sudo", "#!/bin/bash\n"), ("session-manager-plugin", "#!/bin/bash\n")):
        (tmp_path / name).write_text(body)
        (tmp_path / name).chmod(0o755)
    calls = tmp_path / "calls"

    def run(*arguments, **env):
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "REGION": "me-central-1", "CALLS": str(calls), **env}
        done = subprocess.run([PROGRAM, *arguments], env=environment, capture_output=True, text=True, check=False)
        done.calls = calls.read_text().splitlines() if calls.exists() else []
        return done

    return run


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "ann.tar.gz"
    path.touch()
    return path


def test_uploads_it_and_has_the_machine_adopt_it(adopt, archive):
    done = adopt(archive)
    assert done.returncode == 0, done.stderr
    [upload] = [call for call in done.calls if call.startswith("s3 cp")]
    assert upload.endswith(f"{archive} s3://{BUCKET}/adopt/ann.tar.gz")
    assert "openclaw-state adopt ann.tar.gz" in done.calls[-1]


@pytest.mark.parametrize("arguments", [(), ("",), ("/no/such/file",)])
def test_asks_for_a_file(adopt, arguments):
    done = adopt(*arguments)
    assert done.returncode == 1
    assert "ARCHIVE must be a file made by 'openclaw backup create'" in done.stderr
    assert done.calls == []


@pytest.mark.parametrize("missing", ["NO_BUCKET", "NO_UPLOAD"])
def test_the_machine_is_asked_only_for_what_is_there(adopt, archive, missing):
    done = adopt(archive, **{missing: "1"})
    assert done.returncode != 0
    assert not any("start-session" in call for call in done.calls)
