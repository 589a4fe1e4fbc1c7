"""Checkpoints that were drawn with before, kept in this computer's memory as far as it allows, to go back to them."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from runtime.engine.memory.hardware import free_ram
from runtime.engine.model import Model

#: bytes that other programs and the pictures are left beside them
RESERVE = 4 << 30
#: bytes that drawing takes at least, beside the weights
BESIDE = 1 << 30
Stamp = tuple[tuple[str, int, int, int], ...]


def stamp_of(path: Path) -> Stamp:
    """What of a checkpoint's file, or of the files of its folder, changes when somebody writes to them."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    found: list[tuple[str, os.stat_result]] = [(str(file), file.stat()) for file in files]
    return tuple((name, one.st_size, one.st_mtime_ns, one.st_ino) for name, one in found)


def is_unchanged(path: Path, stamp: Stamp) -> bool:
    """Is the file there, and as it was?"""
    with suppress(OSError):
        return stamp_of(path) == stamp
    return False


def lacks_room(needed: int, room: Callable[[], int | None] = free_ram) -> int | None:
    """Bytes that are free where these and what drawing takes beside them are more; None where they are not."""
    free = room()
    return free if free is not None and free < needed + BESIDE else None


@dataclass
class KeptModels:
    """The last ones used are kept longest. None of them has anything on a card."""

    #: models in memory at once, the one that draws included; 1, AUTOMATIC1111's default: as many as there is room for
    limit: int = 1
    room: Callable[[], int | None] = free_ram
    _models: OrderedDict[Path, tuple[Stamp, Model]] = field(default_factory=OrderedDict)

    def put(self, model: Model, stamp: Stamp) -> None:
        """It draws no more; what its weights look like is known and stays so."""
        model.store.park()
        self._models[model.path] = stamp, model

    def take(self, path: Path) -> Model | None:
        """The model of this file, parked; None if it is not here, or the file has changed."""
        stamp, model = self._models.pop(path, ((), None))
        return model if model is not None and is_unchanged(path, stamp) else None

    def make_room(self, needed: int) -> None:
        """Let go of the oldest until a model of so many bytes may come."""
        while self._models and (self._too_many() or self._too_full(needed)):
            self._models.popitem(last=False)

    def clear(self) -> None:
        self._models.clear()

    def _too_many(self) -> bool:
        return self.limit > 1 and len(self._models) >= self.limit

    def _too_full(self, needed: int) -> bool:
        free = self.room()
        return free is None or free < needed + RESERVE
