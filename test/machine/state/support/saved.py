"""A deployment with one machine, as they were at a moment, to begin many tests there: what the machine has on its disk,
the bucket with its versions, the parameters, the metrics, and what EC2 knows of the machine.

Names stay what they were, so that all that these say of one another stays true: the tests of one process run one after
the other. The files are others with each copy, as the staging sees them: these were written too recently for it to take
them for unchanged.
"""

import copy
import shutil
import subprocess
from pathlib import Path

from machine.forkserver import ACCOUNT, REGION
from machine.state.support.machine import Machine
from moto.cloudwatch.models import cloudwatch_backends
from moto.ec2.models import ec2_backends
from moto.s3.models import s3_backends
from moto.ssm.models import ssm_backends


class Saved:
    def __init__(self, machine: Machine, directory: Path):
        """@param directory where the copies lie"""
        self._machine = dict(vars(machine))
        self._deployment = machine.deployment
        self._files = directory / "files"
        machine.directory.rename(self._files)
        self._bucket = copy.deepcopy(self._buckets[self._deployment.bucket])
        self._parameters = {name: list(self._store[name]) for name in self._store if self._is_ours(name)}
        self._metrics = [metric for metric in self._cloudwatch.metric_data if self._is_published(metric)]

    def fits(self, machine: Machine) -> bool:
        """Whether the machine would have become this one."""
        ours, theirs = self._deployment, machine.deployment
        return (ours.backup, ours.image, ours.environment) == (theirs.backup, theirs.image, theirs.environment)

    def bring_back(self, machine: Machine) -> None:
        """Makes a machine that was just launched this one, and its deployment the one of this."""
        deployment = machine.deployment
        deployment.name, deployment.directory = self._deployment.name, self._deployment.directory
        shutil.rmtree(deployment.directory)
        deployment.directory.mkdir(mode=0o711)
        vars(machine).update({**self._machine, "deployment": deployment})
        subprocess.run(["cp", "--archive", self._files, machine.directory], check=True)
        self._buckets[deployment.bucket] = copy.deepcopy(self._bucket)
        s3_backends.bucket_accounts[deployment.bucket] = ("aws", ACCOUNT)
        for name in [name for name in self._store if self._is_ours(name)]:
            del self._store[name]
        self._store.update({name: list(versions) for name, versions in self._parameters.items()})
        others = [metric for metric in self._cloudwatch.metric_data if not self._is_published(metric)]
        self._cloudwatch.metric_data = others + self._metrics
        self._forget_other_instances(machine)

    def _forget_other_instances(self, machine: Machine) -> None:
        """Those of its group, which were launched in its place."""
        group = [{"Name": "tag:aws:autoscaling:groupName", "Values": [machine.environment["GROUP_NAME"]]}]
        ec2 = ec2_backends[ACCOUNT][REGION]
        for reservation in machine.deployment.ec2.describe_instances(Filters=group)["Reservations"]:
            if reservation["Instances"][0]["InstanceId"] != machine.instance:
                del ec2.reservations[reservation["ReservationId"]]
        ec2.get_instance(machine.instance).start()

    def _is_ours(self, name: str) -> bool:
        return name.startswith(f"/openclaw/{self._deployment.name}/")

    def _is_published(self, metric: object) -> bool:
        return metric.namespace == f"OpenClaw/{self._deployment.name}"

    @property
    def _buckets(self) -> dict:
        return s3_backends[ACCOUNT]["aws"].buckets

    @property
    def _store(self) -> dict:
        return ssm_backends[ACCOUNT][REGION]._parameters

    @property
    def _cloudwatch(self) -> object:
        return cloudwatch_backends[ACCOUNT][REGION]
