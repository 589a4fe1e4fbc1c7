"""The contents of files: hashed, and copied on the way; stopped at the user's wish; named once they are whole."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import IO

from launcher.core.events import Progress
from launcher.core.process import CancelledError

_PART = 4 << 20


@contextlib.contextmanager
def written(target: Path, beside: Path | None = None) -> Iterator[IO[bytes]]:
    """A file that gets the name `target` once its bytes are on the disk; broken off (OSError too) it leaves nothing.

    `beside`: where it is written; else at the same name with ".part" behind.
    """
    half = beside or target.with_name(f"{target.name}.part")
    try:
        _remove(half)
        with half.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        half.replace(target)
    except BaseException:
        _remove(half)
        raise


def _remove(half: Path) -> None:
    """If it is there. The mode of its source may be read-only; Windows removes nothing that is."""
    with contextlib.suppress(OSError):
        half.chmod(0o600)
    with contextlib.suppress(OSError):
        half.unlink()


def read_through(
    file: Path, cancel: threading.Event | None, into: IO[bytes] | None = None
) -> Generator[int, None, str]:
    """The SHA-256 of `file`, which is written `into` another; yields the size of each part. OSError, CancelledError."""
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while part := opened.read(_PART):
            if cancel is not None and cancel.is_set():
                raise CancelledError
            digest.update(part)
            if into is not None:
                into.write(part)
            yield len(part)
    return digest.hexdigest()


def told(reading: Generator[int, None, str], done: int, total: int) -> Generator[Progress, None, str]:
    """What `reading` gives; Progress in bytes of the whole pack, `done` of which are done before."""
    while True:
        try:
            done += next(reading)
        except StopIteration as end:
            return str(end.value)
        yield Progress("pack", done, total)


def in_silence(reading: Generator[int, None, str]) -> str:
    """What `reading` gives."""
    while True:
        try:
            next(reading)
        except StopIteration as end:  # noqa: PERF203 - it ends the loop
            return str(end.value)
