"""Decides which image this deployment runs, makes sure it is here, and writes it to /run/openclaw/image.env, and which
OpenClaw it holds to image.json beside it.

The digest that the first boot resolved is recorded in Parameter Store; every later boot runs that digest until the
configured reference changes, so that a replacement is never an upgrade.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from typing import Any

from openclaw.aws.errors import AwsError
from openclaw.state.openclaw_data import versions
from openclaw.system.files import write_text
from openclaw.system.journal import die, log

IMAGE = os.environ["IMAGE"]
REGION = os.environ["AWS_REGION"]
PARAMETER = f"{os.environ['PARAMETER_PATH']}/image"
RUN = os.environ.get("OPENCLAW_RUN", "/run/openclaw")
# What this volume has run once. Another image makes another machine, so nobody has to be asked again.
KEPT = os.path.join(os.environ.get("OPENCLAW_VAR", "/var/lib/openclaw"), "image.json")
RETRY_DELAY = os.environ.get("OPENCLAW_RETRY_DELAY")
ATTEMPTS = 5
# A container that reads one file; on a busy small machine it takes a while to start.
READ_SECONDS = 120
LABEL = '{{with .Config.Labels}}{{index . "org.opencontainers.image.version"}}{{end}}'
# Nothing that the image holds may do more than read itself.
CONFINED = ["--rm", "--pull=never", "--network=none", "--read-only", "--cap-drop=ALL", "--memory=256m"]
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
ECR = re.compile(r"[0-9]{12}\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.(?:com(?:\.cn)?|eu)")
NO_SUCH_IMAGE = ("manifest unknown", "not found", "no matching manifest", "invalid reference")


def kept() -> dict[str, Any]:
    """What this volume has run for IMAGE: {"digest", "version"}; empty where it has run none."""
    try:
        with open(KEPT, encoding="utf-8") as file:
            found = json.load(file)
        return {"version": None, **found} if found["reference"] == IMAGE else {}
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def recorded_digest() -> tuple[str | None, bool]:
    """The one recorded for IMAGE, or None; and whether there is any record. Never guesses: a record that cannot be read
    does not justify running another image."""
    # Only here and below: it takes half a second of a boot to load.
    from openclaw.aws import parameter_store  # noqa: PLC0415

    try:
        text = parameter_store.get(PARAMETER)
    except AwsError as error:
        die(f"cannot read parameter {PARAMETER}, which holds the image this deployment runs: {error}")
    if text is None:
        return None, False
    try:
        record = json.loads(text)
        reference, digest = record["reference"], record["digest"]
        if not DIGEST.fullmatch(digest):
            raise ValueError(digest)
    except (ValueError, TypeError, KeyError):
        form = json.dumps({"reference": IMAGE, "digest": "sha256:…"}, ensure_ascii=False)
        die(
            f"parameter {PARAMETER} must be like {form}, got '{text[:200]}'; "
            f"to have it recorded again: aws ssm delete-parameter --region {REGION} --name {PARAMETER}"
        )
    return digest if reference == IMAGE else None, True


def record(digest: str, overwrite: bool) -> str:
    """The digest that counts: another machine may have recorded first."""
    from openclaw.aws import parameter_store  # noqa: PLC0415

    text = json.dumps({"reference": IMAGE, "digest": digest}, separators=(",", ":"))
    try:
        # Without overwrite only the first of two writers gets through; a record of an older reference gives way.
        parameter_store.put(PARAMETER, text, "String", overwrite)
    except AwsError as error:
        die(f"cannot record the image's digest in parameter {PARAMETER}: {error}")
    counts, _ = recorded_digest()
    if counts is None:
        die(f"parameter {PARAMETER} was changed to another image while this machine wrote it")
    log(f"recorded {IMAGE} as {counts}")
    return counts


def docker(
    *arguments: str, password: str | None = None, seconds: float | None = None
) -> subprocess.CompletedProcess[str]:
    command = ["docker", *arguments]
    try:
        return subprocess.run(
            command,
            input=password,
            stdin=subprocess.DEVNULL if password is None else None,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"docker {arguments[0]} did not end within {seconds} s")


def await_docker() -> None:
    if subprocess.run(["systemctl", "start", "docker.service"], check=False).returncode != 0:
        die("docker.service does not start; systemctl status docker.service says why")


def registry_login(reference: str) -> str:
    """What went wrong, or nothing; registries other than ECR get no login."""
    registry = reference.partition("/")[0]
    ecr = ECR.fullmatch(registry)
    if not ecr:
        return ""
    command = ["aws", "--cli-connect-timeout", "5", "--cli-read-timeout", "60", "ecr", "get-login-password"]
    asked = subprocess.run([*command, "--region", ecr[1]], capture_output=True, text=True, check=False)
    if asked.returncode == 0:
        asked = docker("login", "--username", "AWS", "--password-stdin", registry, password=asked.stdout)
    return f"registry login failed: {asked.stderr.strip()}" if asked.returncode != 0 else ""


def pull(reference: str) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        message = registry_login(reference)
        if not message:
            pulled = docker("pull", "--quiet", reference)
            if pulled.returncode == 0:
                return
            message = pulled.stderr.strip()
        if any(words in message for words in NO_SUCH_IMAGE):
            die(f"no such image: '{reference}' ({message}); set it with: cdk deploy -c image=…")
        log(f"attempt {attempt} of {ATTEMPTS} to pull {reference} failed: {message}")
        if attempt < ATTEMPTS:
            time.sleep(float(RETRY_DELAY or attempt * 5))
    die(f"cannot pull '{reference}': {message}")


def pulled_digest() -> str:
    """The one that the registry gave IMAGE when it was pulled."""
    lines = docker("image", "inspect", "--format", "{{range .RepoDigests}}{{println .}}{{end}}", IMAGE).stdout.split()
    digests = dict(line.split("@") for line in lines)
    # A colon before a slash is a registry's port. Docker Hub's names are shortened in RepoDigests, so that a differing
    # name is taken when there is no equal one.
    repository = re.sub(r":[^/]*$", "", IMAGE)
    digest = digests.get(repository) or next(reversed(digests.values()), "")
    if not DIGEST.fullmatch(digest):
        die(f"the registry gave no digest for '{IMAGE}', got '{digest}'")
    return digest


def version_in(reference: str) -> str | None:
    """Of OpenClaw in this image, by its label or its package.json; None where neither says one."""
    label = docker("image", "inspect", "--format", LABEL, reference)
    version = versions.whole(label.stdout) if label.returncode == 0 else None
    if version is None:
        read = ["node", reference, "-p", "require('/app/package.json').version"]
        version = versions.whole(docker("run", *CONFINED, "--entrypoint", *read, seconds=READ_SECONDS).stdout)
    if version is None:
        log(f"{reference} does not say which OpenClaw it holds")
    return version


def wanted() -> str:
    """IMAGE by its digest, with Docker ready to run it."""
    if "@sha256:" in IMAGE:
        await_docker()
        return IMAGE
    # Looked up while Docker starts.
    digest, exists = kept().get("digest"), True
    if digest is None:
        digest, exists = recorded_digest()
    await_docker()
    if digest is None:
        pull(IMAGE)
        digest = record(pulled_digest(), overwrite=exists)
    return f"{IMAGE}@{digest}"


def main() -> None:
    os.umask(0o077)
    # The registry password stands here, in memory, for as long as the pull takes.
    os.environ["DOCKER_CONFIG"] = config = os.path.join(RUN, "docker")
    os.makedirs(config, mode=0o700, exist_ok=True)
    try:
        reference = wanted()
        if docker("image", "inspect", reference).returncode == 0:
            log(f"{reference} is here")
        else:
            pull(reference)
            log(f"pulled {reference}")
    finally:
        shutil.rmtree(config)
    digest = reference.partition("@")[2]
    before = kept()
    version = before["version"] if before.get("digest") == digest else None
    note = {"reference": IMAGE, "digest": digest, "version": version or version_in(reference)}
    write_text(os.path.join(RUN, "image.env"), f"OPENCLAW_IMAGE={reference}\n")
    # A restore that brings in data waits for this one.
    write_text(os.path.join(RUN, "image.json"), json.dumps(note))
    write_text(KEPT, json.dumps(note))
