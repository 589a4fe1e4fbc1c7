"""What was learnt of each device: the engine keeps it beside its settings, and the launcher plans with it, too.

Standard library alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from runtime.placement import BANDWIDTH, corrected

#: in the data folder: what was predicted of jobs' memory and what came of it
FILE = "memory-ledger.json"


@dataclass
class Learnt:
    """Of one device: of the last jobs what their activations took, through what was traced; seconds by the work."""

    ratios: list[float] = field(default_factory=list)
    #: of one call of the U-Net, by `work_of`
    steps: dict[str, float] = field(default_factory=dict)
    #: to the device; None: not measured yet
    bytes_per_second: float | None = None

    @classmethod
    def of(cls, said: Any) -> Learnt:
        """What is no number is left out."""
        told = said if isinstance(said, dict) else {}
        ratios, steps, bandwidth = (told.get(name) for name in ("ratios", "steps", "bytes_per_second"))
        return cls(
            [one for one in ratios if _is_number(one)] if isinstance(ratios, list) else [],
            {work: one for work, one in steps.items() if _is_number(one)} if isinstance(steps, dict) else {},
            bandwidth if _is_number(bandwidth) else None,
        )

    @property
    def correction(self) -> float:
        """What activations take, through what a trace says: the greatest of the last jobs."""
        return corrected(self.ratios)

    @property
    def bandwidth(self) -> float:
        """Bytes per second to the device, as it was measured, else as is likely."""
        return self.bytes_per_second or BANDWIDTH

    def drew_in(self, number: str) -> bool:
        """Has a U-Net worked in this kind of number?"""
        return any(work.endswith(f", {number}") for work in self.steps)


def read(file: Path | None) -> dict[str, Learnt]:
    """By the device: torch's name of a card, else "cpu"; what a broken file says is forgotten."""
    if file is not None:
        with suppress(OSError, ValueError, RecursionError):
            found = json.loads(file.read_text(encoding="utf-8"))
            if isinstance(found, dict):
                return {device: Learnt.of(said) for device, said in found.items()}
    return {}


def written(all_learnt: Mapping[str, Learnt]) -> str:
    """What the file holds."""
    return json.dumps({device: asdict(learnt) for device, learnt in all_learnt.items()}, indent=1)


def work_of(
    family: str, weights: int, size: tuple[int, int], number: str, batch: int = 1, prompts: int = 2, chunks: int = 1
) -> str:
    """By what step times are told apart: bytes of the U-Net's weights, width and height, its kind of number, and with
    how many pictures and prompts of how many chunks it is asked at once.
    """
    (width, height), long = size, f" of {chunks} chunks" if chunks > 1 else ""
    drawn = f"{width}x{height}, {batch} x {prompts}{long}, {number}"
    return f"{family} of {weights >> 20} MiB, {drawn}"


def _is_number(said: Any) -> bool:
    return isinstance(said, float) and math.isfinite(said) and said > 0
