"""Files that were read last, so that a job after a job reads none of them again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from runtime.request import RequestError

#: files; a LoRA of SDXL's is 50 to 900 MB
KEPT = 4
_Content = TypeVar("_Content")


class Recent(Generic[_Content]):
    """What `read` makes of a file, until the file changes or enough others came after it."""

    def __init__(self, read: Callable[[Path], _Content], kept: int = KEPT) -> None:
        self._read, self._kept = read, kept
        self._files: OrderedDict[tuple[Path, float, int], _Content] = OrderedDict()

    def __call__(self, path: Path) -> _Content:
        """RequestError `network-unreadable`, or whatever `read` says is wrong with the file."""
        try:
            stat = path.stat()
            key = (path, stat.st_mtime, stat.st_size)
            if key not in self._files:
                self._files[key] = self._read(path)
        except OSError as gone:
            what = f"{path.name} cannot be read: {gone.strerror or gone}."
            raise RequestError(
                "network-unreadable", what, "Check its disk, or take its tag out of the prompt."
            ) from gone
        self._files.move_to_end(key)
        while len(self._files) > self._kept:
            self._files.popitem(last=False)
        return self._files[key]
