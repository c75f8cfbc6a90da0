"""Boots a machine for every instance that the local AWS launches from a template, and takes it down with it."""

import base64
import datetime
import functools
import gzip
import json
import threading
import time
import traceback

import boto3

from . import metadata, services, settings
from .docker import docker
from .machine import REBOOT_EXIT_CODE, Machine
from .progress import say

# Also on an instance that its group has let go.
TEMPLATE_TAG = "aws:ec2launchtemplate:id"
POLL_SECONDS = 1
CREDENTIAL_SECONDS = 3600
RENEW_BEFORE = datetime.timedelta(minutes=20)
FIRST_ADDRESS = 10


class Ec2:
    def __init__(self, endpoint: str):
        client = functools.partial(
            boto3.client,
            endpoint_url=endpoint,
            region_name=settings.REGION,
            aws_access_key_id=settings.OPERATOR["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=settings.OPERATOR["AWS_SECRET_ACCESS_KEY"],
        )
        self.ec2, self.iam, self.sts, self.s3 = client("ec2"), client("iam"), client("sts"), client("s3")
        self.autoscaling = client("autoscaling")
        self.ending: dict[str, threading.Thread] = {}
        self.expirations: dict[str, datetime.datetime] = {}
        self.addresses = 0

    def instances(self) -> list[dict]:
        reservations = self.ec2.describe_instances(Filters=[{"Name": "tag-key", "Values": [TEMPLATE_TAG]}])[
            "Reservations"
        ]
        return [instance for reservation in reservations for instance in reservation["Instances"]]

    def run(self) -> None:
        while True:
            try:
                self.tick()
            except Exception:  # the lab goes on, and its log says what went wrong
                traceback.print_exc()
            time.sleep(POLL_SECONDS)

    def tick(self) -> None:
        instances = {instance["InstanceId"]: instance for instance in self.instances()}
        label = f"{settings.LABEL}.instance"
        present = set(
            docker("ps", "--all", "--filter", f"label={label}", "--format", f'{{{{.Label "{label}"}}}}').split()
        )
        for instance_id, thread in list(self.ending.items()):
            if not thread.is_alive():
                del self.ending[instance_id]
        for instance_id in present - set(self.ending):
            if instances.get(instance_id, {}).get("State", {}).get("Name") in ("pending", "running"):
                self.watch(instances[instance_id])
            else:
                self.end(instance_id)
        for instance_id, instance in instances.items():
            if instance["State"]["Name"] == "running" and instance_id not in present:
                self.launch(instance)

    def launch(self, instance: dict) -> None:
        instance_id = instance["InstanceId"]
        say(f"{instance_id}: launch")
        self.addresses += 1
        address = f"169.254.169.{FIRST_ADDRESS + self.addresses % 200}"
        role, credentials = self.credentials(instance)
        tree = metadata.tree(instance, self.user_data(instance_id), role, credentials)
        services.set_metadata(address, tree)
        buckets = [bucket["Name"] for bucket in self.s3.list_buckets()["Buckets"]]
        Machine(instance_id).boot(address, buckets)

    def user_data(self, instance_id: str) -> str:
        attribute = self.ec2.describe_instance_attribute(InstanceId=instance_id, Attribute="userData")
        data = base64.b64decode(attribute["UserData"].get("Value", ""))
        return (gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data).decode()

    def credentials(self, instance: dict) -> tuple[str, dict]:
        """The instance role's name and temporary credentials for it, as EC2 gets them."""
        profile = instance["IamInstanceProfile"]["Arn"].rpartition("/")[2]
        role = self.iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Roles"][0]
        credentials = self.sts.assume_role(
            RoleArn=role["Arn"], RoleSessionName=instance["InstanceId"], DurationSeconds=CREDENTIAL_SECONDS
        )["Credentials"]
        self.expirations[instance["InstanceId"]] = credentials["Expiration"]
        return role["RoleName"], credentials

    def watch(self, instance: dict) -> None:
        machine = Machine(instance["InstanceId"])
        state = machine.state
        if state is None:
            return
        if state["Status"] == "exited":
            if state["ExitCode"] == REBOOT_EXIT_CODE:
                say(f"{machine.instance_id}: reboot")
                docker("start", machine.container)
            else:
                say(f"{machine.instance_id}: down by itself ({state['ExitCode']}); the group replaces it")
                self.ec2.terminate_instances(InstanceIds=[machine.instance_id])
            return
        now = datetime.datetime.now(datetime.UTC)
        if self.expirations.get(machine.instance_id, now) - now < RENEW_BEFORE:
            role, credentials = self.credentials(instance)
            change_metadata(
                machine, {f"meta-data/iam/security-credentials/{role}": metadata.credentials_document(credentials)}
            )
        told = read_metadata(machine)
        if self.is_leaving(instance) and told[metadata.TARGET_LIFECYCLE_STATE] != "Terminated":
            change_metadata(machine, metadata.target_lifecycle_state("Terminated"))
        ends = told.get("meta-data/spot/termination-time")
        if ends and datetime.datetime.fromisoformat(ends) <= now:
            say(f"{machine.instance_id}: spot interruption")
            self.ec2.terminate_instances(InstanceIds=[machine.instance_id])

    def is_leaving(self, instance: dict) -> bool:
        """Whether the group waits for the instance's word before it terminates it."""
        groups = self.autoscaling.describe_auto_scaling_instances(InstanceIds=[instance["InstanceId"]])
        return any(member["LifecycleState"].startswith("Terminating") for member in groups["AutoScalingInstances"])

    def end(self, instance_id: str) -> None:
        def orderly() -> None:
            machine = Machine(instance_id)
            if machine.running:
                say(f"{instance_id}: orderly shutdown")
                change_metadata(machine, metadata.target_lifecycle_state("Terminated"))
                machine.stop()
            try:
                machine.keep_logs()
            finally:
                machine.remove()
            docker("volume", "rm", machine.container, check=False)
            say(f"{instance_id}: gone")

        self.ending[instance_id] = threading.Thread(target=orderly, name=instance_id, daemon=True)
        self.ending[instance_id].start()


def read_metadata(machine: Machine) -> dict[str, str]:
    return json.loads((settings.METADATA / f"{machine.metadata_address}.json").read_text())


def change_metadata(machine: Machine, changes: dict[str, str]) -> None:
    services.set_metadata(machine.metadata_address, {**read_metadata(machine), **changes})
