"""Which model families lie in the models folders, for the memory that a picture is planned with."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from launcher.core.models.facts import read_facts_of
from launcher.core.models.shelves import Shelf
from launcher.core.models.walk import Seen, walk

#: as the runtime tells them apart -> as launcher/data/memory.toml counts them; the refiner counts as what it refines
_COUNTED = {"sd1": "sd1", "sd2": "sd2", "sdxl": "sdxl", "sdxl-refiner": "sdxl"}


def families_in(shelves: Sequence[Shelf]) -> tuple[str, ...]:
    """Those of the checkpoints there, by their headers; nothing is written, and no more read once all are found."""
    found: set[str] = set()
    for seen in walk([shelf for shelf in shelves if shelf.kind == "checkpoint"]):
        if isinstance(seen, Seen):
            # a file may go while the folder is looked through
            with contextlib.suppress(FileNotFoundError):
                facts = read_facts_of(seen)
                if facts.kind == "checkpoint" and facts.family in _COUNTED:
                    found.add(_COUNTED[facts.family])
        if len(found) == len(set(_COUNTED.values())):
            break
    return tuple(sorted(found))
