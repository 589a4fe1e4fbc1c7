"""The last lines of a log, whatever its size and encoding."""

from __future__ import annotations

import io
from pathlib import Path

from launcher.core.diagnosis.reading import lines_of

#: of each log
LINES = 500
#: bytes in which they are looked for
_BYTES = 256 * 1024


def last_lines(file: Path, count: int = LINES) -> list[str]:
    """The last `count` lines; before them, how many bytes of the log were left out. OSError where it cannot be read."""
    with file.open("rb") as stream:
        size = stream.seek(0, io.SEEK_END)
        # an even place: UTF-16 has two bytes for a sign
        start = max(0, size - _BYTES) & ~1
        stream.seek(0)
        mark = stream.read(2) if start else b""
        stream.seek(start)
        end = stream.read(_BYTES + 1)
    if mark in (b"\xff\xfe", b"\xfe\xff"):
        end = mark + end
    lines = [line for batch in lines_of(io.BytesIO(end)) for line in batch]
    # the first is a half one
    kept = lines[1:] if start else lines
    return ["[…]", *kept[-count:]] if start or len(kept) > count else kept
