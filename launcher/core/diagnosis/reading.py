"""Lines of a log, whatever its size and encoding: without colours, drawings and progress that writes over itself."""

from __future__ import annotations

import codecs
import contextlib
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from launcher.core.errors import LauncherError
from launcher.core.text import t

#: bytes that are read at a time
_CHUNK = 1 << 20
#: characters of a line that are looked at: of a longer one the beginning and the end, where a message stands
LONGEST = 16384
#: of the first bytes the share that may be control characters in what is still text
_BINARY = 0.05
#: spinners write over themselves with it
_BACKSPACE = 8
#: bytes of the beginning by which the encoding is told
_SAMPLE = 65536
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]")
#: control characters become spaces, but for those that end a line; the same numbers in UTF-8 and GB18030
_CONTROLS = bytes(range(9)) + bytes((11, 12)) + bytes(range(14, 27)) + bytes(range(28, 32)) + b"\x7f"
_BLANK = bytes.maketrans(_CONTROLS, b" " * len(_CONTROLS))
#: control characters, and what tables and tracebacks are drawn with; the block elements are progress bars'
_DRAWN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\ufeff\u2500-\u259f]+")
#: a state of a progress bar
_STATE = re.compile(r"\d ?(?:%|[kKMG]i?B/s|it/s)|s/it")
_MESSAGE = re.compile(r"rror|RROR|xception")


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
    """As `read_lines`, from whatever can be read; LauncherError `not-a-log` where it is no text."""
    rest = ""
    for piece in _decoded(stream):
        whole, end, last = piece.rpartition("\n")
        if end:
            yield clean(f"{rest}{whole}\n")
            rest = last
        else:
            rest = _shortened(rest + last)
    if rest:
        yield clean(rest)


def clean(text: str) -> list[str]:
    """The lines of `text` as a reader of the log is meant to see them; an empty one stays, so that numbers hold."""
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
    text = text.replace("\r\n", "\n")
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    if "\r" in text:
        lines = [_last_states(line) if "\r" in line else line for line in lines]
    # the regular expression is slow, and most logs need none
    if not (text.isascii() and text.replace("\n", " ").replace("\t", " ").isprintable()):
        lines = [_DRAWN.sub(" ", line) for line in lines]
    return [_shortened(line) if len(line) > LONGEST else line for line in lines]


def _last_states(line: str) -> str:
    """What was written over itself stands side by side, without the states of a progress bar but the last."""
    states = line.split("\r")
    is_bar = [bool(_STATE.search(state)) and not _MESSAGE.search(state) for state in states]
    over = [*(this and following for this, following in pairwise(is_bar)), False]
    return " ".join(state for state, gone in zip(states, over, strict=True) if state and not gone)


def _shortened(line: str) -> str:
    """The beginning and the end of a line that is too long to be looked at."""
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 4]} … {line[-LONGEST * 3 // 4 + 3 :]}"


def _decoded(stream: BinaryIO) -> Iterator[str]:
    """Text in pieces; UTF-16 as a whole, else line by line UTF-8 or GB18030: logs are mixed by several programs."""
    first = stream.read(_SAMPLE)
    wide = _wide(first)
    if not wide and _is_binary(first):
        raise LauncherError(
            "not-a-log",
            t("This is no text, so it is no log."),
            t("Give the file into which the program writes its messages, often one that ends in .log or .txt."),
        )
    if wide:
        decoder = codecs.getincrementaldecoder(wide)("replace")
        while first:
            yield decoder.decode(first)
            first = stream.read(_CHUNK)
        yield decoder.decode(b"", final=True)
        return
    rest = b""
    while first:
        whole = rest + first
        end = whole.rfind(b"\n") + 1 or (_sign_end(whole) if len(whole) > _CHUNK else 0)
        if end:
            yield _narrow(whole[:end])
        rest, first = whole[end:], stream.read(_CHUNK)
    yield _narrow(rest)


def _wide(sample: bytes) -> str | None:
    """The UTF-16 in which it is written, as PowerShell's redirections are; None: it is not."""
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    pairs = [sample[at : at + 2] for at in range(0, len(sample) - 1, 2)]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if len(sample) >= 4 and max(even, odd) > len(sample) // 5 and b"\0\0" not in pairs:
        return "utf-16-le" if odd > even else "utf-16-be"
    return None


def _is_binary(sample: bytes) -> bool:
    """Text has hardly any control characters; zeros at the end are what a power cut leaves of a log."""
    sample = sample.rstrip(b"\0")
    controls = sum(map(sample.count, (bytes((code,)) for code in _CONTROLS if code != _BACKSPACE)))
    return controls > _BINARY * len(sample)


def _sign_end(piece: bytes) -> int:
    """Where the last whole sign of UTF-8 ends."""
    end = len(piece)
    while end > len(piece) - 4 and piece[end - 1] & 0xC0 == 0x80:
        end -= 1
    return end - 1 if piece[end - 1] >= 0xC0 else len(piece)


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
