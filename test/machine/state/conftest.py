"""S3, Parameter Store, EC2 and CloudWatch (moto) on loopback, the real `aws` and `restic`, and machines on it."""

import functools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import boto3
import pytest
from machine.forkserver import ForkServer
from machine.state.support import quick_key, toolbox
from machine.state.support.machine import LIBRARY, REGION, Deployment, aws_environment
from machine.state.support.proxy import Proxy
from machine.state.support.saved import Saved

sys.path.insert(0, str(LIBRARY.parent))
# In the library, which is on the path only now.
from machine.state.support.host import Host

ENGINES = ("snapshots", "mirror")


@pytest.fixture
def tmp_path():
    """Not pytest's own, which root alone may enter: what reads the mounts has no rights, and SQLite goes by paths."""
    directory = tempfile.mkdtemp(prefix="openclaw-test-")
    os.chmod(directory, 0o711)  # noqa: S103 (nobody lists it)
    yield Path(directory)
    # Some tests nest deeper than what recurses in Python.
    subprocess.run(["rm", "-rf", "--", directory], check=True)


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    return toolbox.build(tmp_path_factory.mktemp("programs"))


@pytest.fixture(scope="session")
def fork_server(cloud, library, tmp_path_factory):
    server = ForkServer(tmp_path_factory.mktemp("fork-server"), library.parent, aws_environment(cloud.url))
    yield server
    server.close()


@pytest.fixture(scope="session")
def cloud():
    proxy = Proxy()
    yield proxy
    proxy.close()


@pytest.fixture(scope="session")
def client(cloud):
    keys = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "none"}
    return functools.cache(functools.partial(boto3.client, endpoint_url=cloud.url, region_name=REGION, **keys))


@pytest.fixture(scope="session")
def repository(programs, tmp_path_factory):
    """An empty restic repository, by key in the bucket, and its password."""
    directory, password = tmp_path_factory.mktemp("repository"), "a password for tests"
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "RESTIC_PASSWORD": password, "HOME": str(directory)}
    subprocess.run(["restic", "init", "--quiet", "--repo", directory / "made"], env=environment, check=True)
    [key] = (directory / "made/keys").iterdir()
    name, content = quick_key.quickened(key.read_bytes(), password)
    config = (directory / "made/config").read_bytes()
    return {"snapshots/config": config, f"snapshots/keys/{name}": content}, password


@pytest.fixture(scope="session")
def deploy(cloud, programs, client, library, fork_server, repository):  # noqa: PLR0917 (fixtures, by name)
    def deploy(directory, virgin=False, **settings):
        shared = {"library": library, "fork_server": fork_server}
        deployment = Deployment(cloud.url, str(programs), client, directory, **shared, **settings)
        if not virgin and deployment.backup == "snapshots":
            objects, password = repository
            for key, body in objects.items():
                deployment.put(key, body)
            name = f"/openclaw/{deployment.name}/restic-password"
            deployment.ssm.put_parameter(Name=name, Value=password, Type="SecureString")
        return deployment

    return deploy


@pytest.fixture
def make_deployment(deploy, tmp_path):
    return functools.partial(deploy, tmp_path)


@pytest.fixture(params=ENGINES)
def deployment(request, make_deployment):
    """Of either engine: what holds for one holds for the other."""
    return make_deployment(backup=request.param)


@pytest.fixture
def machine(deployment):
    return deployment.launch()


def alive(machine):
    """The machine with state in it and one backup made."""
    machine.boot()
    machine.a_life()
    machine.backup()
    return machine


@pytest.fixture(scope="session")
def saved_life(deploy):
    """By engine: a machine that is alive, to be brought back."""
    with tempfile.TemporaryDirectory(prefix="openclaw-test-") as scratch:
        os.chmod(scratch, 0o711)  # noqa: S103 (nobody lists it)

        @functools.cache
        def saved(engine):
            directory, copies = Path(scratch, engine), Path(scratch, f"{engine}-saved")
            for path in (directory, copies):
                path.mkdir(mode=0o711)
            return Saved(alive(deploy(directory, backup=engine).launch()), copies)

        yield saved


@pytest.fixture
def living(machine, saved_life):
    saved = saved_life(machine.deployment.backup)
    if not saved.fits(machine):
        return alive(machine)
    saved.bring_back(machine)
    return machine


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 24 MiB."""
    mount = tmp_path / "disk"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(mount)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("may not mount")
    yield mount
    subprocess.run(["umount", "--lazy", str(mount)], check=True)


@pytest.fixture
def s3(deployment):
    return deployment.s3


os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def mirrored(make_deployment, saved_life):
    machine = make_deployment(backup="mirror").launch()
    saved_life("mirror").bring_back(machine)
    return machine
