"""S3, Parameter Store, EC2 and CloudWatch (moto) on loopback, the real `aws` and `restic`, and machines on it."""

import functools
import os
import socket
import subprocess
import sys
import time
import urllib.request

import boto3
import pytest
from machine.state import toolbox
from machine.state.machine import LIBRARY, REGION, Deployment
from machine.state.proxy import Fault, Proxy

sys.path.insert(0, str(LIBRARY))
ENGINES = ("snapshots", "mirror")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    return toolbox.build(tmp_path_factory.mktemp("programs"))


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
def repository(cloud, programs, client, tmp_path_factory):
    """An empty restic repository: making one costs seconds of key derivation, copying it nothing."""
    made = Deployment(cloud.url, str(programs), client, tmp_path_factory.mktemp("repository"))
    machine = made.launch()
    machine.boot()
    machine.write(".openclaw/openclaw.json", "{}")
    with cloud.playing(Fault(lambda r: r.method == "PUT" and "/snapshots/data/" in r.path, status=403)):
        machine.backup(expect=1, BACKUP_TIMEOUT_SECONDS="10")
    kept = [key for key in made.stored("snapshots/") if key.startswith(("snapshots/keys/", "snapshots/config"))]
    objects = {key: made.s3.get_object(Bucket=made.bucket, Key=key)["Body"].read() for key in kept}
    password = made.ssm.get_parameter(Name=f"/openclaw/{made.name}/restic-password", WithDecryption=True)
    return objects, password["Parameter"]["Value"]


@pytest.fixture
def make_deployment(cloud, programs, client, tmp_path, request):
    def make(virgin=False, **settings):
        deployment = Deployment(cloud.url, str(programs), client, tmp_path, **settings)
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


@pytest.fixture
def living(machine):
    """A machine with state in it and one backup made."""
    machine.boot()
    machine.a_life()
    machine.backup()
    return machine


@pytest.fixture
def s3(deployment):
    return deployment.s3


os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
