"""A torch file as safetensors, without running anything in it: `python -m runtime.engine.convert SOURCE TARGET`.

Prints lines of JSON: `{"done", "total"}` in bytes now and then, at the end `{"ok", "tensors"}` or `{"ok", "code",
"message"}`; exit code 0 or 1. What was written is read back and compared, bit by bit, before it gets its name.
No more than a piece of the file is in memory, or one tensor whose numbers do not lie in their order.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import struct
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from runtime.engine.outline import read_outline
from runtime.request import RequestError
from runtime.safetensors_header import SIZES, Header, read_header

#: bytes between two lines of progress, and in one piece
_EVERY, _PIECE = 256 * 1024 * 1024, 8 * 1024 * 1024

Say = Callable[[dict[str, Any]], None]


def convert(source: Path, target: Path, say: Say) -> int:
    """How many tensors were written to `target`, which must not be there; RequestError says what is wrong."""
    _check(target)
    # a folder of its own: whoever ends this process can take it away
    work = target.with_name(f".{target.name}.part")
    before = _state(source)
    header = read_outline(source, "model")
    if not header.tensors:
        raise RequestError("model-not-a-model", f"{source.name} holds no tensors.", "Choose another file.")
    try:
        work.mkdir(exist_ok=True)
        part = work / "part"
        with source.open("rb") as file, _numbers(source, header, file) as numbers:
            written = sorted(header.tensors, key=lambda name: -SIZES[header.tensors[name][0]])
            if _state(file.fileno()) != before:
                raise OSError("the original was written to while it was read")
            told = _Told(say, 2 * sum(_size(*header.tensors[name]) for name in written))
            _write(part, header, written, numbers, told)
            _compare(part, header, written, numbers, told)
        shutil.copymode(source, part)
        _check(target)
        part.rename(target)
        return len(written)
    except OSError as refused:
        message = f"{target.name} cannot be written: {refused}."
        raise RequestError("cannot-save", message, "Look whether the disk is full.") from refused
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _state(file: Path | int) -> tuple[int, int] | None:
    """What changes when somebody writes to it; None where it is not there."""
    with contextlib.suppress(FileNotFoundError):
        found = os.stat(file)  # noqa: PTH116 - of a handle too
        return found.st_size, found.st_mtime_ns
    return None


#: the bytes of the tensor of this name, in pieces
_Numbers = Callable[[str], Iterator[bytes]]


def _check(target: Path) -> None:
    if target.exists():
        raise RequestError("already-there", f"{target.name} is there already.", "Rename it first.")


@contextlib.contextmanager
def _numbers(source: Path, header: Header, file: BinaryIO) -> Iterator[_Numbers]:
    """torch is needed, and imported, for tensors alone whose numbers do not lie in their order."""
    with contextlib.ExitStack() as stack:
        opened = None
        if any(name not in header.spans and _size(*about) for name, about in header.tensors.items()):
            from runtime.engine.tensors import open_tensors

            opened = stack.enter_context(open_tensors(source, "model"))

        def of(name: str) -> Iterator[bytes]:
            if name in header.spans:
                yield from _pieces(file, *header.spans[name])
            elif opened is not None and _size(*header.tensors[name]):
                import torch

                yield opened.get(name).reshape(-1).view(torch.uint8).numpy().tobytes()

        yield of


def _pieces(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    while start < end:
        file.seek(start)
        piece = file.read(min(_PIECE, end - start))
        if not piece:
            raise OSError("the file was cut while it was read")
        start += len(piece)
        yield piece


def _size(dtype: str, shape: tuple[int, ...]) -> int:
    size = SIZES[dtype]
    for side in shape:
        size *= side
    return size


def _write(part: Path, header: Header, names: list[str], numbers: _Numbers, told: _Told) -> None:
    entries: dict[str, Mapping[str, Any]] = {"__metadata__": {"format": "pt"}}
    place = 0
    for name in names:
        dtype, shape = header.tensors[name]
        end = place + _size(dtype, shape)
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [place, end]}
        place = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with part.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in names:
            for piece in numbers(name):
                file.write(piece)
                told.did(len(piece))
        file.flush()
        os.fsync(file.fileno())


def _compare(part: Path, header: Header, names: list[str], numbers: _Numbers, told: _Told) -> None:
    written = read_header(part, "model")
    with part.open("rb") as file:
        for name in names:
            same = written.tensors.get(name) == header.tensors[name]
            file.seek(written.spans[name][0])
            for piece in numbers(name):
                same = same and file.read(len(piece)) == piece
                told.did(len(piece))
            if not same:
                raise RequestError("convert-failed", f"{name} was not written as it is.", "Look at the disk.")


class _Told:
    """Written and compared bytes count half each, so that the whole is the file's size."""

    def __init__(self, say: Say, total: int) -> None:
        self._say, self._total, self._done, self._said = say, total, 0, 0

    def did(self, count: int) -> None:
        self._done += count
        if self._done - self._said >= 2 * _EVERY:
            self._said = self._done
            self._say({"done": self._done // 2, "total": self._total // 2})


def _say(record: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(record) + "\n")
    sys.stdout.flush()


def main(words: list[str]) -> int:
    """The exit code."""
    try:
        count = convert(Path(words[0]), Path(words[1]), _say)
    except RequestError as refused:
        _say({"ok": False, "code": refused.code, "message": str(refused)})
        return 1
    _say({"ok": True, "tensors": count})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
