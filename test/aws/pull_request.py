"""A pull request on GitHub, from the side of AWS: its checkout, its token, its workflow, and GitHub's comments."""

import base64
import json
import os
import shutil
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from aws.cdk import REPOSITORY

ISSUER = "https://token.actions.githubusercontent.com"
CHECKED_OUT = (".github", "assets", "bin", "deployments", "lib", "cdk.json", "package.json", "tsconfig.json")


def token(subject: str, audience: str = "sts.amazonaws.com") -> str:
    """As GitHub gives a workflow one; nobody here verifies its signature."""
    claims = {"iss": ISSUER, "aud": audience, "sub": subject, "exp": int(time.time()) + 300}
    parts = [json.dumps({"alg": "RS256", "typ": "JWT"}), json.dumps(claims), "signature"]
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)


class GitHub:
    """The comments of pull request 12, on loopback."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        github = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer(200, github.comments)

            def do_POST(self) -> None:
                comment = {"id": 1000 + len(github.comments), "user": {"type": "Bot"}, **self.body()}
                github.comments.append(comment)
                self.answer(201, comment)

            def do_PATCH(self) -> None:
                [comment] = [each for each in github.comments if self.path.endswith(f"/comments/{each['id']}")]
                comment.update(self.body())
                self.answer(200, comment)

            def body(self) -> dict[str, Any]:
                assert self.path.startswith("/repos/octocat/my-repo/issues/")
                return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

            def answer(self, status: int, value: Any) -> None:
                content = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "GitHub":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class Workflow:
    """The steps of `diff.yml` that are commands of the project, run as they stand there on a checkout.

    :param environment: what the runner and the steps before have put there
    """

    def __init__(self, directory: Path, environment: dict[str, str]):
        self.directory = directory
        for name in CHECKED_OUT:
            source = REPOSITORY / name
            if source.is_dir():
                shutil.copytree(source, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, directory / name)
        (directory / "node_modules").symlink_to(REPOSITORY / "node_modules")
        self._environment = environment
        workflow = yaml.safe_load((directory / ".github/workflows/diff.yml").read_text())
        [job] = workflow["jobs"].values()
        self._commands = [step["run"] for step in job["steps"] if "npm ci" not in step.get("run", "npm ci")]

    def run(self, settings: dict[str, Any], **environment: str) -> subprocess.CompletedProcess[str]:
        """All of them, for a deployment `dev` with these settings; the output is one text."""
        given = {"STACK": "dev", "SETTINGS": json.dumps(settings), "NUMBER": "12", "COMMIT": "abc1234", "MEANT": ""}
        return subprocess.run(
            ["bash", "-e", "-c", "\n".join(self._commands)],
            cwd=self.directory,
            env={"PATH": os.environ["PATH"], **self._environment, **given, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
