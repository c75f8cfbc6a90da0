"""What runs in the lab."""

from . import cloud, control, settings
from .demo import URL


def show(stack: str) -> None:
    runtime = cloud.running()
    if not runtime:
        print("the lab does not run")
        return
    deployment = control.current(stack)
    print(f"local AWS   {runtime['endpoint']} (as the operator {settings.OPERATOR['AWS_ACCESS_KEY_ID']})")
    for name, state in deployment.stacks().items():
        print(f"stack       {name}: {state}")
    for instance in deployment.instances():
        print(f"instance    {instance['InstanceId']}: {instance['State']['Name']}")
    machine = deployment.machine()
    if machine:
        state = machine.execute("systemctl", "is-active", "openclaw.service", check=False)
        print(f"machine     {machine.container}: openclaw.service is {state}")
        print(f"OpenClaw    {URL}")
    print(f"logs        {settings.LOGS}")
