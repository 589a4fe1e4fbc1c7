"""Which memory profile a card gets."""

from __future__ import annotations

import pytest

from launcher.core.errors import LauncherError
from launcher.core.hardware import Gpu, Machine
from launcher.core.memory import choose_memory


def with_card(vram: int | None, name: str = "NVIDIA GeForce RTX 3060") -> Machine:
    return Machine("linux", "x86_64", gpus=(Gpu(0, None, "nvidia", name, vram, vram, "7.5"),))


@pytest.mark.parametrize(
    ("vram", "mode"),
    [
        (81559, "full"),
        (8188, "full"),
        (6141, "full"),
        (4096, "medvram"),
        (3900, "medvram"),
        (2048, "lowvram"),
        (None, "medvram"),
    ],
)
def test_the_mode_follows_the_memory(vram: int | None, mode: str) -> None:
    choice = choose_memory(with_card(vram))
    assert choice.mode == mode
    assert choice.attention == "sdp"
    assert choice.flags == (() if mode == "full" else (f"--{mode}",))
    assert vram is None or str(vram) in str(choice.reason)


def test_without_a_card_the_processor_draws() -> None:
    for machine in (Machine(), Machine(gpus=(Gpu(vendor="intel", vram_total_mib=16384),))):
        assert choose_memory(machine).flags == ("--use-cpu", "all")
    assert choose_memory(with_card(8192), tag="cpu").mode == "cpu"


def test_what_is_asked_for_is_given() -> None:
    choice = choose_memory(with_card(24576), wanted="xformers")
    assert (choice.mode, choice.attention, choice.flags) == ("full", "xformers", ("--xformers",))
    assert choose_memory(with_card(24576), wanted="lowvram").mode == "lowvram"
    with pytest.raises(LauncherError, match=r"memory-unknown.*cpu, full, lowvram, medvram, xformers"):
        choose_memory(with_card(8192), wanted="half")


def test_a_mode_that_needs_a_card_falls_back_and_says_so() -> None:
    choice = choose_memory(Machine(), wanted="lowvram", tag="cpu")
    assert choice.mode == "cpu"
    assert "lowvram" in str(choice.reason)
    assert "no graphics card" in str(choice.reason)


@pytest.mark.parametrize(
    ("name", "needs"),
    [
        ("NVIDIA GeForce GTX 1660 SUPER", True),
        ("NVIDIA GeForce GTX 1650 Ti", True),
        ("NVIDIA T1000 8GB", True),
        ("NVIDIA GeForce GTX 1060 6GB", False),
        ("NVIDIA GeForce RTX 2060", False),
        ("NVIDIA T4", False),
    ],
)
def test_cards_that_draw_black_in_half_precision(name: str, needs: bool) -> None:
    choice = choose_memory(with_card(6144, name))
    assert ("--no-half-vae" in choice.flags) is needs
    assert (name in str(choice.reason)) is needs


def test_the_smallest_of_several_cards_decides() -> None:
    machine = Machine(gpus=(with_card(24576).gpus[0], Gpu(1, None, "nvidia", "B", 4096, 4096, "8.6")))
    assert choose_memory(machine).mode == "medvram"
    assert choose_memory(machine, gpu="0").mode == "full"


@pytest.mark.parametrize(("ram", "mode"), [(32768, "full"), (16384, "full"), (8192, "medvram"), (None, "medvram")])
def test_apple_silicon_shares_its_memory(ram: int | None, mode: str) -> None:
    assert choose_memory(Machine("macos", "arm64", ram_mib=ram, gpus=(Gpu(vendor="apple"),)), tag="mps").mode == mode
