"""What lies in a model's file, told from its first bytes and its header; no tensor is read and nothing is run."""

from __future__ import annotations

import math
import os
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from launcher.core.models.header import SIZES, Tensors, take_apart
from launcher.core.models.pickles import PickleError, Strange, TruncatedError, read_torch_file
from launcher.core.text import t

#: the runtime's own limit (its safetensors reader): what is beyond it it refuses to load
LARGEST_HEADER = 8_000_000
_START = 512
_WEB = (b"<!doctype", b"<html", b"<head", b"<?xml")
#: a FIFO or a device opens at once instead of waiting for a writer; Windows has neither
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class BrokenError(ValueError):
    """The file is no sound model; `code` is one of models_problems.PROBLEMS, `detail` numbers or a name."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code, self.detail = code, detail


@dataclass(frozen=True)
class Outline:
    """`tensors`: name -> (type as safetensors calls it, shape); a pickle's strings and strange globals beside them."""

    format: str
    tensors: Tensors = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    #: type -> bytes of it
    amounts: Mapping[str, int] = field(default_factory=dict)
    #: of a pickle: keys and words that are no tensor's name
    words: frozenset[str] = frozenset()
    strange: Strange = field(default_factory=Strange)


def read_outline(path: Path) -> Outline:
    """BrokenError says what is wrong with the file; OSError when it cannot be read."""
    with open_plainly(path) as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(_START)
        _refuse_what_is_no_model(start, size)
        if is_torch_file(start):
            return _torch_file(file, size)
        if start[:4] == b"GGUF":
            return Outline("gguf")
        return _safetensors(file, start, size)


def open_plainly(path: Path) -> BinaryIO:
    """A regular file, for reading; anything else is an OSError whose strerror is a Text, and never waited for."""
    handle = os.open(path, _READ)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(22, t("it is no ordinary file"))
    return os.fdopen(handle, "rb")


def is_torch_file(start: bytes) -> bool:
    """torch's zip, or a pickle of protocol 2 to 5 that is no safetensors header's length."""
    pickle = start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")
    return start.startswith(b"PK\x03\x04") or (pickle and start[8:9] != b"{")


def _refuse_what_is_no_model(start: bytes, size: int) -> None:
    """What people really have under a model's name, by its first bytes."""
    if size == 0:
        raise BrokenError("empty")
    if start.startswith(b"version https://git-lfs"):
        raise BrokenError("lfs-pointer")
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_WEB):
        raise BrokenError("web-page")
    if size < 9:
        raise BrokenError("truncated", f"{size}")


def _torch_file(file: BinaryIO, size: int) -> Outline:
    try:
        found = read_torch_file(file, size)
    except TruncatedError as short:
        raise BrokenError("truncated", str(short)) from None
    except PickleError as broken:
        raise BrokenError("damaged", str(broken)) from None
    return Outline(found.format, found.tensors, {}, _amounts(found.tensors), frozenset(found.words), found.strange)


def _amounts(tensors: Tensors) -> dict[str, int]:
    amounts: dict[str, int] = {}
    for dtype, shape in tensors.values():
        amounts[dtype] = amounts.get(dtype, 0) + math.prod(shape) * SIZES.get(dtype, 0)
    return amounts


def _safetensors(file: BinaryIO, start: bytes, size: int) -> Outline:
    (length,) = struct.unpack("<Q", start[:8])
    if start[8:9] != b"{":
        raise BrokenError("not-a-model")
    if 8 + length > size:
        raise BrokenError("truncated", f"{size}")
    if length > LARGEST_HEADER:
        raise BrokenError("damaged", f"header of {length} bytes")
    text = start[8 : 8 + length]
    if len(text) < length:
        text += file.read(length - len(text))
    return _checked(text, size - 8 - length)


def _checked(text: bytes, room: int) -> Outline:
    """The header against the `room` bytes that follow it."""
    try:
        header = take_apart(text)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as broken:
        raise BrokenError("damaged", str(broken)[:120]) from None
    if header.end > room:
        raise BrokenError("truncated", f"{header.end - room} / {header.end}")
    if header.end < room:
        raise BrokenError("damaged", f"{room - header.end} bytes too many")
    return Outline("safetensors", header.tensors, header.metadata, header.amounts)
