"""The mend `git-unlock`: a lock that a git which was cut off has left is set aside, if no git is at work there."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path

from launcher.core.errors import writing
from launcher.core.events import Event, Notice
from launcher.core.mends.mend import (
    Change,
    Here,
    Mend,
    Preview,
    Record,
    Values,
    cannot_mend,
    changed_since,
    nothing_to_mend,
)
from launcher.core.paths import checkout, written_path
from launcher.core.text import Text, t
from launcher.core.update.git_locks import at_work, locks_of

TITLE = t("Take away the lock that git has left behind")
#: seconds that a lock has to have lain there: a git that works makes it and takes it away in a moment
_OLD = 30


def _preview(here: Here, values: Values) -> Preview | None:  # noqa: ARG001
    lock = _lock(values)
    if lock is None:
        return None
    age = _age(lock)
    if age is None:
        return None
    _refuse_work(lock, age, values)
    change = Change(t("The lock of git, {minutes} minutes old", minutes=int(age // 60)), str(lock), None)
    return Preview(
        "git-unlock", TITLE, (change,), t("No git is at work there. The file is kept in Gesso's own folder.")
    )


def _apply(here: Here, values: Values, cancel: threading.Event | None) -> Generator[Event, None, Record]:  # noqa: ARG001
    lock = _lock(values)
    age = _age(lock) if lock else None
    if lock is None or age is None:
        raise nothing_to_mend(TITLE)
    _refuse_work(lock, age, values)
    kept = here.workspace.state / "mends" / f"{time.time_ns()}-{lock.name}"
    record: Record = {"lock": str(lock), "kept": str(kept)}
    here.begin(record)
    with writing(kept):
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(lock, kept)
    yield Notice("git-unlocked", "info", t("The lock {file} is away.", file=lock))
    return record


def _verify(here: Here, values: Values) -> Text | None:  # noqa: ARG001
    lock = _lock(values)
    return t("The lock {file} is there.", file=lock) if lock else None


def _undo(here: Here, record: Record) -> Iterator[Event]:  # noqa: ARG001
    lock, kept = Path(record["lock"]), Path(record["kept"])
    if os.path.lexists(lock) == kept.is_file() or not lock.parent.is_dir():
        raise changed_since(t("The lock {file}", file=lock))
    if kept.is_file():
        with writing(lock):
            shutil.move(kept, lock)
    yield Notice("git-unlocked", "info", t("The lock {file} is there again.", file=lock))


def _lock(values: Values) -> Path | None:
    """The file that git named, else one in the folder that was named, else in Gesso's own clone."""
    named = values.get("path") or values.get("lock")
    if named and named.endswith(".lock"):
        lock = written_path(named)
        return lock if _is_gits(lock) and lock.is_file() else None
    return next(iter(locks_of(written_path(values.get("folder") or named or checkout()))), None)


def _is_gits(lock: Path) -> bool:
    """Does it lie in what only git writes?"""
    return any((folder / "HEAD").is_file() and (folder / "objects").is_dir() for folder in lock.parents[:8]) or any(
        (folder / "commondir").is_file() for folder in lock.parents[:8]
    )


def _age(lock: Path) -> float | None:
    """In seconds; None: its git has taken it away meanwhile."""
    try:
        return time.time() - lock.stat().st_mtime
    except FileNotFoundError:
        return None


def _refuse_work(lock: Path, age: float, values: Values) -> None:
    """LauncherError `cannot-mend` while a git may be at work there."""
    if age < _OLD:
        raise cannot_mend(
            t(
                "The lock {file} is only {seconds} seconds old: a git may be at work.",
                file=lock,
                seconds=max(0, int(age)),
            ),
            t("Wait half a minute and try again."),
        )
    folder = values.get("folder")
    if pids := at_work(lock, written_path(folder) if folder else None):
        raise cannot_mend(
            t("git is at work there (process {pid}).", pid=", ".join(map(str, pids))),
            t("Wait until it is done, or end it, and try again."),
        )


MEND = Mend("git-unlock", TITLE, _preview, _apply, _verify, _undo, asks=True)
