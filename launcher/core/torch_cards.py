"""Which cards torch could draw on, before any build is asked: what they are, and whether a driver serves them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from launcher.core.facts import read_facts
from launcher.core.machine import Gpu, Machine
from launcher.core.torch_table import TorchTable, numbers

CARD_NAMES = Path(__file__).resolve().parents[1] / "data/card_names.toml"


@dataclass(frozen=True)
class CardName:
    """What a card is in whose name `pattern` is found."""

    pattern: str
    gfx: str | None = None
    architecture: str | None = None
    integrated: bool | None = None


@dataclass(frozen=True)
class CardNames:
    """data/card_names.toml."""

    names: tuple[CardName, ...]


@lru_cache(maxsize=1)
def _read_card_names() -> CardNames:
    return read_facts(CARD_NAMES, CardNames)


def identified(table: TorchTable, gpu: Gpu) -> Gpu:
    """`gpu` with what follows from its architecture or its name, where nothing better is known."""
    if gpu.compute_capability is None and gpu.vendor == "nvidia":
        return replace(gpu, compute_capability=table.architectures.get(gpu.architecture or ""))
    if gpu.vendor not in ("amd", "intel") or not gpu.name:
        return gpu
    for known in _read_card_names().names:
        if re.search(known.pattern, gpu.name, re.IGNORECASE):
            return replace(
                gpu,
                gfx=gpu.gfx or (known.gfx if gpu.vendor == "amd" else None),
                architecture=gpu.architecture or known.architecture,
                integrated=known.integrated if gpu.integrated is None else gpu.integrated,
            )
    return gpu


def without_integrated(cards: tuple[Gpu, ...]) -> tuple[Gpu, ...]:
    """The cards of their own, if there are any: a laptop draws on its card and not on a part of its processor."""
    own = tuple(card for card in cards if not card.integrated)
    return own or cards


def ignored(table: TorchTable, machine: Machine, gpu: Gpu) -> bool:
    """An NVIDIA card that torch cannot reach, because no driver serves it here."""
    return gpu.seen_by == "bus" or _unanswered(machine) or too_new(table, machine, gpu)


def lent(gpu: Gpu) -> bool:
    """It belongs to a virtual machine, and to nobody else."""
    return gpu.kernel_driver == "vfio-pci"


def _unanswered(machine: Machine) -> bool:
    """NVML was asked and knows of no driver; a description that does not say so leaves it open."""
    return machine.driver is None and machine.nvml not in (None, "answers")


def too_new(table: TorchTable, machine: Machine, gpu: Gpu) -> bool:
    """The driver is of a branch that has dropped the card."""
    generation = table.generation(gpu)
    limit = generation.ignored_from if generation else None
    return limit is not None and machine.driver is not None and numbers(machine.driver)[0] >= limit


def newest_driver(table: TorchTable, gpu: Gpu) -> int | None:
    """The last branch of drivers that serves the card; None: no end is known."""
    generation = table.generation(gpu)
    return generation.newest_driver if generation else None


def named(cards: tuple[Gpu, ...]) -> str:
    """ "GTX 1060 (6.1), RX 580" """
    return ", ".join(
        f"{card.name or 'NVIDIA'} ({card.compute_capability})"
        if card.compute_capability
        else card.name or (card.vendor or "?").upper()
        for card in cards
    )
