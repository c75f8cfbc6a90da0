"""The linters see every program, whatever its name."""

import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def lines_of(*command: str) -> list[str]:
    return subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout.splitlines()


def is_python(path: Path) -> bool:
    if path.suffix in {".py", ".pyi"}:
        return True
    with path.open("rb") as file:
        first = file.readline(200)
    return first.startswith(b"#!") and b"python" in first


def test_ruff_sees_every_python_program():
    tracked = lines_of("git", "ls-files", "--cached", "--others", "--exclude-standard")
    files = [REPOSITORY / name for name in tracked]
    python = {str(path) for path in files if path.is_file() and not path.is_symlink() and is_python(path)}
    seen = set(lines_of(str(REPOSITORY / ".venv/bin/ruff"), "check", "--show-files"))
    assert any(Path(path).suffix == "" for path in python)
    assert sorted(python - seen) == [], "add it to extend-include in pyproject.toml"
