"""The header of a safetensors file, checked before any tensor is read; the file is judged by content, not by name."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.request import RequestError

#: SDXL's has 300,000 bytes for 2,500 tensors, a large LoRA's metadata a million
LARGEST_HEADER = 8_000_000
MOST_TENSORS = 12_000
#: quotation marks; and outside of texts bytes, what opens, and commas: what so many tensors take, and some metadata
_MOST_QUOTES, _MOST_BARE, _MOST_OPENED, _MOST_COMMAS = (each * MOST_TENSORS for each in (11, 100, 4, 12))
#: dimensions, as torch counts them; a convolution's kernel has four
MOST_SIDES = 64
#: numbers in a tensor; from here on torch's own arithmetic overflows
_TOO_MANY = 2**60
SIZES = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 1),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
    **dict.fromkeys(("U32", "I32", "F32"), 4),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 8),
}
_AGAIN = "Download the file again and compare its size with the one on the download page."
_FETCH = "Fetch the file itself (the download button of its page, or `git lfs pull`)."


@dataclass(frozen=True)
class Header:
    """`tensors`: name -> (dtype, shape); `metadata`: what the maker wrote, strings only; `spans`: name -> (start, end)
    of its bytes in the file, in safetensors alone.
    """

    tensors: dict[str, tuple[str, tuple[int, ...]]]
    metadata: dict[str, str]
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)


def read_header(path: Path, kind: str = "file") -> Header:
    """Read and check the header; no tensor is read. RequestError codes: KIND-missing, -empty, -unreadable,
    -is-web-page, -is-lfs-pointer, -is-pickle, -truncated, -damaged, -not-a-model.
    """
    try:
        with path.open("rb") as file:
            start = file.read(512)
            size = path.stat().st_size
            _refuse_other_kinds(kind, path.name, start, size)
            (length,) = struct.unpack("<Q", start[:8])
            _check_length(kind, path.name, start, length, size)
            file.seek(8)
            text = file.read(length)
    except FileNotFoundError:
        raise RequestError(
            f"{kind}-missing", f"There is no file {path.name}.", "Choose another one, or refresh the list."
        ) from None
    except OSError as refused:
        raise RequestError(
            f"{kind}-unreadable",
            f"{path.name} cannot be read: {refused.strerror or refused}.",
            "Check that it is a file, that you may read it, and that its disk is there.",
        ) from refused
    return _checked(kind, path.name, text, size - 8 - length)


def is_torch_file(start: bytes) -> bool:
    """By the first bytes: a zip, or a pickle of protocol 2 to 5 that is no safetensors header's length."""
    return start.startswith(b"PK\x03\x04") or (
        start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05") and start[8:9] != b"{"
    )


def starts_as_torch_file(path: Path) -> bool:
    """False too for what cannot be read: the reader of the other format says why."""
    try:
        with path.open("rb") as file:
            return is_torch_file(file.read(16))
    except OSError:
        return False


def _refuse_other_kinds(kind: str, name: str, start: bytes, size: int) -> None:
    """Name what people really have under `.safetensors`, by its first bytes."""
    if size == 0:
        raise RequestError(f"{kind}-empty", f"{name} is empty (0 bytes).", _AGAIN)
    if size < 9:
        raise RequestError(f"{kind}-truncated", f"{name} ends after {size} bytes.", _AGAIN)
    if start.startswith(b"version https://git-lfs"):
        raise RequestError(f"{kind}-is-lfs-pointer", f"{name} is only a git-lfs note about the model.", _FETCH)
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        message = f"{name} is a web page that was saved under a model's name."
        raise RequestError(f"{kind}-is-web-page", message, _FETCH)
    if is_torch_file(start):
        raise RequestError(
            f"{kind}-is-pickle",
            f"{name} is a torch file (.ckpt, .pt) under another name.",
            "Give it the ending .ckpt or .pt, or take the .safetensors version of this model.",
        )


def _check_length(kind: str, name: str, start: bytes, length: int, size: int) -> None:
    if start[8:9] == b"{" and 8 + length > size:
        raise RequestError(f"{kind}-truncated", f"{name} ends in its header: {size:,} bytes are there.", _AGAIN)
    if start[8:9] != b"{":
        raise RequestError(
            f"{kind}-not-a-model", f"{name} is neither a safetensors nor a torch file.", "Choose another file."
        )
    if length > LARGEST_HEADER:
        raise RequestError(f"{kind}-damaged", f"The header of {name} claims {length:,} bytes.", _AGAIN)


def _checked(kind: str, name: str, text: bytes, room: int) -> Header:
    """Parse, as strictly as the library that reads the tensors; compare with the `room` bytes that follow."""
    try:
        names = _count_names(text)
        found = json.loads(text.decode(), parse_constant=_no_number, parse_float=_no_number)
        own = "__metadata__" in found
        metadata = _metadata(found.pop("__metadata__", None))
        if len(found) > MOST_TENSORS:
            raise ValueError(f"{len(found):,} tensors")
        "".join((*found, *metadata, *metadata.values())).encode()
        within = {key: _span(tensor) for key, tensor in found.items()}
        if names - own != len(found) + sum(map(len, found.values())) + len(metadata):
            raise ValueError("a name appears twice")
        tensors = {key: (entry["dtype"], tuple(entry["shape"])) for key, entry in found.items()}
        end = _end_of(sorted(within.values()))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as broken:
        message = f"The header of {name} is damaged ({broken})."
        raise RequestError(f"{kind}-damaged", message, _AGAIN) from broken
    if end > room:
        missing = f"{end - room:,} of {end:,} bytes are missing"
        raise RequestError(f"{kind}-truncated", f"{name} is cut short: {missing}.", _AGAIN)
    if end < room:
        message = f"{name} has {room - end:,} bytes more than its header says."
        raise RequestError(f"{kind}-damaged", message, _AGAIN)
    begin = 8 + len(text)
    return Header(tensors, metadata, {key: (begin + start, begin + stop) for key, (start, stop) in within.items()})


def _count_names(text: bytes) -> int:
    """How many names JSON objects have in all; ValueError, before it is parsed, for far more than tensors need."""
    # a mark that opens a text has no backslash before it, so that there are at least as many as texts
    if text.count(b'"') - text.count(b'\\"') > _MOST_QUOTES:
        raise ValueError("it holds too many texts")
    plain = text.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in text else text
    bare = b"".join(plain.split(b'"')[::2])
    opened = bare.count(b"[") + bare.count(b"{")
    if len(bare) > _MOST_BARE or opened > _MOST_OPENED or bare.count(b",") > _MOST_COMMAS:
        raise ValueError("it holds too much beside texts")
    return bare.count(b":")


def _metadata(found: Any) -> dict[str, str]:
    """ValueError unless it is text alone, as the format demands."""
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ValueError("its metadata is no object")
    wrong = next((key for key, value in found.items() if not isinstance(value, str)), None)
    if wrong is not None:
        raise ValueError(f"its metadata holds something else than text under {wrong!r:.60}")
    return found


def _no_number(written: str) -> Any:
    raise ValueError(f"{written:.40} is no whole number")


def _span(tensor: dict[str, Any]) -> tuple[int, int]:
    """Where a tensor's bytes lie; ValueError if that does not fit its type and shape."""
    start, end = tensor["data_offsets"]
    shape, size = tensor["shape"], SIZES.get(tensor["dtype"])
    if size is None:
        raise ValueError(f"unknown type {tensor['dtype']!r:.40}")
    if type(shape) is not list or len(shape) > MOST_SIDES:
        raise ValueError("a tensor's size does not fit its shape")
    for number in (start, end, *shape):
        if type(number) is not int or not 0 <= number < _TOO_MANY:
            raise ValueError("a tensor's size does not fit its shape")
    count = math.prod(shape)
    # a side of 0 makes the product small, whatever the others are
    whole = count or math.prod(side or 1 for side in shape)
    if whole >= _TOO_MANY or end - start != count * size:
        raise ValueError("a tensor's size does not fit its shape")
    return start, end


def _end_of(spans: list[tuple[int, int]]) -> int:
    """Where the last tensor ends; ValueError for gaps or overlaps (the format allows none)."""
    place = 0
    for start, end in spans:
        if start != place:
            raise ValueError("tensors overlap or leave gaps")
        place = end
    return place
