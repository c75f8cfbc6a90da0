"""`python -m lab COMMAND`: the machine without AWS."""

import argparse
import datetime
import subprocess
import sys

from . import control, demo, ec2, metadata, status, switches
from .deployment import DeploymentError
from .docker import DockerError
from .machine import Machine
from .progress import say

SPOT_NOTICE_SECONDS = 120


def machine_of(options: argparse.Namespace) -> Machine:
    machine = control.current(options.stack).machine()
    if not machine:
        raise SystemExit(f"no machine of openclaw-{options.stack} runs")
    return machine


def context_of(options: argparse.Namespace) -> dict[str, str]:
    pairs = [setting.partition("=") for setting in options.context]
    return {key: value for key, _, value in pairs}


def up(options: argparse.Namespace) -> None:
    control.up(options.stack)


def deploy(options: argparse.Namespace) -> None:
    deployment, _ = control.up(options.stack, context_of(options))
    deployment.deploy()


def destroy(options: argparse.Namespace) -> None:
    control.current(options.stack).destroy()


def shell(options: argparse.Namespace) -> None:
    terminal = ["--tty"] if sys.stdin.isatty() else []
    command = options.command or ["bash", "--login"]
    interactive = ["docker", "exec", "--interactive", *terminal, machine_of(options).container, *command]
    raise SystemExit(subprocess.run(interactive, check=False).returncode)


def token(options: argparse.Namespace) -> None:
    deployment = control.current(options.stack)
    name = f"{deployment.parameter_path}/env/OPENCLAW_GATEWAY_TOKEN"
    print(deployment.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])


def journal(options: argparse.Namespace) -> None:
    machine = Machine(options.instance) if options.instance else machine_of(options)
    arguments = [argument for argument in options.arguments if argument != "--"]
    raise SystemExit(subprocess.run(["docker", *machine.journal_command(*arguments)], check=False).returncode)


def power_cut(options: argparse.Namespace) -> None:
    machine = machine_of(options)
    machine.cut_power()
    say(f"{machine.instance_id}: the power is gone; the group launches a replacement")


def reboot(options: argparse.Namespace) -> None:
    machine_of(options).reboot()


def spot_notice(options: argparse.Namespace) -> None:
    machine = machine_of(options)
    ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=options.seconds)
    ec2.change_metadata(machine, metadata.spot_interruption("terminate", ends))
    say(f"{machine.instance_id}: EC2 takes it away at {metadata.instant(ends)}")


def rebalance(options: argparse.Namespace) -> None:
    ec2.change_metadata(machine_of(options), metadata.rebalance_recommendation(datetime.datetime.now(datetime.UTC)))


def terminate(options: argparse.Namespace) -> None:
    machine = machine_of(options)
    control.current(options.stack).client("ec2").terminate_instances(InstanceIds=[machine.instance_id])


def switch(options: argparse.Namespace) -> None:
    switches.turn(options.name, " ".join(options.value))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lab", description="Runs the machine without AWS.")
    parser.add_argument("--stack", default="demo", help="the deployment's name (default: demo)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, action, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(action=action)
        return added

    command(
        "demo", lambda options: demo.demo(), "deploy, write, back up, cut the power, find everything on the replacement"
    )
    command("up", up, "set up images, services and the local AWS")
    added = command("deploy", deploy, "set up and run the real cdk deploy")
    added.add_argument("-c", "--context", action="append", default=[], metavar="KEY=VALUE", help="a setting of the app")
    command("destroy", destroy, "run the real cdk destroy")
    command("status", lambda options: status.show(options.stack), "what runs")
    added = command("shell", shell, "a root shell on the machine, or one command there")
    added.add_argument("command", nargs=argparse.REMAINDER)
    command("token", token, "OpenClaw's gateway token")
    added = command("journal", journal, "the machine's journal; of one that is gone with --instance")
    added.add_argument("--instance", help="an instance id")
    added.add_argument("arguments", nargs=argparse.REMAINDER, help="for journalctl, after --")
    command("power-cut", power_cut, "take the power from the machine")
    command("reboot", reboot, "reboot the machine")
    added = command("spot-notice", spot_notice, "EC2 announces that it takes the machine away, and does")
    added.add_argument("--seconds", type=int, default=SPOT_NOTICE_SECONDS, help="notice (default: %(default)s)")
    command("rebalance", rebalance, "EC2 recommends to leave this machine")
    command("terminate", terminate, "EC2 terminates the machine in order")
    added = command(
        "switch", switch, "make machines different that are launched from now on; without a value as before"
    )
    added.add_argument("name", choices=switches.SWITCHES, help="; ".join(map(": ".join, switches.SWITCHES.items())))
    added.add_argument("value", nargs="*")
    added = command("down", lambda options: control.down(options.all), "remove everything the lab runs")
    added.add_argument("--all", action="store_true", help="the images and the registry's content too")

    options = parser.parse_args()
    try:
        options.action(options)
    except (DockerError, DeploymentError) as error:
        raise SystemExit(f"lab: {error}") from error


if __name__ == "__main__":
    main()
