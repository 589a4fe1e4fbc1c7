"""The header of a safetensors file, taken apart and checked: nothing missing, nothing twice, no gaps, no overlaps.

A library has a million tensors, so a header in the form that the format's own library writes (JSON without blanks) is
taken apart by one regular expression, in half the time of a JSON parser; any other form goes to the parser.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import sub
from typing import Any

#: the runtime's own limit (its safetensors reader)
MOST_TENSORS = 12_000
#: of a tensor: more is nobody's, and the product of a hostile header's would take hours
MOST_SIDES, LONGEST_SIDE = 8, 2**40
SIZES = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 1),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
    **dict.fromkeys(("U32", "I32", "F32"), 4),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 8),
}
_METADATA = '{"__metadata__":'
#: as loose as it may be: the values are judged column by column, and together they must cover the header. No part looks
#: beyond the next quotation mark, so that a hostile header costs no more than its length.
_ENTRY = re.compile(r'"([^"]*)":\{"dtype":"([^"]*)","shape":\[([^]"]*)\],"data_offsets":\[([^],"]*),([^]"]*)\]\}([,}])')
_CONTROLS = bytes(range(32))
_DIGITS = frozenset("0123456789,")
#: characters of an entry besides its five values
_FRAME = len('"":{"dtype":"","shape":[],"data_offsets":[,]},')

#: name -> (type, shape)
Tensors = Mapping[str, tuple[str, Sequence[int]]]


@dataclass(frozen=True)
class Header:
    """`end`: where the last tensor's bytes end, counted from the header's end; `amounts`: type -> bytes of it."""

    tensors: Tensors
    metadata: Mapping[str, str]
    amounts: Mapping[str, int]
    end: int


def take_apart(data: bytes) -> Header:
    """ValueError, or another sort of exception that a wrong structure makes, for what the format does not allow."""
    if data.count(b'"data_offsets"') > MOST_TENSORS:
        raise ValueError(f"more than {MOST_TENSORS} tensors")
    text = data.decode()
    plain = len(data.translate(None, _CONTROLS)) == len(data)
    return (_compact(text) if plain else None) or _parsed(text)


def check_shapes(shapes: Sequence[Sequence[int]]) -> None:
    """ValueError for what no tensor has; to be asked before anybody multiplies."""
    if max(map(len, shapes), default=0) > MOST_SIDES:
        raise ValueError(f"a tensor of more than {MOST_SIDES} sides")
    sided = list(filter(None, shapes))
    if min(map(min, sided), default=0) < 0 or max(map(max, sided), default=0) > LONGEST_SIDE:
        raise ValueError("a side that no tensor has")


def _compact(text: str) -> Header | None:
    """None for a header in another form, sound or not."""
    metadata, place = None, 1
    if text.startswith(_METADATA):
        try:
            metadata, place = json.JSONDecoder().raw_decode(text, len(_METADATA))
        except ValueError:
            return None
        if text[place : place + 1] != ",":
            return None
        place += 1
    found = _ENTRY.findall(text, place)
    if not found or text.find("\\", place) >= 0:
        return None
    names, dtypes, shapes, starts, ends, commas = zip(*found, strict=True)
    columns = ["".join(column) for column in (starts, ends, names, dtypes, shapes)]
    covered = sum(map(len, columns)) + _FRAME * len(found)
    whole = place + covered == len(text.rstrip(" ")) and "".join(commas) == "," * (len(found) - 1) + "}"
    if not whole or not (columns[0] + columns[1]).isdecimal() or "" in starts or "" in ends:
        return None
    # few kinds of tensors make up a model, so each is understood once
    pairs = list(zip(dtypes, shapes, strict=True))
    if not all(_DIGITS.issuperset(shape) for shape in set(shapes)):
        return None
    kinds = {pair: (pair[0], tuple(json.loads(f"[{pair[1]}]"))) for pair in set(pairs)}
    check_shapes([shape for _, shape in kinds.values()])
    tensors = dict(zip(names, map(kinds.__getitem__, pairs), strict=True))
    if len(tensors) != len(names):
        raise ValueError("a name appears twice")
    bytes_of = {pair: math.prod(shape) * SIZES[dtype] for pair, (dtype, shape) in kinds.items()}
    sizes = list(map(bytes_of.__getitem__, pairs))
    return _header(tensors, metadata, dtypes, sizes, list(map(int, starts)), list(map(int, ends)))


def _parsed(text: str) -> Header:
    # A fraction has no business anywhere in a header.
    found = json.loads(text, object_pairs_hook=_without_twins, parse_constant=_no_number, parse_float=_no_number)
    metadata = found.pop("__metadata__", None)
    entries = found.values()
    dtypes = [entry["dtype"] for entry in entries]
    shapes = [entry["shape"] for entry in entries]
    starts = [start for start, _ in (entry["data_offsets"] for entry in entries)]
    ends = [end for _, end in (entry["data_offsets"] for entry in entries)]
    check_shapes(shapes)
    sizes = [math.prod(shape) * SIZES[dtype] for shape, dtype in zip(shapes, dtypes, strict=True)]
    tensors = {name: (dtype, tuple(shape)) for name, dtype, shape in zip(found, dtypes, shapes, strict=True)}
    return _header(tensors, metadata, dtypes, sizes, starts, ends)


def _header(
    tensors: Tensors, metadata: Any, dtypes: Sequence[str], sizes: list[int], starts: list[int], ends: list[int]
) -> Header:
    if sizes != list(map(sub, ends, starts)):
        raise ValueError("a tensor's size does not fit its shape")
    starts.sort()
    ends.sort()
    # each begins where another ends
    if starts and starts != [0, *ends[:-1]]:
        raise ValueError("tensors overlap or leave gaps")
    return Header(tensors, _texts(metadata), _amounts(dtypes, sizes), ends[-1] if ends else 0)


def _amounts(dtypes: Sequence[str], sizes: Sequence[int]) -> dict[str, int]:
    kinds = set(dtypes)
    if len(kinds) == 1:
        return {kinds.pop(): sum(sizes)}
    return {kind: sum(size for dtype, size in zip(dtypes, sizes, strict=True) if dtype == kind) for kind in kinds}


def _texts(found: Any) -> dict[str, str]:
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ValueError("metadata that is no text")
    return found


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name appears twice")
    return found


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number")
