"""The library: every model in the workspace and in linked installs, read once per change of its file."""

from __future__ import annotations

import contextlib
import re
import threading
from collections import defaultdict
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from launcher.core.events import Progress
from launcher.core.models.facts import Facts, Stamp, from_record, read_facts_of, stamp_of, to_record
from launcher.core.models.kind import Kind
from launcher.core.models.known import KnownHashes, is_text
from launcher.core.models.notes import preview
from launcher.core.models.problems import Problem
from launcher.core.models.shelves import HOMES, Shelf
from launcher.core.models.walk import Refused, Seen, walk
from launcher.core.process import CancelledError
from launcher.core.records import read_record, write_record

_EVERY = 25
#: what the index's entries mean; another number throws it away
_EDITION = 2
#: a VAE beside a checkpoint says so in its name, and belongs there
_BESIDE = (".vae.ckpt", ".vae.pt", ".vae.safetensors")


@dataclass(frozen=True)
class Model:
    """One file, or one folder in diffusers' layout."""

    #: relative to its shelf, with forward slashes, as the runtime names it
    name: str
    path: Path
    home: str
    size: int
    mtime_ns: int
    facts: Facts
    #: of the folder that it lies in
    shelf: Kind | None = None
    sha256: str | None = None
    #: A1111's of 2022, eight digits
    old_hash: str | None = None
    preview: Path | None = None
    #: the path of the same bytes, told before
    duplicate_of: Path | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def kind(self) -> Kind | None:
        """By content, else by the folder."""
        return self.facts.kind or self.shelf


@dataclass(frozen=True)
class Library:
    """What a scan found."""

    models: tuple[Model, ...] = ()
    #: places that could not be looked at
    refused: tuple[Refused, ...] = ()
    #: how many files were opened
    opened: int = 0

    @property
    def wasted(self) -> int:
        """Bytes that lie there twice."""
        return sum(model.size for model in self.models if model.duplicate_of)


def scan(
    shelves: Sequence[Shelf], index: Path, known: KnownHashes, *, cancel: threading.Event | None = None
) -> Generator[Progress, None, Library]:
    """Looks everywhere, opens what is new or has changed, and keeps the `index`; the user's files stay as they are.

    The library is the generator's value (`library = yield from scan(…)`). CancelledError once `cancel` is set: what
    was read is kept.
    """
    found = list(walk(shelves))
    remembered = _read_index(index)
    fresh: dict[str, tuple[Stamp, Facts]] = {}
    models: list[Model] = []
    opened = 0
    try:
        for seen in found:
            if cancel is not None and cancel.is_set():
                raise CancelledError
            if isinstance(seen, Refused):
                continue
            stamp, entry = stamp_of(seen), remembered.get(seen.path)
            facts = entry[1] if entry is not None and entry[0] == stamp else None
            if facts is None:
                facts, opened = _read(seen), opened + 1
                if opened % _EVERY == 0:
                    yield Progress("models", len(models), len(found), unit="files")
            if facts is not None:
                fresh[seen.path] = (stamp, facts)
                models.append(_model(seen, facts, known))
    finally:
        if opened or len(fresh) != len(remembered):
            _write_index(index, fresh if len(models) == len(found) else {**remembered, **fresh})
    refused = tuple(one for one in found if isinstance(one, Refused))
    return Library(_with_duplicates(sorted(models, key=_order)), refused, opened)


def natural_order(name: str) -> list[tuple[int, int | str]]:
    """`model2` before `model10`, letter case aside."""
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"([0-9]+)", name.lower())]


def _order(model: Model) -> tuple[Any, ...]:
    return (model.kind or "~", model.home != "workspace", natural_order(model.name))


def _read(seen: Seen) -> Facts | None:
    """None for what has gone since its folder was listed."""
    try:
        return read_facts_of(seen)
    except FileNotFoundError:
        return None


def _model(seen: Seen, facts: Facts, known: KnownHashes) -> Model:
    path = Path(seen.path)
    picture = None if seen.is_folder else preview(path.stem, seen.there)
    hashes = known.of(seen.path, seen.size, seen.mtime_ns)
    return Model(
        seen.name, path, seen.shelf.home, seen.size, seen.mtime_ns, facts, seen.shelf.kind,
        hashes.sha256 if hashes else None, hashes.old if hashes else None,
        path.with_name(picture) if picture else None, None, (*facts.problems, *_misplaced(seen, facts)),
    )  # fmt: skip


def _misplaced(seen: Seen, facts: Facts) -> tuple[Problem, ...]:
    home = HOMES.get(facts.kind) if facts.kind else None
    if home is None or seen.shelf.kind in (facts.kind, None) or seen.name.lower().endswith(_BESIDE):
        return ()
    return (Problem("misplaced", home),)


def _with_duplicates(models: list[Model]) -> tuple[Model, ...]:
    """A second file with the hash of another is named so: equal sizes alone say nothing."""
    first: dict[tuple[int, str], Path] = {}
    told: list[Model] = []
    for model in models:
        key = (model.size, model.sha256) if model.sha256 else None
        twin = first.setdefault(key, model.path) if key else model.path
        told.append(model if twin == model.path or _one_file(twin, model.path) else replace(model, duplicate_of=twin))
    return tuple(told)


def _one_file(one: Path, other: Path) -> bool:
    """Two names of one file (hard links) waste nothing."""
    try:
        return one.samefile(other)
    except OSError:
        return False


def twins_by_size(models: Sequence[Model]) -> set[Path]:
    """Those that may be duplicates: the ones to hash first."""
    sizes: defaultdict[int, list[Path]] = defaultdict(list)
    for model in models:
        sizes[model.size].append(model.path)
    return {path for paths in sizes.values() if len(paths) > 1 for path in paths}


def _read_index(file: Path) -> dict[str, tuple[Stamp, Facts]]:
    record = read_record(file) or {}
    files = record.get("files")
    if record.get("edition") != _EDITION or not isinstance(files, dict):
        return {}
    found: dict[str, tuple[Stamp, Facts]] = {}
    for path, entry in files.items():
        facts = from_record(entry.get("facts")) if isinstance(entry, dict) else None
        if facts is not None and isinstance(entry.get("stamp"), list):
            found[path] = (tuple(entry["stamp"]), facts)
    return found


def _write_index(file: Path, entries: dict[str, tuple[Stamp, Facts]]) -> None:
    """A folder that cannot be written costs time on the next scan, nothing else."""
    files = {
        path: {"stamp": list(stamp), "facts": to_record(facts)}
        for path, (stamp, facts) in entries.items()
        if is_text(path)
    }
    # A name that is no text is read anew each time.
    with contextlib.suppress(OSError):
        write_record(file, {"edition": _EDITION, "files": files})
