"""A machine's state, in a directory: its data, its volume, its environment, and the programs under test run on it."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from machine.forkserver import ACCOUNT, PYTHON, REGION, ForkServer, Process

REPOSITORY = Path(__file__).parents[4]
LIBRARY = REPOSITORY / "assets/machine/usr/local/lib/openclaw"
NODE = 1000


def aws_environment(endpoint: str) -> dict[str, str]:
    return {
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_MAX_ATTEMPTS": "2",
    }


@dataclass
class Deployment:
    """What survives machines: bucket, parameters, and the instances that EC2 knows."""

    endpoint: str
    path: str
    client: object
    directory: Path
    backup: str = "snapshots"
    name: str = field(default_factory=lambda: "t" + uuid.uuid4().hex[:10])
    image: str = "ghcr.io/openclaw/openclaw:2026.9.6"
    library: Path = LIBRARY
    # How `python -m openclaw.state` is run; by default in a process of its own.
    fork_server: ForkServer | None = None
    # What its machines have in their environment instead of the usual.
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.s3, self.ssm, self.ec2, self.cloudwatch = map(self.client, ("s3", "ssm", "ec2", "cloudwatch"))
        self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})

    @property
    def bucket(self) -> str:
        return f"openclaw-backup-{self.name}-{ACCOUNT}-{REGION}"

    def launch(self, in_group: bool = True) -> "Machine":
        """By the deployment's group, or as any other instance of the account."""
        tags = [{"Key": "aws:autoscaling:groupName", "Value": f"openclaw-{self.name}"}] if in_group else []
        tagged = {"TagSpecifications": [{"ResourceType": "instance", "Tags": tags}]} if tags else {}
        started = self.ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, **tagged)
        return Machine(self, started["Instances"][0]["InstanceId"])

    def stored(self, prefix: str = "") -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def body(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def flip(self, key: str, where: "int | None" = None) -> None:
        """A byte of an object, by default in its middle."""
        body = bytearray(self.body(key))
        body[len(body) // 2 if where is None else where] ^= 1
        self.put(key, bytes(body))

    def erase(self, prefix: str) -> None:
        """With every older version: what no machine of ours may do."""
        found = self.s3.list_object_versions(Bucket=self.bucket, Prefix=prefix)
        for version in found.get("Versions", []) + found.get("DeleteMarkers", []):
            self.s3.delete_object(Bucket=self.bucket, Key=version["Key"], VersionId=version["VersionId"])

    def metric(self, name: str) -> set[float]:
        """The lowest and the highest that was published; empty where nothing was."""
        metric = {"Namespace": f"OpenClaw/{self.name}", "MetricName": name}
        now, hour = time.time(), 3600
        data = self.cloudwatch.get_metric_data(
            MetricDataQueries=[
                {"Id": statistic.lower(), "MetricStat": {"Metric": metric, "Period": 2 * hour, "Stat": statistic}}
                for statistic in ("Minimum", "Maximum")
            ],
            StartTime=now - hour,
            EndTime=now + hour,
        )
        return {value for result in data["MetricDataResults"] for value in result["Values"]}


class Machine:
    def __init__(self, deployment: Deployment, instance: str):
        self.deployment, self.instance = deployment, instance
        self.directory = deployment.directory / instance
        self.data, self.var, self.run = (self.directory / name for name in ("data", "var", "run"))
        self.log = ""
        # OpenClaw gets ready on it.
        self.served.parent.mkdir(mode=0o700, parents=True)
        self.served.touch()
        self.commands = self.directory / "systemctl.log"
        stub = self.directory / "bin" / "systemctl"
        stub.parent.mkdir(parents=True)
        stub.write_text(f'#!/bin/sh\necho "$@" >> {self.commands}\n[ "$1" != is-active ]\n')
        stub.chmod(0o755)
        for name in (".openclaw", "workspace", "auth-profile-secrets"):
            (self.data / name).mkdir(parents=True)
            (self.data / name).chmod(0o755 if name == "workspace" else 0o700)
            os.chown(self.data / name, NODE, NODE)

    @property
    def served(self) -> Path:
        return self.var / "served"

    @property
    def environment(self) -> dict[str, str]:
        deployment = self.deployment
        return {
            "PATH": f"{self.directory / 'bin'}:{deployment.path}:{os.environ['PATH']}",
            "HOME": str(self.directory),
            "PYTHONPATH": str(deployment.library.parent),
            "PYTHONDONTWRITEBYTECODE": "1",
            "STACK": deployment.name,
            "ACCOUNT_ID": ACCOUNT,
            "GROUP_NAME": f"openclaw-{deployment.name}",
            **aws_environment(deployment.endpoint),
            "PARAMETER_PATH": f"/openclaw/{deployment.name}",
            "IMAGE": deployment.image,
            "BACKUP": deployment.backup,
            "STATE_BUCKET": "" if deployment.backup == "off" else deployment.bucket,
            "METRIC_NAMESPACE": f"OpenClaw/{deployment.name}",
            "OPENCLAW_MACHINE_ENV": "/dev/null",
            "OPENCLAW_INSTANCE_ID": self.instance,
            "OPENCLAW_DATA": str(self.data),
            "OPENCLAW_VAR": str(self.var),
            "OPENCLAW_RUN": str(self.run),
            "LEASE_WAIT_SECONDS": "0",
            "BACKUP_LOCK_WAIT_SECONDS": "20",
            "BACKUP_TIMEOUT_SECONDS": "60",
            **deployment.environment,
        }

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen | Process:
        """In a process group of its own."""
        if self.deployment.fork_server:
            return self.deployment.fork_server.start(arguments, {**self.environment, **environment})
        return subprocess.Popen(
            [PYTHON, "-m", "openclaw.state", *arguments],
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )

    def state(self, *arguments: str, expect: int = 0, **environment: str) -> str:
        process = self.start(*arguments, **environment)
        out, err = process.communicate(timeout=180)
        code = process.returncode
        self.log = err
        assert code == expect, f"{arguments} ended with {code}:\n{err}\n{out}"
        return out

    def boot(self, expect: int = 0, patience: str = "0", **environment: str) -> None:
        self.state("boot", "--patience", patience, expect=expect, **environment)

    def backup(self, *arguments: str, expect: int = 0, **environment: str) -> str:
        self.state("backup", *arguments, expect=expect, **environment)
        return self.record("backup").get("snapshot", "") if expect == 0 else ""

    def record(self, event: str) -> dict:
        found = [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]
        return next((line for line in reversed(found) if line["event"] == event), {})

    def stub(self, program: str, script: str) -> Path:
        """In the place of a program, which is `$real` to the script."""
        path = self.directory / "bin" / program
        real = shutil.which(program, path=f"{self.deployment.path}:{os.environ['PATH']}")
        path.write_text(f"#!/bin/sh\nreal={real}\n{script}\n")
        path.chmod(0o755)
        return path

    def die(self) -> None:
        """The instance is gone, its volume with it."""
        self.deployment.ec2.terminate_instances(InstanceIds=[self.instance])
        shutil.rmtree(self.directory)

    def replaced(self) -> "Machine":
        self.die()
        return self.deployment.launch()

    def path(self, relative: str) -> Path:
        return self.data / relative

    def write(self, relative: str, content: str | bytes, mode: int = 0o600) -> Path:
        path = self.data / relative
        make_parents(path.parent)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        os.chown(path, NODE, NODE)
        return path

    def database(self, relative: str = ".openclaw/state/openclaw.sqlite", rows: int = 20, version: int = 5) -> Path:
        """As OpenClaw leaves it: write-ahead log, owner leases of the running gateway."""
        path = self.data / relative
        make_parents(path.parent)
        # OpenClaw's own from the start: what SQLite, as root, then makes beside it gets the same owner.
        path.touch()
        os.chown(path, NODE, NODE)
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute(f"PRAGMA user_version={version}")
            database.executescript(
                "CREATE TABLE IF NOT EXISTS note(id INTEGER PRIMARY KEY, text TEXT);"
                "CREATE TABLE IF NOT EXISTS state_leases(name TEXT, owner TEXT);"
                "CREATE TABLE IF NOT EXISTS agent_database_leases(name TEXT, owner TEXT);"
                "INSERT INTO state_leases VALUES ('gateway-owner', 'lost-machine');"
            )
            database.executemany("INSERT INTO note(text) VALUES (?)", [("n" * 200,)] * rows)
            database.commit()
        return path

    def notes(self, relative: str = ".openclaw/state/openclaw.sqlite") -> int:
        with contextlib.closing(sqlite3.connect(self.data / relative)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            return database.execute("SELECT count(*) FROM note").fetchone()[0]

    def a_life(self) -> None:
        """Some state of every kind."""
        self.database()
        self.write(".openclaw/openclaw.json", '{"meta": {"lastTouchedVersion": "2026.9.6"}}')
        self.write(".openclaw/agents/main/sessions/cold/1.jsonl.zst", b"\x28\xb5" * 300)
        self.write("auth-profile-secrets/key", "secret", 0o400)
        for number in range(12):
            self.write(f"workspace/notes/{number}.md", f"note {number}\n" * 20, 0o644)


def make_parents(directory: Path) -> None:
    if not directory.is_dir():
        make_parents(directory.parent)
        directory.mkdir(mode=0o700)
        os.chown(directory, NODE, NODE)


def kill(process: subprocess.Popen | Process) -> None:
    """A power cut, as far as processes go."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


class Writer(threading.Thread):
    """Commits all the time, as a busy gateway does."""

    def __init__(self, path: Path):
        super().__init__(daemon=True)
        self.path, self.stopping, self.committed = path, threading.Event(), 0

    def run(self) -> None:
        with contextlib.closing(sqlite3.connect(self.path, timeout=60)) as database:
            while not self.stopping.is_set():
                with database:
                    database.execute("INSERT INTO note(text) VALUES (?)", ("w" * 500,))
                self.committed += 1

    def __enter__(self) -> "Writer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.join()
