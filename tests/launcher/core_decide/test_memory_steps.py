"""What comes after a memory profile, and what is said where none is left."""

from __future__ import annotations

import re
from dataclasses import replace

from launcher.core.hardware.machine import Machine
from launcher.core.memory.choose import MemoryWish, choose_memory, next_step_down, step_down_words
from tests.launcher.core_decide.test_memory import FAMILIES, SIDES, chosen, with_card


def test_the_ladder_goes_down_by_predicted_peaks() -> None:
    choice = choose_memory(with_card(3900), MemoryWish("xformers", xformers=True))
    rungs = [(peak.need_mib, peak.profile) for peak in choice.peaks]
    assert rungs == sorted(rungs, key=lambda rung: -rung[0])
    steps = [choice]
    while (below := next_step_down(steps[-1])) is not None:
        steps.append(below)
    assert [step.profile for step in steps] == ["xformers", "medvram", "lowvram"]
    assert [step.flags for step in steps] == [("--xformers",), ("--medvram",), ("--lowvram",)]
    assert '"medvram" ran out of memory; "lowvram"' in str(steps[-1].reason)


def test_the_tutorials_second_step_needs_more_than_the_first() -> None:
    """docs/memory.md says why; so after it comes plain medvram, and never the other way round."""
    for family in FAMILIES:
        for side in SIDES:
            needs = {peak.profile: peak.need_mib for peak in chosen(4, family, side).peaks}
            assert needs["medvram-split"] >= needs["medvram"], (family, side)
    split = choose_memory(with_card(3900), MemoryWish("medvram-split"))
    below = next_step_down(split)
    assert below is not None
    assert (below.profile, below.flags, below.attention) == ("medvram", ("--medvram",), "sdp")


def test_a_step_down_keeps_what_the_card_needs_and_loses_xformers() -> None:
    machine = with_card(24000, "NVIDIA GeForce GTX 1660 SUPER", "7.5")
    below = next_step_down(choose_memory(machine, MemoryWish(xformers=True)))
    assert below is not None
    assert below.flags == ("--medvram", "--no-half-vae")


def test_there_is_nothing_below_the_last_step() -> None:
    assert next_step_down(choose_memory(with_card(2048), MemoryWish("lowvram"))) is None
    assert next_step_down(choose_memory(Machine())) is None


def test_what_fits_is_named_where_the_picture_does_not() -> None:
    assert "too little for any picture" in str(choose_memory(with_card(700)).reason)
    large = MemoryWish(size=(3072, 3072))
    choice = choose_memory(with_card(3000), large)
    found = re.search(
        r"at least \d+\.\d GB; 2\.9 GB are free → lowvram\. .*up to (\d+) x \d+ should fit", str(choice.reason)
    )
    assert found is not None
    side = int(found[1])
    codes = [choose_memory(with_card(3000), replace(large, size=(each, each))).way for each in (side, side + 64)]
    assert [way and way.reasons[0].code == "nothing-fits" for way in codes] == [False, True]


def test_no_step_is_offered_that_saves_nothing() -> None:
    for family in FAMILIES:
        for side in range(256, 2049, 128):
            step = chosen(24, family, side)
            while (below := next_step_down(step)) is not None:
                peaks = {peak.profile: peak.need_mib for peak in step.peaks}
                assert peaks[below.profile] <= peaks[step.profile] - 103, (family, side)
                step = below
            assert "no way that needs less" in str(step_down_words(step))


def test_the_processor_is_offered_where_a_card_holds_nothing_and_it_would() -> None:
    tiny = replace(with_card(700), ram_mib=16384, ram_available_mib=12000)
    assert "let the processor draw with --memory cpu" in str(choose_memory(tiny).reason)
    assert "--memory cpu" not in str(choose_memory(replace(tiny, ram_available_mib=3000)).reason)
    assert "too little for any picture" in str(choose_memory(replace(tiny, ram_available_mib=3000)).reason)
