"""The file that is not complete yet: its bytes, what is known of them, and how it becomes the file."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import Any

import psutil

from launcher.core.download_request import Address, StoppedError, TroubleError, Wanted
from launcher.core.errors import LauncherError
from launcher.core.records import read_record, write_record
from launcher.core.text import t

_CHUNK = 1024 * 1024
_MIB = 1024 * 1024
#: bytes that are forced to the disk together: what a power cut costs is this, or one hundredth of a large file
_SAFE_STEP = 8 * _MIB
#: what is left free on the disk for everybody else
_SPARE = 16 * _MIB
_FULL = {errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC}
#: what the longest ending (of a record's temporary file) leaves of the 255 bytes that a name may have
_LONGEST_NAME = 200


class Part:
    """`<target>.part` and, beside it, its state; one thread at a time."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self.path = beside(wanted.target, ".part")
        self._state_path = beside(wanted.target, ".part.json")
        self._file: FileIO | None = None
        self._hash = hashlib.sha256()
        self._safe = 0
        #: what the state says, all but the bytes that are safe
        self._recorded: dict[str, Any] | None = None
        #: bytes in the file, each of them in the hash too
        self.length = 0
        #: of the whole file, from whoever said it first
        self.size = wanted.size
        #: of each address, what If-Range carries
        self.validators: dict[str, str] = {}
        #: the addresses whose bytes these are
        self.sources: list[str] = []

    def open(self, going: Callable[[], bool]) -> None:
        """Read what an earlier run left. LauncherError `no-permission`, `disk-full`; StoppedError once not `going`."""
        with self._errors():
            self._wanted.target.parent.mkdir(parents=True, exist_ok=True)
            usable = self._recall()
            self._file = self.path.open("r+b" if usable is not None and self.path.exists() else "w+b", buffering=0)
            self._file.truncate(min(usable or 0, self.path.stat().st_size))
            self._file.seek(0)
            while chunk := self._file.read(_CHUNK):
                if not going():
                    raise StoppedError
                self._hash.update(chunk)
                self.length += len(chunk)
            self._safe = self.length
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
        if self._recorded != self._known():
            with self._errors():
                self._remember()

    def write(self, chunk: bytes) -> None:
        """The next bytes. LauncherError `disk-full`."""
        with self._errors():
            rest = memoryview(chunk)
            while rest:
                # Without a buffer of our own: what a killed process had not written is fetched again.
                rest = rest[self._opened().write(rest) :]
            self._hash.update(chunk)
            self.length += len(chunk)
            if self.length - self._safe >= max(_SAFE_STEP, (self.size or 0) // 100):
                self._secure()

    def restart(self) -> None:
        """Forget every byte."""
        with self._errors():
            self._opened().seek(0)
            self._opened().truncate()
        self._hash, self.length, self._safe, self.sources = hashlib.sha256(), 0, 0, []
        self.size = self._wanted.size

    def close(self) -> None:
        """Keep it for the next run; an empty one is not worth keeping."""
        if self._file is None:
            return
        with contextlib.suppress(OSError):
            self._file.close()
        self._file = None
        if self.length == 0:
            self._sweep(self.path, self._state_path)

    def finish(self) -> str:
        """Check it, and let it become the target; its SHA-256. TroubleError `wrong-bytes`: every byte is forgotten."""
        digest = self._hash.hexdigest()
        if self._wanted.sha256 is not None and digest != self._wanted.sha256.lower():
            # Of two addresses either may have sent the wrong ones: each has another chance, alone.
            guilty = len(self.sources) < 2
            self.restart()
            why = t("what came is not this file: its SHA-256 is another")
            raise TroubleError("wrong-bytes", why, final=guilty)
        with self._errors():
            os.fsync(self._opened().fileno())
            self._opened().close()
            self._file = None
            _replace(self.path, self._wanted.target)
        self._sweep(self._state_path)
        return digest

    def _opened(self) -> FileIO:
        if self._file is None:
            raise StoppedError
        return self._file

    def _recall(self) -> int | None:
        """How many bytes of the file can be believed; None: none of them."""
        state = read_record(self._state_path) or {}
        same = state.get("version") == 1 and state.get("sha256") == self._wanted.sha256
        size, safe = state.get("size"), state.get("safe")
        if (
            not same
            or not isinstance(safe, int)
            or (size != self._wanted.size and None not in (size, self._wanted.size))
        ):
            return None
        self.size = self._wanted.size if self._wanted.size is not None else size
        self.validators = {str(key): str(value) for key, value in dict(state.get("validators") or {}).items()}
        self.sources = [str(key) for key in state.get("sources") or ()]
        # A process that is killed loses nothing that it wrote; a computer that stops may.
        rebooted = abs(float(state.get("boot") or 0) - psutil.boot_time()) > 5
        self._recorded = None if rebooted else self._known()
        return safe if rebooted else self.path.stat().st_size if self.path.exists() else 0

    def _known(self) -> dict[str, Any]:
        return {"size": self.size, "validators": dict(self.validators), "sources": list(self.sources)}

    def _remember(self) -> None:
        self._recorded = self._known()
        record = {"version": 1, "sha256": self._wanted.sha256, "safe": self._safe, "boot": psutil.boot_time()}
        write_record(self._state_path, record | self._recorded)

    def _secure(self) -> None:
        os.fsync(self._opened().fileno())
        self._safe = self.length
        self._remember()

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
    if len(name.encode()) > _LONGEST_NAME:
        digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:12]
        name = name.encode()[: _LONGEST_NAME - 16].decode("utf-8", "ignore") + "~" + digest
    return target.with_name(name + ending)


def check_space(target: Path, needed: int) -> None:
    """LauncherError `disk-full` if `needed` more bytes have no room where `target` lies."""
    try:
        free = shutil.disk_usage(target.parent).free
    except OSError:
        return
    if needed + _SPARE > free:
        raise LauncherError(
            "disk-full",
            t(
                "{folder} has {free} MiB free; {name} needs {needed} MiB more.",
                folder=target.parent, free=free // _MIB, name=target.name, needed=-(-needed // _MIB),
            ),
            t("Free some space there, or choose another folder with --root; what has been downloaded is kept."),
        )  # fmt: skip


def disk_error(target: Path, error: OSError) -> LauncherError:
    """What the disk said, as a named failure."""
    if error.errno in _FULL:
        return LauncherError(
            "disk-full",
            t("The disk became full while {name} was written to {folder}.", name=target.name, folder=target.parent),
            t("Free some space there, or choose another folder with --root; what has been downloaded is kept."),
        )
    return LauncherError(
        "no-permission",
        t("The file {file} cannot be written: {why}.", file=target, why=error.strerror or error),
        t("Choose a folder of your own with --root."),
    )


def _replace(source: Path, target: Path) -> None:
    """On Windows a virus scanner may hold a new file for a moment."""
    for _ in range(40):
        with contextlib.suppress(PermissionError):
            source.replace(target)
            return
        time.sleep(0.05)
    source.replace(target)
