"""Torch files as records, read by a process of its own (child.py): this one interprets no pickle.

The child gets the bytes it asks for through a pipe, one file after the other, and answers in JSON, which is checked.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, BinaryIO, cast

from runtime.engine.pickles.records import Make, unpack
from runtime.engine.pickles.sketches import PickleError
from runtime.request import RequestError

_LOG = logging.getLogger(__name__)
_CHECKOUT = Path(__file__).resolve().parents[3]
_CODE = "import sys; sys.path.insert(0, sys.argv[1]); from runtime.engine.pickles.child import main; main()"
#: without site, user and environment: the standard library and the one folder
CHILD = (sys.executable, "-I", "-S", "-c", _CODE, str(_CHECKOUT))
#: of what is in the environment, for the interpreter to start at all
_KEPT = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
#: that a file may take; the child's own limit of processor time is smaller
SECONDS = 300.0
#: bytes that a child may ask for, of one file and at once
_MOST_ASKED, _MOST_AT_ONCE = 512 << 20, 64 << 20
_LARGEST_ANSWER = 48 << 20
_CHUNK = 1 << 20
_AGAIN = "Download the file again and compare its size with the one on the download page."
_FENCES = ("seccomp", "landlock", "sandbox", "job")

Stamp = tuple[int, int, int, int]


@dataclass(frozen=True)
class Records:
    """What a torch file holds, and the state of the file that it was read from."""

    path: Path
    kind: str
    stamp: Stamp
    packed: Mapping[str, Any]

    def build(self, make: Make) -> dict[Any, Any]:
        """The file's dictionary, a tensor as `make` gives it; RequestError `KIND-damaged` or `-not-a-model`."""
        try:
            found = unpack(self.packed, self.stamp[2], make)
        except PickleError as broken:
            raise _damaged(self.path, self.kind, str(broken)) from broken
        if not isinstance(found, dict):
            message = f"{self.path.name} holds no dictionary of tensors."
            raise RequestError(f"{self.kind}-not-a-model", message, "Choose another file.")
        return found

    @contextlib.contextmanager
    def file(self) -> Iterator[BinaryIO]:
        """The very file again; RequestError `KIND-unreadable` if it cannot be opened or has been written to."""
        try:
            with self.path.open("rb", buffering=0) as file:
                if _stamp(os.fstat(file.fileno())) != self.stamp:
                    raise OSError("it was written to while it was read")
                yield file
        except OSError as broken:
            raise _unreadable(self.path, self.kind, str(broken)) from broken


def read_records(path: Path, kind: str, reader: Reader | None = None) -> Records:
    """Of a torch file, by `reader` or a child for this file alone. RequestError `KIND-unreadable`, `-truncated`,
    `-damaged`, or `out-of-memory`.
    """
    try:
        stamp, packed = reader.read(path) if reader else _read_alone(path, _stamp(path.stat()))
    except OSError as broken:
        raise _unreadable(path, kind, str(broken)) from broken
    for code, why in ((one, packed[one]) for one in ("damaged", "truncated", "memory") if one in packed):
        if code == "memory":
            message = f"There is not enough memory to read {path.name}."
            raise RequestError("out-of-memory", message, "Close other programs, or choose another file.")
        if code == "truncated":
            raise RequestError(f"{kind}-truncated", f"{path.name} is cut short: {why!s:.200}.", _AGAIN)
        raise _damaged(path, kind, str(why))
    return Records(path, kind, stamp, packed)


@lru_cache(maxsize=2)
def _read_alone(path: Path, _stamp: Stamp) -> tuple[Stamp, Mapping[str, Any]]:
    """A checkpoint is looked at before it is loaded."""
    with Reader() as reader:
        return reader.read(path)


def _stamp(found: os.stat_result) -> Stamp:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _damaged(path: Path, kind: str, why: str) -> RequestError:
    return RequestError(f"{kind}-damaged", f"{path.name} is no sound torch file: {why:.200}.", _AGAIN)


def _unreadable(path: Path, kind: str, why: str) -> RequestError:
    hint = "Check that it is a file, that you may read it, and that its disk is there."
    return RequestError(f"{kind}-unreadable", f"{path.name} cannot be read: {why}.", hint)


class Reader:
    """One child for several files, started with the first; for one thread."""

    def __init__(self, command: Sequence[str] = CHILD, seconds: float = SECONDS) -> None:
        self._command, self._seconds = command, seconds
        self._child: _Child | None = None

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def read(self, path: Path) -> tuple[Stamp, Mapping[str, Any]]:
        """The state of the file and the child's answer.

        OSError if the file cannot be read, no child be started, or the child died of it.
        """
        with path.open("rb") as file:
            stamp, used = _stamp(os.fstat(file.fileno())), self._child is not None
            try:
                return stamp, self._ask(file)
            except _DiedError:
                # what files before this one left behind is not this one's fault
                if not used:
                    raise
                return stamp, self._ask(file)

    def _ask(self, file: BinaryIO) -> Mapping[str, Any]:
        if self._child is None:
            self._child = _Child(self._command, self._seconds)
        try:
            return self._child.ask(file)
        except BaseException:
            self._end()
            raise

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.end()


class _DiedError(OSError):
    """The child ended, or was ended."""


class _Child:
    def __init__(self, command: Sequence[str], seconds: float) -> None:
        environment = {name: value for name in _KEPT if (value := os.environ.get(name)) is not None}
        # on Windows no console flashes up
        hidden: int = getattr(subprocess, "CREATE_NO_WINDOW", 0)
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
                creationflags=hidden,
            )  # fmt: skip
        except OSError as refused:
            raise OSError(f"no process can be started for it ({refused})") from refused
        self._in, self._out = cast(BinaryIO, self._process.stdin), cast(BinaryIO, self._process.stdout)
        self._seconds, self._late = seconds, False
        self._fenced = False

    def ask(self, file: BinaryIO) -> Mapping[str, Any]:
        """What the child says of the file; `_DiedError` if it ended over it."""
        clock = threading.Timer(self._seconds, self._give_up)
        clock.daemon = True
        clock.start()
        try:
            if not self._fenced:
                _tell_once(*_missing(self._answer(file, 0)))
                self._fenced = True
            size = os.fstat(file.fileno()).st_size
            self._send(struct.pack("<Q", size))
            return self._answer(file, size)
        except EOFError:
            raise _DiedError(self._why()) from None
        finally:
            clock.cancel()

    def _answer(self, file: BinaryIO, size: int) -> Mapping[str, Any]:
        """Its questions about the file's so many bytes answered, up to its answer."""
        left = _MOST_ASKED
        while (mark := self._hear(1)) == b"?":
            place, count = struct.unpack("<QQ", self._hear(16))
            left -= count
            if count > _MOST_AT_ONCE or left < 0 or place + count > size:
                return {"damaged": "its structure takes too many bytes"} | self._leave()
            self._serve(file, place, count)
        (length,) = struct.unpack("<Q", self._hear(8))
        if mark != b"=" or length > _LARGEST_ANSWER:
            return {"damaged": "its reader went astray"} | self._leave()
        try:
            found = json.loads(self._hear(length))
        except (ValueError, RecursionError):
            return {"damaged": "its reader went astray"} | self._leave()
        return found if isinstance(found, dict) else {"damaged": "its reader went astray"}

    def _serve(self, file: BinaryIO, place: int, count: int) -> None:
        file.seek(place)
        while count:
            part = file.read(min(count, _CHUNK))
            if not part:
                raise OSError("it was cut while it was read")
            self._send(part)
            count -= len(part)

    def _send(self, data: bytes) -> None:
        try:
            self._in.write(data)
            self._in.flush()
        except OSError as closed:
            raise EOFError from closed

    def _hear(self, count: int) -> bytes:
        data = self._out.read(count)
        if len(data) < count:
            raise EOFError
        return data

    def _give_up(self) -> None:
        self._late = True
        self._process.kill()

    def _leave(self) -> dict[str, Any]:
        """No further file for this child."""
        self._process.kill()
        return {}

    def _why(self) -> str:
        code = self._process.wait()
        if self._late:
            return f"its reader did not end within {self._seconds:.0f} seconds"
        if code == -getattr(signal, "SIGXCPU", 0):
            return "its reader calculated too long"
        return f"its reader ended with code {code}"

    def end(self) -> None:
        """Nothing of it is left behind."""
        self._process.kill()
        for pipe in (self._in, self._out):
            with contextlib.suppress(OSError):
                pipe.close()
        self._process.wait()


def _missing(told: Mapping[str, Any]) -> tuple[str, ...]:
    """Why none of the system's fences stands around the child; empty where one does."""
    fences, refused = told.get("fences"), told.get("refused")
    if isinstance(fences, list) and any(name in fences for name in _FENCES):
        return ()
    return tuple(str(one)[:200] for one in refused) if isinstance(refused, list) and refused else ("none is known",)


@cache
def _tell_once(*refused: str) -> None:
    """Cached, so that one sentence is said of the same reasons."""
    if refused:
        _LOG.warning(
            "Torch files are read without the system's sandbox (%s); their pickles are still never run.",
            "; ".join(refused),
        )
