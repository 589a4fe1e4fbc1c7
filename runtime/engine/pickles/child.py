"""The process in which a pickle is read. It is given bytes of files, and opens nothing itself.

In: a file's size; then, for each question, so many bytes. Out: `?` with place and count, or `=` with an answer in
JSON, the first before any file: which of the system's fences stand around this process. Numbers are 8 bytes each.
"""

from __future__ import annotations

import codecs
import json
import os
import struct
from typing import Any, BinaryIO

from runtime.engine.pickles.confinement import confine
from runtime.engine.pickles.records import pack
from runtime.engine.pickles.sketches import PickleError
from runtime.engine.pickles.torch_file import Source, read_torch_file

QUESTION, ANSWER = b"?", b"="
#: bytes of one answer; the largest training checkpoints take some five million
LARGEST_ANSWER = 48 * 1024 * 1024
#: by which texts in pickles and archives are decoded; behind the fences no module can be imported any more
_CODECS = ("utf-8", "ascii", "latin-1", "cp437", "raw-unicode-escape", "unicode-escape")


class _Asked:
    """A file of which the other side gives the bytes that are asked for."""

    def __init__(self, size: int, given: BinaryIO, said: BinaryIO) -> None:
        self._size, self._given, self._said = size, given, said

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice, /) -> bytes:
        start, end, _ = part.indices(self._size)
        if end <= start:
            return b""
        self._said.write(QUESTION + struct.pack("<QQ", start, end - start))
        self._said.flush()
        return self._given.read(end - start)


def main() -> None:
    """Until the other side closes its end."""
    given, said = os.fdopen(0, "rb"), os.fdopen(1, "wb")
    for name in _CODECS:
        codecs.lookup(name)
    _answer(said, confine())
    while len(size := given.read(8)) == 8:
        _answer(said, told(_Asked(int.from_bytes(size, "little"), given, said)))


def _answer(said: BinaryIO, answer: dict[str, Any]) -> None:
    try:
        text = json.dumps(answer, separators=(",", ":")).encode()
    except MemoryError:
        text = b'{"memory": ""}'
    if len(text) > LARGEST_ANSWER:
        text = json.dumps({"damaged": f"it takes {len(text):,} bytes to say what is in it"}).encode()
    said.write(ANSWER + struct.pack("<Q", len(text)) + text)
    said.flush()


def told(source: Source) -> dict[str, Any]:
    """The file's records, or what is wrong with it: `damaged` or `truncated` and why, or `memory`."""
    try:
        return pack(read_torch_file(source))
    except PickleError as broken:
        return {"damaged": str(broken)}
    except EOFError as cut:
        return {"truncated": str(cut)}
    except MemoryError:
        return {"memory": ""}
    except Exception as broken:  # noqa: BLE001 - whatever a file brings about here is the file's fault
        return {"damaged": f"{type(broken).__name__}"}
