"""What a checkpoint's maker or owner advises, for jobs that say nothing themselves: sampler, schedule, clip skip.

The file's own metadata holds clip skip (`modelspec.encoder_layer`, as trainers write it); the `.json` beside the file
may hold `sampler`, `scheduler` and `clip skip`, and wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from runtime.catalogue import find_sampler, find_scheduler
from runtime.refusals import stamp_of
from runtime.request import RequestError
from runtime.safetensors_header import read_header
from runtime.tasks import Stamp
from runtime.user_metadata import read_user_metadata, user_metadata_file

_MOST_SKIPPED = 12


@dataclass(frozen=True)
class Advice:
    """None: nothing is advised. Names are those of the catalogue."""

    sampler: str | None = None
    scheduler: str | None = None
    clip_skip: int | None = None

    @property
    def options(self) -> dict[str, Any]:
        """Options that count where neither the job nor config.json says another."""
        return {} if self.clip_skip is None else {"CLIP_stop_at_last_layers": self.clip_skip}


def advice_for(checkpoint: Path) -> Advice:
    """What is written about this checkpoint; nonsense is no advice."""
    return _advice(checkpoint, stamp_of(checkpoint), stamp_of(user_metadata_file(checkpoint)))


@lru_cache(maxsize=64)
def _advice(checkpoint: Path, _file: Stamp, _notes: Stamp) -> Advice:
    notes = read_user_metadata(checkpoint)
    sampler, suffix = find_sampler(str(notes.get("sampler", ""))) or (None, None)
    scheduler = find_scheduler(str(notes.get("scheduler") or suffix or ""))
    skip = _layers(notes.get("clip skip")) or _layers(_metadata(checkpoint).get("modelspec.encoder_layer"))
    return Advice(sampler.name if sampler else None, scheduler.label if scheduler else None, skip)


def _metadata(checkpoint: Path) -> dict[str, str]:
    if checkpoint.suffix.lower() != ".safetensors":
        return {}
    try:
        return read_header(checkpoint).metadata
    except RequestError:
        return {}


def _layers(written: object) -> int | None:
    try:
        found = int(str(written))
    except ValueError:
        return None
    return found if 1 <= found <= _MOST_SKIPPED else None
