"""Small JSON files that survive a kill at any moment: written beside, synced, then renamed over the old one."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from launcher.core.errors import LauncherError, writing
from launcher.core.facts import as_facts

T = TypeVar("T")

#: seconds after which a temporary file that a killed writer left is swept
_ORPHANED = 60


def write_record(path: Path, record: dict[str, Any]) -> None:
    """`record` under `path`, readable by its owner alone: the old content or the new, never a torn one.

    Raises NotWrittenError.
    """
    # In ASCII: a name of a file that is no text (a lone surrogate) can be written so, and is read again as it was.
    write_text(path, json.dumps(record, indent=1))


def write_text(path: Path, text: str) -> None:
    """`text` under `path`, likewise, but who could read the old one still can; raises NotWrittenError."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes, put: Callable[[Path, Path], None] | None = None) -> None:
    """As `write_text`. `put` gives what was written beside its name; None: over whatever has it."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path)
        handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(OSError):
                shutil.copymode(path, beside)
            (put or replace_file)(Path(beside), path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(beside).unlink()
            raise
        _sync_folder(path.parent)


def read_record(path: Path) -> dict[str, Any] | None:
    """The record, or None when there is none or it cannot be read as one."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    # A RecursionError is a thousand brackets.
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def read_typed(path: Path, kind: type[T]) -> T | None:
    """The record as an instance of the frozen dataclass `kind`, or None: there is none, or a value is of another kind.

    Keys that `kind` does not have (another version of Gesso wrote them) do not matter.
    """
    record = read_record(path)
    if record is None:
        return None
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    try:
        return as_facts({name: value for name, value in record.items() if name in known}, kind, path)
    except LauncherError:
        return None


def replace_file(beside: Path, path: Path) -> None:
    """`beside` becomes `path`. On Windows a virus scanner or a reader may hold either for a moment."""
    for _ in range(40):
        with contextlib.suppress(PermissionError):
            beside.replace(path)
            return
        time.sleep(0.05)
    beside.replace(path)


def _sync_folder(folder: Path) -> None:
    """The rename itself reaches the disk; Windows cannot open a folder and needs no such thing."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def sweep(path: Path) -> None:
    """What killed writers of `path` have left beside it goes."""
    for orphan in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - orphan.stat().st_mtime > _ORPHANED:
                orphan.unlink()
