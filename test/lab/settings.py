"""Names and places that the lab's parts share."""

import os
import pathlib
import platform

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
STATE = REPOSITORY / ".lab"
CACHE = STATE / "cache"
CERTIFICATES = STATE / "certificates"
METADATA = STATE / "metadata"
SWITCHES = STATE / "switches"
MACHINES = STATE / "machines"
LOGS = STATE / "logs"
RUNTIME = STATE / "run.json"

ACCOUNT = "123456789012"
REGION = "me-central-1"
ZONE = f"{REGION}a"
# moto's well-known key of the operator, to whom everything is allowed; machines use their role's own.
OPERATOR = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "operator"}

LABEL = "openclaw-lab"
NETWORK = "openclaw-lab"
METADATA_NETWORK = "openclaw-lab-metadata"
METADATA_ADDRESS = "169.254.169.254"
GATEWAY_PORT = 18789
TLS_PORT = 18443

REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
OPENCLAW_IMAGE = f"{REGISTRY}/openclaw:2026.9.6"
INSTANCE_TYPES = {"x86_64": "t3.small", "aarch64": "t4g.small"}


def architecture() -> str:
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    if machine not in INSTANCE_TYPES:
        raise SystemExit(f"the architecture must be x86_64 or aarch64, got '{machine}'")
    return machine


def operator_environment(endpoint: str) -> dict[str, str]:
    """The environment in which the CDK and the aws CLI talk to the local AWS as its operator."""
    return {
        **os.environ,
        **OPERATOR,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": endpoint,
        # moto takes the bucket of a template from this form of its URL.
        "AWS_ENDPOINT_URL_S3_FOR_CLOUDFORMATION": f"https://s3.{REGION}.amazonaws.com",
        "AWS_EC2_METADATA_DISABLED": "true",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_NOTICES": "false",
        # The settings of the lab are its own.
        "OPENCLAW_SETTINGS_DIR": str(STATE),
    }
