"""Sets files aside under the workspace instead of deleting them, and brings them back: `set-aside/`."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from launcher.core.errors import LauncherError, NotWrittenError
from launcher.core.mends.mend import Record, changed_since
from launcher.core.paths import Workspace
from launcher.core.text import t

FOLDER = "set-aside"


@dataclass(frozen=True)
class Moved:
    """What lay at `before` lies at `after`; both below the workspace."""

    before: Path
    after: Path


def set_aside(
    workspace: Workspace, mend: str, paths: Sequence[Path], begin: Callable[[tuple[Moved, ...]], None] | None = None
) -> tuple[Moved, ...]:
    """Move each of `paths`, which lie below the workspace, to a folder of this mend. All of them or none.

    `begin` is told before anything is moved. LauncherError `no-permission` names the one that the system holds fast.
    """
    place = _fresh(workspace, mend)
    moved = tuple(Moved(path, place / path.relative_to(workspace.root)) for path in paths)
    if begin is not None:
        begin(moved)
    move_all(moved)
    return moved


def move_all(moved: Sequence[Moved]) -> None:
    """Every one to its place, where nothing may lie; if one cannot be moved, those before it go back."""
    done: list[Moved] = []
    try:
        for each in moved:
            _move(each.before, each.after)
            done.append(each)
    except OSError as error:
        for each in reversed(done):
            with contextlib.suppress(OSError):
                _move(each.after, each.before)
        raise NotWrittenError(moved[len(done)].before, error) from error


def swap_back(workspace: Workspace, mend: str, record: Record) -> None:
    """What the record's `moved` (`to_record`) says goes back to where it lay; what the mend has put there instead
    (`put`, by `put_record`) is set aside. What already is as it was stays so: a mend or an undo may have been ended
    in the middle.

    LauncherError `mend-changed-since` where something else lies there by now, `set-aside-gone` where somebody has
    taken away what was set aside: nothing is moved then.
    """
    pairs = from_record(workspace, record.get("moved"))
    back = {each.before for each in pairs if not os.path.lexists(each.after)}
    put = _still_as_put(workspace, record.get("put", []), back)
    moved = _still_aside(pairs, put)
    for each in moved:
        if each.before not in put and os.path.lexists(each.before):
            raise changed_since(t("{file}", file=each.before))
    replaced = set_aside(workspace, mend, put)
    try:
        move_all([Moved(each.after, each.before) for each in moved])
    except LauncherError:
        move_all([Moved(each.after, each.before) for each in replaced])
        raise
    for each in moved:
        _tidy(each.after.parent, workspace.root / FOLDER)


def _still_aside(pairs: Sequence[Moved], put: Sequence[Path]) -> tuple[Moved, ...]:
    """Without those that lie where they lay."""
    for each in pairs:
        if not os.path.lexists(each.after) and (each.before in put or not os.path.lexists(each.before)):
            raise LauncherError(
                "set-aside-gone",
                t("What was set aside is no longer there: {file}", file=each.after),
                t("Nothing was changed."),
            )
    return tuple(each for each in pairs if os.path.lexists(each.after))


def _still_as_put(workspace: Workspace, record: object, back: Collection[Path]) -> tuple[Path, ...]:
    """What lies there of it; at `back` it may be the old one."""
    if not isinstance(record, list) or not all(isinstance(each, list) and len(each) in (1, 3) for each in record):
        raise unreadable_record()
    there = []
    for name, *state in record:
        path = workspace.root / str(name)
        if not os.path.lexists(path):
            continue
        if state_of(path) == state or (not state and path not in back):
            there.append(path)
        elif path not in back:
            raise changed_since(t("{file}", file=path))
    return tuple(there)


def to_record(workspace: Workspace, moved: Sequence[Moved]) -> list[list[str]]:
    """As pairs of names below the workspace, which may itself be moved meanwhile."""
    return [[_name(workspace, each.before), _name(workspace, each.after)] for each in moved]


def from_record(workspace: Workspace, record: object) -> tuple[Moved, ...]:
    """LauncherError `set-aside-gone` for what nobody can read."""
    if not isinstance(record, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in record):
        raise unreadable_record()
    return tuple(Moved(workspace.root / str(before), workspace.root / str(after)) for before, after in record)


def unreadable_record() -> LauncherError:
    """Somebody's editor was at the journal."""
    return LauncherError(
        "mend-unknown",
        t("What this mend did cannot be read from its journal."),
        t("Nothing was changed. What was set aside lies in the folder {folder}.", folder=FOLDER),
    )


def state_of(path: Path) -> list[int]:
    """Size and time of change: how a file that a mend has put somewhere is known again. OSError."""
    found = path.lstat()
    return [found.st_size, found.st_mtime_ns]


def put_record(workspace: Workspace, paths: Sequence[Path]) -> list[list[object]]:
    """What a mend has put where nothing lay, to be known again."""
    return to_put(workspace, [(path, path) for path in paths])


def to_put(workspace: Workspace, pairs: Iterable[tuple[Path, Path]]) -> list[list[object]]:
    """What a mend is about to rename: from where it lies, to where nothing will lie then."""
    return [[_name(workspace, after), *state_of(before)] for before, after in pairs]


def to_come(workspace: Workspace, paths: Iterable[Path]) -> list[list[object]]:
    """Where a mend is about to put what nobody knows yet."""
    return [[_name(workspace, path)] for path in paths]


def _fresh(workspace: Workspace, mend: str) -> Path:
    base = f"{datetime.now(timezone.utc):%Y-%m-%d-%H%M%S}-{mend}"
    number = 1
    while os.path.lexists(place := workspace.root / FOLDER / (base if number == 1 else f"{base}-{number}")):
        number += 1
    return place


def _move(before: Path, after: Path) -> None:
    after.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(after):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(after))
    try:
        before.rename(after)
    except OSError as error:
        # another disk behind a link
        if error.errno != errno.EXDEV:
            raise
        shutil.move(before, after)


def _tidy(folder: Path, end: Path) -> None:
    """Take away folders that hold nothing any more."""
    with contextlib.suppress(OSError):
        while folder.is_relative_to(end):
            folder.rmdir()
            folder = folder.parent


def _name(workspace: Workspace, path: Path) -> str:
    return path.relative_to(workspace.root).as_posix()
