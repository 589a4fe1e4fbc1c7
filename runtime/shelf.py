"""Files of one kind in their folders: listed in natural order, links followed, found by name; nothing is opened."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelFile:
    """A file; `name` is its path relative to the folder it was found in, with forward slashes."""

    path: Path
    name: str

    @property
    def stem(self) -> str:
        return Path(self.name).stem


class Shelf:
    """The files with one of these endings (lower case, with the dot) under these folders; looks on every call."""

    def __init__(self, folders: Sequence[Path], endings: Sequence[str], without: Sequence[str] = ()) -> None:
        self.folders, self._endings, self._without = tuple(folders), tuple(endings), tuple(without)

    def files(self) -> tuple[ModelFile, ...]:
        """Folder by folder, each in natural order; a file that two folders reach is told once, a link that leads to
        none is left out."""
        found: dict[str, ModelFile] = {}
        for folder in self.folders:
            for file in sorted(self._walk(folder), key=lambda one: natural_order(one.name)):
                found.setdefault(os.path.realpath(file.path), file)
        return tuple(found.values())

    def find(self, name: str) -> ModelFile | None:
        """The first file of this name, stem or file name; letter case counts."""
        return next((one for one in self.files() if name in (one.name, one.stem, one.path.name)), None)

    def _walk(self, folder: Path) -> Iterator[ModelFile]:
        for path in walk(folder):
            lower = path.name.lower()
            if lower.endswith(self._endings) and not (self._without and lower.endswith(self._without)):
                if os.path.isfile(path):  # noqa: PTH113 - pathlib's raises for some links in some versions
                    yield ModelFile(path, path.relative_to(folder).as_posix())
                else:
                    _leave_out(path)


def walk(folder: Path) -> Iterator[Path]:
    """Every file under a folder, links followed, each real folder once."""
    seen: set[str] = set()
    for place, inner, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            inner.clear()
            continue
        seen.add(real)
        yield from (Path(place, name) for name in files)


@cache
def _leave_out(path: Path) -> None:
    """Said once, however often the folder is looked at."""
    _LOG.warning("%s cannot be read (does its link lead nowhere, or in a circle?): it is left out", path)


def natural_order(name: str) -> list[tuple[int, int | str]]:
    """`model2` before `model10`, letter case aside."""
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"([0-9]+)", name.lower())]
