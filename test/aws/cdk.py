"""Runs the CDK CLI of this repository against the local AWS."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
CLI = REPOSITORY / "node_modules/.bin/cdk"


class Cdk:
    def __init__(self, url: str, region: str, home: Path):
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))},
            # The CLI remembers which account a key belongs to, in the home directory.
            "HOME": str(home),
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "operator",
            "AWS_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": url,
            "AWS_ENDPOINT_URL_S3_FOR_CLOUDFORMATION": f"https://s3.{region}.amazonaws.com",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CDK_NOTICES": "false",
            # Not the settings of whoever runs the tests.
            "OPENCLAW_SETTINGS_DIR": str(home),
            "CI": "true",
        }

    def __call__(self, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess:
        """Standard output and error are one text; any exit status comes back."""
        return subprocess.run(
            [CLI, *map(str, arguments)],
            cwd=REPOSITORY,
            env={**self._environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )

    def ok(self, *arguments: str | Path, **environment: str) -> str:
        result = self(*arguments, **environment)
        assert result.returncode == 0, result.stdout
        return result.stdout

    def synth(self, output: Path, **context: str) -> Path:
        settings = {"az": "me-central-1a", **context}
        pairs = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        self.ok("synth", "--quiet", "-o", output, *pairs)
        return output

    def deploy(self, assembly: Path, **environment: str) -> subprocess.CompletedProcess:
        options = ("--require-approval", "never", "--progress", "events")
        return self("deploy", "--app", assembly, *options, **environment)

    def tool(self, *arguments: str) -> dict:
        """What openclaw-spot answers, of the deployment dev."""
        region = self._environment["AWS_REGION"]
        result = subprocess.run(
            [REPOSITORY / "bin/openclaw-spot", *arguments, "--json", "--stack", "dev", "--region", region],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)


def edited(assembly: Path, output: Path, edit: Callable[[dict], None]) -> Path:
    """A copy of a synthesized app with an edited template, under the template's new hash as the CDK would name it."""
    shutil.copytree(assembly, output)
    [path] = output.glob("*.template.json")
    template = json.loads(path.read_text())
    edit(template)
    path.write_text(json.dumps(template, indent=1))
    [manifest] = output.glob("*.assets.json")
    [old] = [
        key for key, file in json.loads(manifest.read_text())["files"].items() if file["source"]["path"] == path.name
    ]
    new = hashlib.sha256(path.read_bytes()).hexdigest()
    for file in output.glob("*.json"):
        file.write_text(file.read_text().replace(old, new))
    return output
