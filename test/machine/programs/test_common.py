"""common.sh: what the shell programs share."""

import pytest
from machine.conftest import ASSETS

COMMON = ASSETS / "usr/local/lib/openclaw/common.sh"


@pytest.fixture
def shell(machine):
    def shell(body):
        program = machine.root / "program"
        program.write_text(f"#!/usr/bin/env bash\nset -euo pipefail\nsource {COMMON}\n{body}\n")
        program.chmod(0o755)
        return machine.run(program)

    return shell


def test_an_error_inside_a_substitution_is_an_error(shell):
    assert shell("value=$(false; echo went on)\necho $value").stdout == ""


def test_messages_name_the_program_and_leave_data_alone(shell):
    done = shell("log one two; echo data; die three")
    assert (done.returncode, done.stdout) == (1, "data\n")
    assert done.stderr == "program: one two\nprogram: error: three\n"


def test_retry_stops_at_the_first_success(shell):
    done = shell("tries=0; try() { ((++tries == 3)); }; retry 5 try; echo $tries")
    assert (done.returncode, done.stdout) == (0, "3\n")


def test_retry_gives_up(shell):
    done = shell("try() { echo tried; return 1; }; retry 4 try || echo gave up")
    assert done.stdout == "tried\n" * 4 + "gave up\n"
