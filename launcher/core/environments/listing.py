"""The environments there are: what each holds, what it takes on the disk, and how much of that it shares."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from launcher.core.environments.environments import STAMP, Stamp, current, everything, previous, read_stamp, usable
from launcher.core.paths import Workspace

State = Literal["current", "previous", "kept", "unusable", "unfinished"]


@dataclass(frozen=True)
class Size:
    """On the disk, in bytes."""

    total: int
    #: of files that the cache or another environment holds too: removing the environment does not free them
    shared: int


@dataclass(frozen=True)
class Listed:
    """One environment. `unusable`: its Python is gone, or its stamp says too little."""

    folder: Path
    state: State
    stamp: Stamp | None
    size: Size


def environments_there(workspace: Workspace) -> tuple[Listed, ...]:
    """All of them: the current one, the one before, then by name."""
    now, before = current(workspace), previous(workspace)
    order = ("current", "previous", "kept", "unusable", "unfinished")
    found = [
        Listed(folder, _state(folder, now, before), read_stamp(folder), measure(folder))
        for folder in everything(workspace)
    ]
    return tuple(sorted(found, key=lambda one: (order.index(one.state), one.folder.name)))


def _state(folder: Path, now: Path | None, before: Path | None) -> State:
    if folder == now:
        return "current"
    if folder == before:
        return "previous"
    if usable(folder):
        return "kept"
    return "unusable" if (folder / STAMP).is_file() else "unfinished"


def measure(folder: Path, seen: set[tuple[int, int]] | None = None) -> Size:
    """Each file once, however often it is linked inside; nothing behind a link is counted. What is in `seen`, by
    device and number, was counted elsewhere.
    """
    seen = set() if seen is None else seen
    total = shared = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                found = os.lstat(os.path.join(place, name))  # noqa: PTH118 - tens of thousands
            except OSError:
                continue
            key = (found.st_dev, found.st_ino)
            if found.st_nlink > 1 and key in seen:
                continue
            seen.add(key)
            total += found.st_size
            shared += found.st_size if found.st_nlink > 1 else 0
    return Size(total, shared)
