"""The page about the doctor has every check with its mends, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from launcher.core.doctor.examine import CHECKS
from launcher.core.mends import MENDS
from launcher.core.paths import checkout

CODE = checkout() / "launcher/core/doctor"


def rows(page: str) -> dict[str, set[str]]:
    """The mends by the name of the check."""
    text = (checkout() / "docs" / page).read_text("utf-8")
    cells = (line.strip("|").split("|") for line in text.splitlines() if line.startswith("| `"))
    return {first.strip(" `"): set(re.findall(r"`([\w-]+)`", last)) for first, *_, last in cells}


@pytest.mark.parametrize("page", ["doctor.md", "doctor.zh.md"])
def test_the_table_has_every_check_in_its_order(page: str) -> None:
    assert list(rows(page)) == [check.name for check in CHECKS]


def test_both_languages_name_the_same_mends_and_all_there_are() -> None:
    assert rows("doctor.md") == rows("doctor.zh.md")
    named = set().union(*rows("doctor.md").values())
    assert named <= MENDS.keys()
    said = "".join(file.read_text("utf-8") for file in sorted(Path(CODE).glob("*.py")))
    assert named == {name for name in MENDS if f'"{name}"' in said}
