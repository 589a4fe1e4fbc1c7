"""Files that are there as a whole or not at all, also after a power cut."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import time
from pathlib import Path

#: seconds after which what a killed process left beside a file is nobody's any more
_ORPHAN = 3600.0


def write_whole(target: Path, text: str) -> None:
    """Write UTF-8 text beside `target`, then put it in its place in one move; OSError if that cannot be done.

    Half a letter of UTF-16, which UTF-8 cannot hold, is written as JSON's escape for it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8", "backslashreplace"))
            file.flush()
            os.fsync(file.fileno())
        _as_readable_as_before(Path(name), target)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _settle(target.parent)


def set_aside(file: Path) -> Path:
    """Move a file that is of no use out of the way, under a name with the time; OSError if that cannot be done."""
    place = file.parent / "tmp"
    place.mkdir(exist_ok=True)
    stem = f"{file.stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    names = (f"{stem}{f'-{number}' if number else ''}{file.suffix}" for number in range(10_000))
    target = next(place / name for name in names if not (place / name).exists())
    file.replace(target)
    return target


def _sweep(target: Path) -> None:
    for orphan in target.parent.glob(f".{_literally(target.name)}.*.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - orphan.stat().st_mtime > _ORPHAN:
                orphan.unlink()


def _literally(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _as_readable_as_before(made: Path, target: Path) -> None:
    """A temporary file is its owner's alone; what it replaces may not have been."""
    with contextlib.suppress(OSError):
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~_umask()
        made.chmod(mode)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _settle(folder: Path) -> None:
    """The new name too is on the disk; Windows keeps no folder open for that."""
    if os.name == "nt":
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
