"""Files that are there as a whole or not at all, also after a power cut; and only one changes what is in them."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

_LOG = logging.getLogger(__name__)
_UNREADABLE = (ValueError, OSError, RecursionError)
#: seconds after which what a killed process left beside a file is nobody's any more
_ORPHAN = 3600.0
#: begins the name of what has none yet
_NEW = "gesso-new"
#: seconds that another may take for a change
_PATIENCE = 10.0


class BusyError(OSError):
    """Another process does not let go of a file."""


@contextlib.contextmanager
def alone_with(target: Path, patience: float | None = None) -> Iterator[None]:
    """No other process of ours changes `target` meanwhile: it can be read, changed and written.

    BusyError where another does not let go of it within so many seconds. A folder that takes no lock is worked in
    without one: writing tells what is wrong with it.
    """
    # it is slow to import
    from filelock import FileLock, Timeout

    with contextlib.ExitStack() as held:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(target.with_name(f".{target.name}.lock"))
            held.enter_context(lock.acquire(timeout=_PATIENCE if patience is None else patience))
        except Timeout as busy:
            raise BusyError(errno.EBUSY, "another process is writing it", str(target)) from busy
        except (OSError, NotImplementedError):
            pass
        yield


def read_object(file: Path) -> dict[str, Any] | None:
    """The JSON object in it; None where there is none, or none that can be read: that is moved to the folder tmp."""
    try:
        return _parsed(file)
    except _UNREADABLE:
        # another server may be putting a good one in its place
        with contextlib.suppress(BusyError), alone_with(file):
            return read_object_alone(file)
    return None


def read_object_alone(file: Path) -> dict[str, Any] | None:
    """As `read_object`, by one who is `alone_with` it."""
    try:
        return _parsed(file)
    except _UNREADABLE as broken:
        _LOG.warning("%s cannot be read (%s); it is moved to the folder tmp and the defaults are used.", file, broken)
        try:
            set_aside(file)
        except OSError as refused:
            _LOG.warning("%s cannot be moved: %s", file, refused)
        return None


def _parsed(file: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return None
    if isinstance(found, dict):
        return found
    raise ValueError("it is no JSON object")


def write_whole(target: Path, text: str) -> None:
    """Write UTF-8 text beside `target`, then put it in its place in one move; OSError if that cannot be done.

    Half a letter of UTF-16, which UTF-8 cannot hold, is written as JSON's escape for it.
    """
    write_whole_bytes(target, text.encode("utf-8", "backslashreplace"))


def write_whole_bytes(target: Path, data: bytes) -> None:
    """As `write_whole`."""
    with _beside(target.parent, target.name, data) as made:
        _as_readable_as_before(made, target)
        made.replace(target)


def write_new(folder: Path, names: Iterable[str], data: bytes) -> Path:
    """A file that was not there, under the first of `names` that nobody has; OSError if it cannot be written.

    Two who write at once get two names, and nothing is ever written over.
    """
    with _beside(folder, _NEW, data) as made:
        _as_readable_as_before(made, folder / _NEW)
        return next(target for target in (folder / name for name in names) if _take(made, target))


def _take(made: Path, target: Path) -> bool:
    """`target` is a name of `made` from now on; False where somebody has it."""
    if os.path.lexists(target):
        return False
    try:
        os.link(made, target)
    except FileExistsError:
        return False
    except OSError:
        # A disk without second names (FAT), where the last moment counts.
        made.replace(target)
    return True


@contextlib.contextmanager
def _beside(folder: Path, name: str, data: bytes) -> Iterator[Path]:
    """`data` in a file of `folder` that has no name for others yet, on the disk; it goes if it gets none."""
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder, name)
    handle, made = tempfile.mkstemp(dir=folder, prefix=f".{name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield Path(made)
    finally:
        with contextlib.suppress(OSError):
            Path(made).unlink(missing_ok=True)
    _settle(folder)


def set_aside(file: Path) -> Path:
    """Move a file that is of no use out of the way, under a name with the time; OSError if that cannot be done."""
    place = file.parent / "tmp"
    place.mkdir(exist_ok=True)
    # The process too: two servers that find it torn in one second must not meet.
    stem = f"{file.stem}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    names = (f"{stem}{f'-{number}' if number else ''}{file.suffix}" for number in range(10_000))
    target = next(place / name for name in names if not (place / name).exists())
    file.replace(target)
    return target


def _sweep(folder: Path, name: str) -> None:
    for orphan in folder.glob(f".{_literally(name)}.*.tmp"):
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
