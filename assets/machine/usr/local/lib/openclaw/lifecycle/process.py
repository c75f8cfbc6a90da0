"""Programs run with a time limit that holds, whatever the program does about it."""

import json
import os
import signal
import subprocess

from messages import log

KILL_SECONDS = 3


class Ended:
    """How a program ended: `status` is its exit status, or None when it ran out of time; `text` what it printed."""

    def __init__(self, status, text):
        self.status = status
        self.text = text

    @property
    def well(self):
        return self.status == 0


def run(command, seconds):
    """Runs a program for at most so many seconds, its messages going to ours; then it and its children are killed."""
    try:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True, encoding="utf-8"
        )
    except OSError as error:
        log(f"cannot run {command[0]}: {error}")
        return Ended(127, "")
    try:
        text, _ = child.communicate(timeout=max(seconds, 0.1))
        return Ended(child.returncode, text)
    except subprocess.TimeoutExpired:
        return Ended(None, _kill(child))


def _kill(child):
    """Asks the whole group to end, then ends it. A child that escaped may still hold the pipe: it is not waited for."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
            return child.communicate(timeout=KILL_SECONDS)[0]
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            break
    return ""


def aws(*arguments, seconds=10):
    """One call of the AWS CLI, which retries by itself within the time."""
    options = ["--cli-connect-timeout", "3", "--cli-read-timeout", "8", "--output", "json"]
    return run(["aws", *arguments, *options], seconds)


def read_json(path):
    """The JSON object in a file, or None when there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
