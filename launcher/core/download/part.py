"""The file that is not complete yet: its bytes, what is known of them, and how it becomes the file."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from io import FileIO
from pathlib import Path
from typing import Literal

from launcher.core.download.digest import Digest
from launcher.core.download.disk import Sync, check_space, disk_error
from launcher.core.download.request import Address, StoppedError, TroubleError, Wanted
from launcher.core.download.state import State, read_state, write_state
from launcher.core.errors import LauncherError
from launcher.core.records import replace_file
from launcher.core.text import t

#: the ending of a file that is not complete yet
PART = ".gesso-part"
_CHUNK = 1024 * 1024
_MIB = 1024 * 1024
#: bytes that are forced to the disk together: what a power cut costs is this, or one hundredth of a large file
_SAFE_STEP = 8 * _MIB
#: what the longest ending (of a record's temporary file) leaves of the 255 bytes that a name may have
_LONGEST_NAME = 200


class Part:
    """`<target>.gesso-part` and, beside it, its state; one thread at a time.

    Browsers name theirs `.part`; without a state of ours nothing is opened that has a single byte.
    """

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self.path = beside(wanted.target, PART)
        self._state_path = beside(wanted.target, f"{PART}.json")
        self._file: FileIO | None = None
        self._digest, self._sync = Digest(), Sync()
        self._safe = self._secured = 0
        #: held while the state is written; another `_life` since then: what was to be written is no longer true
        self._recording, self._life = threading.Lock(), 0
        #: what the state says
        self._recorded: State | None = None
        #: bytes in the file, each of them in the hash too
        self.length = 0
        #: of the whole file, from whoever said it first
        self.size = wanted.size
        #: of each address, what If-Range carries
        self.validators: dict[str, str] = {}
        #: the addresses whose bytes these are
        self.sources: list[str] = []

    def open(self) -> Iterator[int]:
        """Read what an earlier run left, yielding how far. LauncherError `no-permission`, `disk-full`."""
        with self._errors():
            self._wanted.target.parent.mkdir(parents=True, exist_ok=True)
            usable = self._recall()
            self._file = self.path.open(self._mode(), buffering=0)
            self._file.truncate(usable)
            while chunk := self._file.read(_CHUNK):
                self._digest.add(chunk)
                self.length += len(chunk)
                yield self.length
            self._safe = self._secured = self.length
        if self.size is not None:
            check_space(self._wanted.target, self.size - self.length)

    def may_continue(self, address: Address) -> bool:
        """Without a hash to judge the whole, bytes of two addresses, or of two versions, are not mixed."""
        if self.length == 0:
            return False
        return self._wanted.sha256 is not None or (self.sources == [address.key] and address.key in self.validators)

    def begin(self, address: Address, offset: int, total: int | None, validator: str | None) -> None:
        """The bytes from `offset` on come from `address`. LauncherError `disk-full` before the first one is written."""
        if offset != self.length:
            self.restart()
        self.size = self._wanted.size if self._wanted.size is not None else total
        self.validators.pop(address.key, None)
        if validator:
            self.validators[address.key] = validator
        if address.key not in self.sources:
            self.sources.append(address.key)
        if self.size is not None:
            check_space(self._wanted.target, self.size - self.length)
        # Forcing a record to the disk takes as long as many bytes do: only where it says something new.
        if self._recorded is None or self._recorded != replace(self._known(), safe=self._recorded.safe):
            with self._errors(), self._recording:
                self._remember()

    def write(self, chunk: bytes) -> None:
        """The next bytes. LauncherError `disk-full`."""
        with self._errors():
            rest = memoryview(chunk)
            while rest:
                # Without a buffer of our own: what a killed process had not written is fetched again.
                rest = rest[self._opened().write(rest) :]
            self._digest.add(chunk)
            self.length += len(chunk)
            if self.length - self._secured >= max(_SAFE_STEP, (self.size or 0) // 100):
                self._secure()

    def restart(self) -> None:
        """Forget every byte."""
        with self._errors(), self._recording:
            self._opened().seek(0)
            self._opened().truncate()
            self._life += 1
            self._digest.end()
            self._digest, self.length, self._safe, self._secured, self.sources = Digest(), 0, 0, 0, []
        self.size = self._wanted.size

    def close(self) -> None:
        """Keep it for the next run; an empty one is not worth keeping."""
        if self._file is None:
            return
        self._life += 1
        self._digest.end()
        with contextlib.suppress(OSError):
            self._file.close()
        self._file = None
        if self.path.exists() and not self.path.stat().st_size:
            self._sweep(self.path, self._state_path)

    def finish(self, *, replace: bool) -> str:
        """Check it, and let it become the target; its SHA-256. TroubleError `wrong-bytes`: every byte is forgotten.
        LauncherError `already-there` where something has come under that name, unless `replace`.
        """
        digest = self._digest.hexdigest()
        if self._wanted.sha256 is not None and digest != self._wanted.sha256.lower():
            # Of two addresses either may have sent the wrong ones: each has another chance, alone.
            guilty = len(self.sources) < 2
            self.restart()
            why = t("what came is not this file: its SHA-256 is another")
            raise TroubleError("wrong-bytes", why, final=guilty)
        with self._errors():
            self._sync.wait()
            os.fsync(self._opened().fileno())
            self._opened().close()
            self._file = None
            if replace:
                replace_file(self.path, self._wanted.target)
            else:
                self._put()
        self._sweep(self._state_path)
        return digest

    def _put(self) -> None:
        try:
            put_beside(self.path, self._wanted.target)
        except FileExistsError:
            raise occupied(self._wanted.target) from None

    def _opened(self) -> FileIO:
        if self._file is None:
            raise StoppedError
        return self._file

    def _mode(self) -> Literal["r+b", "x+b"]:
        """LauncherError `already-there` for a file of somebody else."""
        try:
            ours = self._state_path.exists() or not self.path.lstat().st_size
        except FileNotFoundError:
            return "x+b"
        if not ours or self.path.is_symlink():
            raise occupied(self.path)
        return "r+b"

    def _recall(self) -> int:
        """How many bytes of the file can be believed."""
        found, wanted = read_state(self._state_path), self._wanted
        if found is None or not self.path.exists() or found.sha256 != wanted.sha256:
            return 0
        if wanted.size is not None and found.size not in (None, wanted.size):
            return 0
        self.size = wanted.size if wanted.size is not None else found.size
        self.validators, self.sources = dict(found.validators), list(found.sources)
        self._recorded = found if found.same_boot else None
        length = self.path.stat().st_size
        return length if found.same_boot else min(length, found.safe)

    def _known(self) -> State:
        return State(self._wanted.sha256, self.size, self._safe, dict(self.validators), tuple(self.sources))

    def _remember(self) -> None:
        self._recorded = self._known()
        write_state(self._state_path, self._recorded)

    def _secure(self) -> None:
        length, life = self.length, self._life

        def record() -> None:
            with self._recording:
                if life == self._life:
                    self._safe = length
                    self._remember()

        if self._sync.start(self._opened(), record):
            self._secured = length

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise disk_error(self._wanted.target, error) from error

    @staticmethod
    def _sweep(*paths: Path) -> None:
        for path in paths:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def beside(target: Path, ending: str) -> Path:
    """`target` with `ending`; a name that would become too long for the disk is shortened, and stays its own."""
    name = target.name
    # A name need not be text: what is no UTF-8 stands in it as surrogates.
    encoded = name.encode("utf-8", "surrogateescape")
    if len(encoded) > _LONGEST_NAME:
        name = encoded[: _LONGEST_NAME - 16].decode("utf-8", "ignore") + "~" + hashlib.sha256(encoded).hexdigest()[:12]
    return target.with_name(name + ending)


def put_beside(source: Path, target: Path) -> None:
    """`source` becomes `target`: a second name first, because a rename would go over what lies there.

    FileExistsError where anything does, be it a link that leads nowhere; OSError.
    """
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:
        # A disk without second names (FAT).
        if os.path.lexists(target):
            raise FileExistsError(target) from None
        replace_file(source, target)
    else:
        source.unlink()


def sweep_twin(target: Path) -> None:
    """A process that was killed between the second name and the end of the first has left both."""
    part = beside(target, PART)
    with contextlib.suppress(OSError):
        if part.samefile(target):
            part.unlink()
            beside(target, f"{PART}.json").unlink(missing_ok=True)


def occupied(place: Path) -> LauncherError:
    """The failure for a name that somebody else's file has."""
    return LauncherError(
        "already-there",
        t("Another file lies at {file}.", file=place),
        t("Rename or move it, then try again."),
    )
