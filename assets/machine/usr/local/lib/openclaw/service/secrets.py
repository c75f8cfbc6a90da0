"""Writes this deployment's secrets from Parameter Store to tmpfs, for Docker Compose's env_file.

Parameters under PARAMETER_PATH/env/ become /run/openclaw/.env, one variable each; the optional parameter
PARAMETER_PATH/dotenv becomes /run/openclaw/dotenv as it is. The gateway token is made when there is none.
No value is ever logged or handed over in an argument list.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
from collections.abc import Mapping

from openclaw.aws import parameter_store
from openclaw.aws.errors import AwsError
from openclaw.system.journal import die, log

PATH = os.environ["PARAMETER_PATH"]
REGION = os.environ["AWS_REGION"]
RUN = os.environ.get("OPENCLAW_RUN", "/run/openclaw")
REQUIRED = "OPENCLAW_GATEWAY_TOKEN"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# A line of a dotenv text that has a name and no value, by which Compose would pass its own variable on.
BARE = re.compile(r"^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*$", re.MULTILINE)
# In the places of $ and of \$: characters for private use, which mean nothing to Compose.
DOLLAR, ESCAPED = "\ue000", "\ue001"


def set_command(name: str) -> str:
    return f"aws ssm put-parameter --region {REGION} --type SecureString --name {name} --value …"


def read_variables() -> dict[str, str]:
    """The variables under PATH/env/, by name."""
    prefix = f"{PATH}/env/"
    try:
        found = list(parameter_store.below(prefix))
    except AwsError as error:
        die(f"cannot read the parameters under {prefix}, {prefix}{REQUIRED} among them: {error}")
    variables = {}
    for parameter in found:
        name = parameter["Name"][len(prefix) :]
        if not NAME.fullmatch(name):
            die(
                f"parameter {parameter['Name']}: '{name}' must be a variable name like TELEGRAM_BOT_TOKEN "
                f"(letters, digits, underscores); remove it: "
                f"aws ssm delete-parameter --region {REGION} --name {parameter['Name']}"
            )
        if parameter.get("Type") != "SecureString":
            log(f"parameter {parameter['Name']} is a {parameter.get('Type')}; a SecureString keeps it encrypted")
        variables[name] = parameter["Value"]
    return variables


def read_dotenv() -> str:
    """The text of PATH/dotenv, or nothing when there is no such parameter."""
    try:
        return parameter_store.get(f"{PATH}/dotenv") or ""
    except AwsError as error:
        die(f"cannot read parameter {PATH}/dotenv: {error}")


def make_token() -> str:
    """Makes the gateway token once: whoever comes second takes what the first one wrote."""
    name = f"{PATH}/env/{REQUIRED}"
    token = secrets.token_hex(32)
    try:
        if parameter_store.put(name, token, "SecureString"):
            log(f"made parameter {name}")
            return token
    except AwsError as error:
        die(f"parameter {name} is missing and cannot be made: {error}; set it: {set_command(name)}")
    try:
        theirs = parameter_store.get(name)
    except AwsError as error:
        die(f"parameter {name} exists and cannot be read: {error}; set it: {set_command(name)}")
    return theirs or die(
        f"parameter {name} was made by another machine, and removed again; set it: {set_command(name)}"
    )


def encode(value: str) -> str:
    """A value in double quotes, as Compose's dotenv reader takes it: it undoes backslashes, then `$$`."""
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("$", "\\$"), ("\n", "\\n"), ("\r", "\\r")):
        value = value.replace(plain, escaped)
    return f'"{value}"'


def write(name: str, text: str) -> None:
    path = os.path.join(RUN, name)
    descriptor = os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)
    os.replace(f"{path}.new", path)


def read_by_compose(text: str) -> tuple[dict[str, str], dict[str, str], str]:
    """The variables of a dotenv text as Compose reads them, and as it reads them where a $ means nothing; and what it
    complained about. Values have each $ doubled.

    With no variable around it but those that the text may ask for: the machine's own are not for OpenClaw.
    """
    literal = os.path.join(RUN, "dotenv.literal")
    write("dotenv.literal", text.replace("\\$", ESCAPED).replace("$", DOLLAR))
    files = {"said": os.path.join(RUN, "dotenv"), "literal": literal}
    services = {name: {"image": "unused", "env_file": [path]} for name, path in files.items()}
    try:
        done = subprocess.run(
            ["docker", "compose", "--env-file", os.devnull, "--file", "-", "config", "--format", "json"],
            input=json.dumps({"name": "dotenv", "services": services}),
            capture_output=True,
            check=False,
            encoding="utf-8",
            env={**dict.fromkeys(BARE.findall(text), DOLLAR), "PATH": os.environ["PATH"]},
        )
    finally:
        os.remove(literal)
    try:
        found = json.loads(done.stdout)["services"]
        said, meant = (found[name].get("environment") or {} for name in files)
    except (ValueError, LookupError):
        return {}, {}, done.stderr or "no answer"
    return said, meant, done.stderr.strip()


def fault_of(text: str, said: Mapping[str, str], meant: Mapping[str, str], complaint: str) -> str:
    """What is wrong with a dotenv text, with no value in it; empty where nothing is."""
    if not said and complaint:
        line = re.search(r"line (\d+):", complaint)
        return f"Docker Compose cannot read {'line ' + line.group(1) if line else 'it'}"
    bare = [name for name in BARE.findall(text) if said.get(name) in (DOLLAR, os.environ["PATH"])]
    if bare:
        return f"{bare[0]} has no value, and would take this machine's own: write {bare[0]}= and the value"
    if "" in said:
        return "a line has no name, or no = after it"
    changed = [
        name for name, value in meant.items() if said.get(name) != value.replace(ESCAPED, "$$").replace(DOLLAR, "$$")
    ]
    if changed:
        return f"the value of {changed[0]} has a $ that Docker Compose would replace: put that value in single quotes"
    return "Docker Compose complains about it" if complaint else ""


def check_dotenv(text: str) -> None:
    """Lets Compose read the user's own dotenv text first, since its complaints quote what they complain about, and what
    a $ would do to a value it does in silence."""
    # Compose comes with the tools, and only this has to wait for them.
    if subprocess.run(["systemctl", "start", "openclaw-tools.service"], check=False).returncode != 0:
        die(f"cannot check parameter {PATH}/dotenv: openclaw-tools.service, which brings Docker Compose, failed")
    said, meant, complaint = read_by_compose(text)
    fault = fault_of(text, said, meant, complaint)
    if fault:
        os.remove(os.path.join(RUN, "dotenv"))
        die(f"parameter {PATH}/dotenv is not in dotenv form: {fault}; set it: {set_command(f'{PATH}/dotenv')}")
    for name, value in said.items():
        warn_of_newline(f"{name} of parameter {PATH}/dotenv", value)


def warn_of_newline(what: str, value: str) -> None:
    if value.endswith("\n"):
        log(f"the value of {what} ends in a newline, which OpenClaw gets too")


def main() -> None:
    os.umask(0o077)
    variables, dotenv = read_variables(), read_dotenv()
    if REQUIRED not in variables and not re.search(rf"^\s*(export\s+)?{REQUIRED}\s*[=:]\s*\S", dotenv, re.MULTILINE):
        variables[REQUIRED] = make_token()
    for name, value in variables.items():
        if "\0" in value:
            die(f"parameter {PATH}/env/{name} has a NUL character, which no environment variable can hold")
        # `put-parameter --value file://…` takes the one at the end of the file along.
        warn_of_newline(f"parameter {PATH}/env/{name}", value)
    write(".env", "".join(f"{name}={encode(value)}\n" for name, value in sorted(variables.items())))
    write("dotenv", dotenv)
    if dotenv:
        check_dotenv(dotenv)
    log(f"{len(variables)} variables{' and a dotenv text' if dotenv else ''} are in {RUN}")
