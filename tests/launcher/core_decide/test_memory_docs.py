"""The numbers in docs/memory.md are those of the formula."""

from __future__ import annotations

import re

import pytest

from launcher.core.memory.choose import read_memory_profiles
from launcher.core.memory.need import Picture, Widths, need, read_numbers
from launcher.core.paths import checkout

NUMBERS = read_numbers()
COLUMNS = ("full", "medvram", "medvram-split", "lowvram")


@pytest.mark.parametrize("name", ["memory.md", "memory.zh.md"])
def test_the_table_is_what_the_formula_gives(name: str) -> None:
    page, profiles = (checkout() / "docs" / name).read_text(encoding="utf-8"), read_memory_profiles()
    rows = re.findall(r"\| (SD[^|]*) \| (\d+) x (\d+) \|([^\n]*)\|", page)
    families = {numbers.name: family for family, numbers in NUMBERS.families.items()}
    assert {families[row[0]] for row in rows} == set(families.values())
    for model, width, height, told in rows:
        picture = Picture(families[model], int(width), int(height))
        found = [
            need(NUMBERS, picture, profiles[each].mode, profiles[each].attention, "cuda", Widths()).total
            for each in COLUMNS
        ]
        assert [int(number) for number in told.split("|")] == found, model


@pytest.mark.parametrize("name", ["memory.md", "memory.zh.md"])
def test_what_the_page_names_is_there(name: str) -> None:
    page = (checkout() / "docs" / name).read_text(encoding="utf-8")
    cuda = NUMBERS.devices["cuda"]
    assert f"{cuda.context_mib} MiB" in page
    assert f"{NUMBERS.slack:.0%}".replace("%", " %") in page
    assert f"{NUMBERS.reserve_mib} MiB" in page
    for target in re.findall(r"\]\(\.\./([^)]+)\)", page):
        assert (checkout() / target).exists(), target
