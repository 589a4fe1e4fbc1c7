"""How much room all requests have together: their bodies in memory, what browsers send on the disk."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

#: bytes of a body that count nowhere: what looks on and what stops finds room at all times
FREE = 1 << 20
#: bytes of all bodies at once, or a few of the largest
_IN_MEMORY, _OF_THE_LARGEST = 1 << 30, 4
#: bytes of all files in Gradio's cache, and those that stay free on its disk
_IN_THE_CACHE, _SPARE = 4 << 30, 512 << 20
#: what folders are called that Gradio makes for a file (its SHA-256), and the page for a job's pictures (a UUID)
_GRADIOS, _PAGES = re.compile("[0-9a-f]{64}"), re.compile("[0-9a-f]{32}")
#: seconds for which somebody may be using a file there
_IN_USE = 600.0


@dataclass
class Room:
    """Bytes that may be held at once, and of these by one who asks."""

    most: int
    of_one: int
    held: int = 0
    _of: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of_bodies(cls, largest: int, shared: bool) -> Room:
        """For bodies of at most `largest` bytes; where it is shared, half of it for one who asks."""
        most = max(_IN_MEMORY, largest * _OF_THE_LARGEST)
        return cls(most, most // 2 if shared else most)

    @classmethod
    def of_files(cls, largest: int, shared: bool) -> Room:
        """For files that browsers send, `largest` bytes at once, on their way into the cache."""
        return cls(max(_IN_THE_CACHE // 2, largest), largest if shared else max(_IN_THE_CACHE // 2, largest))

    def take(self, who: str, count: int) -> bool:
        """So many bytes more; False, and none is taken, where there is no room for them."""
        if self.held + count > self.most or self._of[who] + count > self.of_one:
            return False
        self.held += count
        self._of[who] += count
        return True

    def leave(self, who: str, count: int) -> None:
        """They are held no more."""
        self.held -= count
        self._of[who] -= count
        if self._of[who] <= 0:
            del self._of[who]


class Share:
    """What one request holds of a room, until it is answered."""

    def __init__(self, room: Room) -> None:
        self._room, self._held = room, 0
        #: who asks, once that is proved; only then a body is read
        self.who = ""

    def grow(self, size: int) -> bool:
        """Hold as much as a body of so many bytes needs; False where there is no room."""
        more = max(size - FREE, 0) - self._held
        if more <= 0:
            return True
        if not self._room.take(self.who, more):
            return False
        self._held += more
        return True

    def leave(self) -> None:
        """Hold nothing more."""
        self._room.leave(self.who, self._held)
        self._held = 0


def make_room(cache: Path, wanted: int) -> bool:
    """Is there room for `wanted` bytes more? The oldest copies in `cache` go for them, not those that are in use.

    None goes where that would not be enough.
    """
    files = sorted(_copies(cache))
    missing = max(sum(size for _, size, _ in files) + wanted - _IN_THE_CACHE, wanted + _SPARE - _free(cache))
    idle = [(size, path) for since, size, path in files if since <= time.time() - _IN_USE]
    if missing > sum(size for size, _ in idle):
        return False
    for size, path in idle:
        if missing <= 0:
            break
        with contextlib.suppress(OSError):
            Path(path).unlink()
            missing -= size
    return missing <= 0


def _copies(cache: Path) -> Iterator[tuple[float, int, str]]:
    """(since when it lies there, bytes, path); the time of its last change is no help, as copies keep it.

    Of Gradio's copies and of the page's pictures: the folder may be the user's own, with other things in it.
    """
    for top in (*_folders(cache, _GRADIOS), *_folders(cache / "pictures", _PAGES)):
        for place, _, names in os.walk(top):
            for name in names:
                path = os.path.join(place, name)  # noqa: PTH118 - for each of thousands of files
                with contextlib.suppress(OSError):
                    found = os.lstat(path)
                    if stat.S_ISREG(found.st_mode):
                        yield found.st_ctime, found.st_size, path


def _folders(where: Path, names: re.Pattern[str]) -> list[str]:
    with contextlib.suppress(OSError), os.scandir(where) as found:
        return [each.path for each in found if names.fullmatch(each.name) and each.is_dir(follow_symlinks=False)]
    return []


def _free(folder: Path) -> int:
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    return shutil.disk_usage(there).free
