"""Lines of a log, whatever its size and encoding: without colours, drawings and progress that writes over itself."""

from __future__ import annotations

import codecs
import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from launcher.core.errors import LauncherError
from launcher.core.text import t

#: bytes that are read at a time
_CHUNK = 1 << 20
#: characters of a line that are looked at; a file without line ends is cut into such pieces
LONGEST = 16384
#: bytes of the beginning by which the encoding is told
_SAMPLE = 65536
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]")
#: control characters become spaces, but for those that end a line; the same numbers in UTF-8 and GB18030
_CONTROLS = bytes(range(9)) + bytes((11, 12)) + bytes(range(14, 27)) + bytes(range(28, 32)) + b"\x7f"
_BLANK = bytes.maketrans(_CONTROLS, b" " * len(_CONTROLS))
#: control characters, and what tables and tracebacks are drawn with; the block elements are progress bars'
_DRAWN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\ufeff\u2500-\u259f]+")
#: a state of a progress bar that the next one is written over
_BAR = re.compile(r"[^\r\n]*\d+ ?%[^\r\n]*\r(?=[^\r\n]*\d+ ?%)")
_OVER = re.compile(r"\r+")


def read_lines(file: Path) -> Iterator[list[str]]:
    """The file's lines, a batch at a time. LauncherError `no-log` where it cannot be read."""
    try:
        with file.open("rb") as stream:
            yield from lines_of(stream)
    except OSError as error:
        raise LauncherError(
            "no-log",
            t("The log {file} cannot be read: {why}.", file=file, why=error.strerror or error),
            t("Check the path; - reads what is piped in."),
        ) from error


def lines_of(stream: BinaryIO) -> Iterator[list[str]]:
    """As `read_lines`, from whatever can be read."""
    rest = ""
    for text in _decoded(stream):
        text = rest + text
        end = text.rfind("\n") + 1
        if not end and len(text) > LONGEST:
            end = len(text)
        if end:
            yield clean(text[:end])
        rest = text[end:]
    if rest:
        yield clean(rest)


def clean(text: str) -> list[str]:
    """The lines of `text` as a reader of the log is meant to see them; an empty one stays, so that numbers hold."""
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
    if "\r" in text:
        text = _over_written(text)
    # the regular expression is slow, and most logs need none
    if not (text.isascii() and text.replace("\n", " ").replace("\t", " ").isprintable()):
        text = _DRAWN.sub(" ", text)
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return [line[:LONGEST] for line in lines]


def _over_written(text: str) -> str:
    """What was written over itself stands side by side in its line, without the states of a progress bar."""
    text = text.replace("\r\n", "\n")
    return _OVER.sub(" ", _BAR.sub("", text)) if "\r" in text else text


def _decoded(stream: BinaryIO) -> Iterator[str]:
    """Text in pieces; UTF-16 as a whole, else line by line UTF-8 or GB18030: logs are mixed by several programs."""
    first = stream.read(_SAMPLE)
    if wide := _wide(first):
        decoder = codecs.getincrementaldecoder(wide)("replace")
        while first:
            yield decoder.decode(first)
            first = stream.read(_CHUNK)
        yield decoder.decode(b"", final=True)
        return
    rest = b""
    while first:
        whole = rest + first
        end = whole.rfind(b"\n") + 1 or (len(whole) if len(whole) > _CHUNK else 0)
        if end:
            yield _narrow(whole[:end])
        rest, first = whole[end:], stream.read(_CHUNK)
    yield _narrow(rest)


def _wide(sample: bytes) -> str | None:
    """The UTF-16 in which it is written, as PowerShell's redirections are; None: it is not."""
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if len(sample) >= 4 and max(even, odd) > len(sample) // 5:
        return "utf-16-le" if odd > even else "utf-16-be"
    return None


def _narrow(piece: bytes) -> str:
    piece = piece.translate(_BLANK)
    try:
        return piece.decode("utf-8")
    except UnicodeDecodeError:
        return "\n".join(map(_line, piece.split(b"\n")))


def _line(line: bytes) -> str:
    for encoding in ("utf-8", "gb18030"):
        with contextlib.suppress(UnicodeDecodeError):
            return line.decode(encoding)
    return line.decode("latin-1")
