"""The numbers in docs/memory.md are those of the formula."""

from __future__ import annotations

import math
import re

import pytest

from launcher.core.memory.choose import read_memory_profiles
from launcher.core.memory.ground import Room
from launcher.core.memory.need import Picture, Widths, needs_of, read_numbers
from launcher.core.paths import checkout
from runtime.placement import SLACK, SLOTS, Ground, Wish, least_of, plan

NUMBERS = read_numbers()
COLUMNS = ("full", "medvram", "medvram-split", "lowvram")
#: pictures that the page tells the bare need of
LEAST = {"sd1": 512, "sdxl": 1024}
#: 8 GB, Linux
ROOM = Room(8192, 8192, context=NUMBERS.devices["cuda"].context_mib)


@pytest.mark.parametrize("name", ["memory.md", "memory.zh.md"])
def test_the_table_is_what_the_rule_gives(name: str) -> None:
    page, profiles = (checkout() / "docs" / name).read_text(encoding="utf-8"), read_memory_profiles()
    rows = re.findall(r"\| (SD[^|]*) \| (\d+) x (\d+) \|([^\n]*)\|", page)
    families = {numbers.name: family for family, numbers in NUMBERS.families.items()}
    assert {families[row[0]] for row in rows} == set(families.values())
    for model, width, height, told in rows:
        picture = Picture(families[model], int(width), int(height))
        found = [plan(Wish(), needs_of(NUMBERS, picture, "sdp", Widths(), captures=True), Ground(1 << 40, 0)).peak]
        for profile in (profiles[each] for each in COLUMNS):
            needs = needs_of(NUMBERS, picture, profile.attention, Widths(), captures=True)
            assert profile.mode != "cpu"
            found.append(least_of(profile.mode, needs, ROOM.budget))
        assert [int(number) for number in told.split("|")] == [ROOM.free_for(each) for each in found], model


@pytest.mark.parametrize("name", ["memory.md", "memory.zh.md"])
def test_what_the_page_names_is_there(name: str) -> None:
    page = (checkout() / "docs" / name).read_text(encoding="utf-8")
    assert f"{NUMBERS.devices['cuda'].context_mib} MiB" in page
    assert f"{SLACK:.2f}" in page
    needs = [needs_of(NUMBERS, Picture(family, side, side), "sdp", Widths()) for family, side in LEAST.items()]
    for apart in (False, True):
        for each in needs:
            taken = least_of("lowvram", each, Ground(0, 0), apart=apart) / (1 << 20)
            assert re.search(rf"\b{math.ceil(taken)}\b", page), taken
    text = needs[-1].text
    assert f"{round((text.loose + SLOTS * text.piece + needs[-1].reading * SLACK) / (1 << 20), -1):.0f} MiB" in page
    for family in ("sd1", "sdxl"):
        assert f" {NUMBERS.families[family].unet_bytes_per_pixel:.0f}" in page
    assert f"{NUMBERS.vae.bytes_per_pixel:.0f}" in page
    for target in re.findall(r"\]\(\.\./([^)]+)\)", page):
        assert (checkout() / target).exists(), target
