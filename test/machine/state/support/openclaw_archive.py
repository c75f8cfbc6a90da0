"""An archive as `openclaw backup create` of OpenClaw 2026.9.6 writes it, looked at with the real program.

A gzipped pax archive: the configuration and the databases (compacted, without a log) come first, then the directories,
some with a slash at the end and all of them dated 1970, then files and links (a hard link is a file of its own), and
the manifest last. Names are the absolute paths below <root>/payload/posix; what lies outside of the state directory is
an asset of its own.
"""

import io
import json
import sqlite3
import tarfile
import tempfile
from pathlib import Path

ROOT = "2026-11-23T23-16-49.701+00-00-openclaw-backup"
HOME = "/home/ann"


class Archive:
    def __init__(self, path: Path, state: str = f"{HOME}/.openclaw", **manifest: object):
        self.path, self.state = path, state
        self.stream = tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT)  # noqa: SIM115 (closed by its own exit)
        self.manifest = {
            "schemaVersion": 1,
            "createdAt": "2026-11-23T23:16:49.701Z",
            "archiveRoot": ROOT,
            "runtimeVersion": "2026.9.6",
            "platform": "linux",
            "nodeVersion": "v24.21.0",
            "options": {"includeWorkspace": True, "onlyConfig": False},
            "paths": {"stateDir": state, "configPath": f"{state}/openclaw.json", "workspaceDirs": []},
            "assets": [],
            "skipped": [],
            "externalSymbolicLinks": [],
            **manifest,
        }
        self.asset("state", state)

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self.add(f"{ROOT}/manifest.json", json.dumps(self.manifest, indent=2).encode())
        self.stream.close()

    def asset(self, kind: str, source: str) -> None:
        self.manifest["assets"].append({"kind": kind, "sourcePath": source, "archivePath": self.name(source)})

    def name(self, path: str) -> str:
        path = path if path.startswith("/") else f"{self.state}/{path}"
        return f"{ROOT}/payload/posix{path}"

    def add(self, name: str, body: bytes = b"", kind: bytes = tarfile.REGTYPE, mode: int = 0o600, to: str = "") -> None:
        member = tarfile.TarInfo(name)
        member.type, member.mode, member.size, member.linkname, member.mtime = kind, mode, len(body), to, 1795475750
        self.stream.addfile(member, io.BytesIO(body))

    def file(self, path: str, body: str | bytes, mode: int = 0o600) -> None:
        self.add(self.name(path), body.encode() if isinstance(body, str) else body, mode=mode)

    def directory(self, path: str, mode: int = 0o700) -> None:
        self.add(self.name(path) + "/", kind=tarfile.DIRTYPE, mode=mode)

    def link(self, path: str, to: str) -> None:
        self.add(self.name(path), kind=tarfile.SYMTYPE, mode=0o755, to=to)

    def database(self, path: str = "state/openclaw.sqlite", rows: int = 5) -> None:
        """With the tables that name the state directory and hold the running gateway's leases."""
        with tempfile.NamedTemporaryFile() as file:
            database = sqlite3.connect(file.name)
            database.executescript(
                "CREATE TABLE note(id INTEGER PRIMARY KEY, text TEXT);"
                "CREATE TABLE state_leases(name TEXT, owner TEXT);"
                "INSERT INTO state_leases VALUES ('gateway-owner', 'ann');"
                "CREATE TABLE cron_jobs(store_key TEXT NOT NULL, job_id TEXT NOT NULL);"
            )
            jobs = [(f"{self.state}/cron/jobs.json", "one"), (f"{self.state}-other/cron/jobs.json", "two")]
            database.executemany("INSERT INTO cron_jobs VALUES (?, ?)", jobs)
            database.executemany("INSERT INTO note(text) VALUES (?)", [("n" * 200,)] * rows)
            database.commit()
            database.close()
            self.file(path, Path(file.name).read_bytes())

    def an_install(self) -> "Archive":
        """What a small one holds: the workspace within the state directory."""
        self.file("openclaw.json", '{"meta": {"lastTouchedVersion": "2026.9.6"}}')
        self.database()
        for path in ("", "agents", "empty", "state"):
            self.directory(path)
        self.directory("workspace", 0o755)
        self.file("credentials/whatsapp.json", "{}", 0o644)
        self.file("workspace/notes/ann.md", "ann's", 0o664)
        self.link("workspace/link", "notes/ann.md")
        return self
