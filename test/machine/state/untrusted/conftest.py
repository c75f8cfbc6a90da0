import pytest
from machine.state.support.container import Container


@pytest.fixture
def container(host):
    """Of a machine on which staging alone is run."""
    return Container(host.data)


@pytest.fixture
def rest(host):
    """What must be in every backup, whatever else lies there."""
    host.database()
    host.write("workspace/a/first.md", "first")
    host.write("workspace/z/last.md", "last")
    host.write("auth-profile-secrets/key", "secret", 0o400)
    return {
        ".openclaw/state/openclaw.sqlite",
        "auth-profile-secrets/key",
        "workspace/a/first.md",
        "workspace/z/last.md",
    }
