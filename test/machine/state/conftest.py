"""S3, Parameter Store, EC2 and CloudWatch (moto) on loopback, the real `aws` and `restic`, and machines on it."""

import compileall
import functools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import boto3
import pytest
from machine.state.support import quick_key, toolbox
from machine.state.support.forkserver import ForkServer
from machine.state.support.machine import LIBRARY, REGION, Deployment
from machine.state.support.proxy import Proxy

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


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    return toolbox.build(tmp_path_factory.mktemp("programs"))


@pytest.fixture(scope="session")
def fork_server(tmp_path_factory):
    library = shutil.copytree(LIBRARY, tmp_path_factory.mktemp("library") / "openclaw")
    compileall.compile_dir(library, quiet=1)
    server = ForkServer(tmp_path_factory.mktemp("fork-server"), library.parent)
    yield server
    server.close()


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    port = _free_port()
    log = tmp_path_factory.mktemp("cloud") / "log"
    with log.open("w") as stream:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        server = subprocess.Popen(command, stdout=stream, stderr=stream)
    for _ in range(200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=2).close()
            break
        except OSError:
            assert server.poll() is None, "moto ended"
            time.sleep(0.1)
    proxy = Proxy(port)
    yield proxy
    proxy.close()
    server.kill()
    server.wait()


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


@pytest.fixture
def make_deployment(cloud, programs, client, tmp_path, request):
    fork_server = request.getfixturevalue("fork_server")

    def make(virgin=False, **settings):
        deployment = Deployment(cloud.url, str(programs), client, tmp_path, fork_server=fork_server, **settings)
        if not virgin and deployment.backup == "snapshots":
            objects, password = request.getfixturevalue("repository")
            for key, body in objects.items():
                deployment.put(key, body)
            name = f"/openclaw/{deployment.name}/restic-password"
            deployment.ssm.put_parameter(Name=name, Value=password, Type="SecureString")
        return deployment

    return make


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


@pytest.fixture
def living(machine):
    return alive(machine)


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
def mirrored(make_deployment):
    return alive(make_deployment(backup="mirror").launch())
