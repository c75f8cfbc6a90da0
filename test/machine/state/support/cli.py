"""The real AWS CLI, as a person uses it."""

import subprocess


def aws(machine, *arguments):
    subprocess.run(["aws", *arguments], env=machine.environment, check=True, stdout=subprocess.DEVNULL)
