"""What the cards are that torch could draw on, before any build is asked."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from launcher.core.facts import read_facts
from launcher.core.hardware.machine import Gpu, is_nvidia
from launcher.core.hardware.pci import chip_of
from launcher.core.pytorch.table import TorchTable

CARD_NAMES = Path(__file__).resolve().parents[2] / "data/card_names.toml"


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
    """`gpu` with what follows from its number on the bus, its architecture or its name, where nothing is known."""
    chip = chip_of(gpu.pci_id)
    if chip:
        gpu = replace(
            gpu,
            vendor=gpu.vendor or chip.vendor,
            chip=gpu.chip or chip.chip,
            architecture=gpu.architecture or chip.architecture,
            compute_capability=gpu.compute_capability or chip.compute_capability,
            gfx=gpu.gfx or chip.gfx,
            integrated=chip.integrated if gpu.integrated is None else gpu.integrated,
        )
    if gpu.compute_capability is None and gpu.vendor == "nvidia":
        return replace(gpu, compute_capability=table.architectures.get(gpu.architecture or ""))
    return _by_name(gpu) if gpu.vendor in ("amd", "intel") and gpu.name else gpu


def _by_name(gpu: Gpu) -> Gpu:
    for known in _read_card_names().names:
        if re.search(known.pattern, gpu.name or "", re.IGNORECASE):
            return replace(
                gpu,
                gfx=gpu.gfx or (known.gfx if gpu.vendor == "amd" else None),
                architecture=gpu.architecture or known.architecture,
                integrated=known.integrated if gpu.integrated is None else gpu.integrated,
            )
    return gpu


def lent(gpu: Gpu) -> bool:
    """It belongs to a virtual machine, and to nobody else."""
    return gpu.kernel_driver == "vfio-pci"


def visible(card: Gpu | None, cards: tuple[Gpu, ...]) -> tuple[tuple[str, str], ...]:
    """The variables that hide the others of its maker from the engine; () where there are none, and for `card` None.

    By UUID where it is known, as indexes depend on their order; else by the place among the maker's cards. `cards` are
    all of the computer. NVIDIA: CUDA's programming guide; AMD: ROCm's "GPU isolation techniques"; Intel: the Level
    Zero specification.
    """
    if card is None:
        return ()
    same = [each for each in cards if maker_of(each) == maker_of(card) and not lent(each)]
    places = (place for place, each in enumerate(same) if each.index == card.index and each.uuid == card.uuid)
    place = str(next(places, 0))
    if len(same) < 2 or maker_of(card) == "apple":
        return ()
    if maker_of(card) == "nvidia":
        return ("CUDA_DEVICE_ORDER", "PCI_BUS_ID"), ("CUDA_VISIBLE_DEVICES", card.uuid or place)
    if maker_of(card) == "amd":
        return (("ROCR_VISIBLE_DEVICES", card.uuid),) if card.uuid else (("HIP_VISIBLE_DEVICES", place),)
    return ("ZE_ENABLE_PCI_ID_DEVICE_ORDER", "1"), ("ZE_AFFINITY_MASK", place)


def maker_of(card: Gpu) -> str | None:
    """Whose library drives it."""
    return "nvidia" if is_nvidia(card) else card.vendor


def named(*cards: Gpu) -> str:
    """ "GTX 1060 (6.1), 2 × RX 580" """
    counted = Counter(map(_named, cards))
    return ", ".join(f"{count} × {name}" if count > 1 else name for name, count in counted.items())


def _named(card: Gpu) -> str:
    name = card.name or card.chip or (card.vendor or "?").upper()
    return f"{name} ({card.compute_capability})" if card.compute_capability else name
