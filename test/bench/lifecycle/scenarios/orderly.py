"""Ends that somebody asked for."""

from lab.machine import Machine

from ..run import Outcome, Run


def scale_in(run: Run) -> Outcome:
    """The group ends the machine through its hook, as in an update."""

    def trigger(machine: Machine) -> None:
        run.deployment.client("autoscaling").terminate_instance_in_auto_scaling_group(
            InstanceId=machine.instance_id, ShouldDecrementDesiredCapacity=False
        )

    return run.end("ended by the group", trigger)


def shutdown(run: Run) -> Outcome:
    """EC2 ends the machine without a word before: only the shutdown tells."""
    return run.end("terminated, no notice", run.terminate)


def reboot(run: Run) -> Outcome:
    return run.end("reboot", Machine.reboot, same_machine=True)


ENDS = {"scale-in": scale_in, "shutdown": shutdown, "reboot": reboot}
