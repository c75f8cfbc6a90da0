"""The real CDK deployment of this repository's app against the local AWS."""

import json
import pathlib
import subprocess
import threading
import time
from dataclasses import dataclass, field

import boto3

from . import settings
from .docker import DockerError
from .machine import Machine
from .progress import say, step

CDK = settings.REPOSITORY / "node_modules/.bin/cdk"
POLL_SECONDS = 1


class DeploymentError(RuntimeError):
    pass


@dataclass
class Deployment:
    """One deployment of the app.

    :param context: further `-c` settings of the app
    """

    endpoint: str
    stack: str = "demo"
    context: dict[str, str] = field(default_factory=dict)

    @property
    def stack_name(self) -> str:
        return f"openclaw-{self.stack}"

    @property
    def parameter_path(self) -> str:
        return f"/openclaw/{self.stack}"

    @property
    def bucket(self) -> str:
        return f"openclaw-backup-{self.stack}-{settings.ACCOUNT}-{settings.REGION}"

    def client(self, service: str):
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=settings.REGION,
            aws_access_key_id=settings.OPERATOR["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=settings.OPERATOR["AWS_SECRET_ACCESS_KEY"],
        )

    def cdk(self, *arguments: str, log: pathlib.Path, app: bool = True) -> None:
        """Runs the CDK CLI as this local AWS's operator.

        :param app: whether the command is about this repository's app, which takes seconds to synthesize
        :raises DeploymentError: when it failed, with the last lines of its log
        """
        settings_of_app = {
            "az": settings.ZONE,
            "stack": self.stack,
            "instanceType": settings.INSTANCE_TYPES[settings.architecture()],
            "image": settings.OPENCLAW_IMAGE,
            **self.context,
        }
        options = [option for key, value in settings_of_app.items() for option in ("-c", f"{key}={value}")]
        options += ["--output", str(settings.STATE / "cdk.out")]
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as output:
            result = subprocess.run(
                [CDK, *arguments, *(options if app else []), "--ci"],
                # The app is named by the repository's cdk.json.
                cwd=settings.REPOSITORY if app else settings.STATE,
                check=False,
                env=settings.operator_environment(self.endpoint),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        if result.returncode:
            raise DeploymentError(f"cdk {arguments[0]} ended with {result.returncode}, see {log}:\n{tail(log, 15)}")

    def stacks(self) -> dict[str, str]:
        """The status of every CloudFormation stack by name."""
        return {
            stack["StackName"]: stack["StackStatus"]
            for stack in self.client("cloudformation").describe_stacks()["Stacks"]
        }

    def bootstrapped(self) -> bool:
        return "CDKToolkit" in self.stacks()

    def deployed(self) -> bool:
        return self.stack_name in self.stacks()

    def bootstrap(self) -> None:
        log = settings.LOGS / "cdk-bootstrap.log"
        with step("cdk bootstrap"):
            self.cdk("bootstrap", f"aws://{settings.ACCOUNT}/{settings.REGION}", log=log, app=False)

    def deploy(self) -> None:
        """Deploys and waits, as CloudFormation does, for the machine's own word that it is good."""
        log = settings.LOGS / "cdk-deploy.log"
        log.unlink(missing_ok=True)
        done = threading.Event()
        follower = threading.Thread(target=self.follow_boot, args=(done,), daemon=True)
        with step("cdk deploy"):
            follower.start()
            try:
                self.cdk("deploy", "--require-approval", "never", "--progress", "events", log=log)
            finally:
                done.set()
                follower.join()

    def destroy(self) -> None:
        with step("cdk destroy"):
            self.cdk("destroy", "--force", log=settings.LOGS / "cdk-destroy.log")

    def follow_boot(self, done: threading.Event) -> None:
        """Says which of the machine's units is starting, whenever that changes."""
        before = ""
        while not done.wait(POLL_SECONDS):
            machine = self.machine()
            now = machine and starting_units(machine)
            if now and now != before:
                say(f"  {now}")
                before = now

    def put_secret(self, name: str, value: str) -> None:
        self.client("ssm").put_parameter(
            Name=f"{self.parameter_path}/{name}", Value=value, Type="SecureString", Overwrite=True
        )

    def machine(self, other_than: str = "") -> Machine | None:
        """The machine that runs, the youngest if there are two, or None.

        :param other_than: an instance id that is not the one wanted
        """
        for instance in reversed(self.instances("running")):
            machine = Machine(instance["InstanceId"])
            if machine.instance_id != other_than and machine.running:
                return machine
        return None

    def last_machine(self) -> Machine | None:
        """The machine launched last, running or not, or None."""
        launched = self.instances()
        return Machine(launched[-1]["InstanceId"]) if launched else None

    def instances(self, *states: str) -> list[dict]:
        """This deployment's instances in the order of their launches, as ec2 DescribeInstances has them, in any state
        or in one of these."""
        filters = [{"Name": "tag:openclaw:stack", "Values": [self.stack]}]
        reservations = self.client("ec2").describe_instances(Filters=filters)["Reservations"]
        found = [instance for reservation in reservations for instance in reservation["Instances"]]
        wanted = [instance for instance in found if not states or instance["State"]["Name"] in states]
        return sorted(wanted, key=lambda instance: instance["LaunchTime"])

    def wait_ready(self, other_than: str = "", seconds: int = 300) -> Machine:
        """Waits for a machine whose gateway is ready.

        :param other_than: an instance id that is not the one waited for
        :raises DeploymentError: when none was ready in time
        """
        deadline = time.monotonic() + seconds
        before = ""
        while time.monotonic() < deadline:
            machine = self.machine(other_than)
            if machine:
                if machine.succeeds("systemctl", "is-active", "--quiet", "openclaw.service"):
                    return machine
                now = starting_units(machine)
                if now and now != before:
                    say(f"  {now}")
                    before = now
            time.sleep(POLL_SECONDS)
        raise DeploymentError(f"no machine with a ready gateway within {seconds} s")


def starting_units(machine: Machine) -> str:
    """Which of the machine's units is starting now, in a line for a person."""
    try:
        units = json.loads(machine.execute("systemctl", "list-units", "--state=activating", "--output=json"))
    except (DockerError, json.JSONDecodeError):
        return f"{machine.instance_id} boots"
    names = [unit["unit"] for unit in units if unit["unit"].startswith("openclaw")]
    return f"{machine.instance_id} starts {', '.join(names)}" if names else ""


def tail(log: pathlib.Path, lines: int) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
