"""Checkpoints that could not be read, remembered so that not every job tries them again."""

from __future__ import annotations

from pathlib import Path

from runtime.request import RequestError
from runtime.tasks import Load, Stamp


class Refusals:
    """Only faults of the file count: memory that ran out may be there the next time. A changed file is forgotten."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[Stamp, RequestError]] = {}

    def add(self, load: Load, error: RequestError) -> None:
        """Remember why this load failed, if the file itself is at fault."""
        if error.code.startswith("checkpoint-"):
            self._known[load.path] = load.stamp, error

    def of(self, path: Path) -> RequestError | None:
        """Why the file cannot be loaded, as long as it is the same file."""
        stamp, error = self._known.get(path, (None, None))
        return error if stamp == stamp_of(path) else None

    def forget(self) -> None:
        """Everything may be tried again."""
        self._known.clear()


def stamp_of(path: Path) -> Stamp:
    """Changes when the file's content does."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
