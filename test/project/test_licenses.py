"""What `npm ci` puts on an operator's disk may be used beside code under the Apache licence."""

import json
from pathlib import Path

import pytest

LOCK = json.loads((Path(__file__).parents[2] / "package-lock.json").read_text())
PERMISSIVE = {
    "0BSD",
    "Apache-2.0",
    "BlueOak-1.0.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "CC-BY-4.0",
    "ISC",
    "MIT",
}


def is_permissive(expression: str) -> bool:
    """Of `A OR B` one is enough, of `A AND B` each is needed."""
    return any(
        all(name in PERMISSIVE for name in choice.split(" AND ")) for choice in expression.strip("()").split(" OR ")
    )


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("MIT", True),
        ("(MIT OR GPL-3.0-or-later)", True),
        ("Apache-2.0 AND GPL-2.0", False),
        ("AGPL-3.0-or-later", False),
    ],
)
def test_an_expression_is_read_as_spdx_has_it(expression, expected):
    assert is_permissive(expression) == expected


def test_every_npm_package_is_under_a_permissive_licence():
    packages = {name: entry.get("license", "none") for name, entry in LOCK["packages"].items()}
    assert {name: licence for name, licence in packages.items() if not is_permissive(licence)} == {}
