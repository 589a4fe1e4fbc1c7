"""What was in a torch file, as plain JSON between two processes: nothing in it can be more than a value.

A value is a JSON scalar, or `[n]` for the n-th node; nodes are `["list", values]`, `["dict", keys and values in turn]`,
`["tensor", numbers and names]`, `["inert", name]`. What is shared in the file is one node, so that nothing grows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from runtime.engine.pickles.sketches import MOST_TOLD, TYPES, Inert, PickleError, Sketch, Storage, Type, sketch_of

#: characters of a text that is handed over; names have some hundred
_LONGEST = 4096
_SCALARS = (str, int, float, bool, type(None))

#: what becomes of a tensor
Make = Callable[[Sketch], Any]


def pack(structure: Any) -> dict[str, Any]:
    """`structure` of lists, tuples, dictionaries, scalars, sketches and inert records, however they hold each other."""
    nodes: list[list[Any]] = []
    numbers: dict[int, int] = {}
    waiting: list[tuple[Any, list[Any]]] = []

    def value(found: Any) -> Any:
        if _is_plain(found):
            return found
        if id(found) not in numbers:
            numbers[id(found)] = len(nodes)
            nodes.append(_node(found))
            if isinstance(found, (list, tuple, dict)):
                waiting.append((found, nodes[-1][1]))
        return [numbers[id(found)]]

    root = value(structure)
    while waiting:
        found, inner = waiting.pop()
        if isinstance(found, dict):
            for key, one in found.items():
                inner += (value(key), value(one))
        else:
            inner.extend(map(value, found))
    return {"root": root, "nodes": nodes}


def _is_plain(found: Any) -> bool:
    if isinstance(found, str):
        return len(found) <= _LONGEST
    return abs(found) < 2**63 if isinstance(found, int) else isinstance(found, _SCALARS)


def _node(found: Any) -> list[Any]:
    if isinstance(found, (list, tuple)):
        return ["list", []]
    if isinstance(found, dict):
        return ["dict", []]
    if isinstance(found, Sketch):
        place = found.storage
        return [
            *("tensor", found.type.name, found.shape, found.strides, found.offset),
            *(place.type.name, place.start, place.count),
        ]
    name = found.name if isinstance(found, (Inert, Type)) else type(found).__name__
    return ["inert", name[:_LONGEST]]


def unpack(packed: Any, size: int, make: Make) -> Any:
    """The structure again, tuples as lists, a tensor of a file of `size` bytes as `make` gives it.

    Whoever packed it is not believed: PickleError for anything that `pack` does not write.
    """
    try:
        return _Unpacked(packed["nodes"], size, make).value(packed["root"])
    except (TypeError, KeyError, IndexError, ValueError, AttributeError) as broken:
        raise PickleError(f"what its reader says of it is damaged ({broken!s:.100})") from broken


class _Unpacked:
    def __init__(self, nodes: list[list[Any]], size: int, make: Make) -> None:
        self._size, self._make, self._room = size, make, size * MOST_TOLD
        self._made = [self._blank(*node) for node in nodes]
        for node, made in zip(nodes, self._made, strict=True):
            if isinstance(made, list):
                made.extend(map(self.value, node[1]))
            elif isinstance(made, dict):
                pairs = iter(node[1])
                made.update((self._key(key), self.value(one)) for key, one in zip(pairs, pairs, strict=True))

    def value(self, written: Any) -> Any:
        if isinstance(written, list):
            (number,) = written
            if number < 0:
                raise ValueError("a node of no number")
            return self._made[number]
        if not isinstance(written, _SCALARS):
            raise TypeError("a value of no kind")
        return written

    def _key(self, written: Any) -> Any:
        key = self.value(written)
        if not isinstance(key, (*_SCALARS, Inert)):
            raise TypeError("a key of no kind")
        return key

    def _blank(self, kind: str, *about: Any) -> Any:
        if kind == "tensor":
            return self._make(self._sketch(*about))
        (only,) = about
        if kind == "inert":
            return Inert(str(only))
        return {"list": list, "dict": dict}[kind]()

    def _sketch(self, kind: str, shape: Any, strides: Any, offset: int, stored: str, start: int, count: int) -> Sketch:
        if not (kind in TYPES and stored in TYPES and type(start) is int and type(count) is int):
            raise TypeError("a tensor of no kind")
        storage = Storage(Type(stored), start, count)
        if not 0 <= start <= start + count * storage.type.bytes <= self._size:
            raise ValueError("a tensor outside of its file")
        found = sketch_of(storage, offset, tuple(shape), tuple(strides), Type(kind))
        self._room -= math.prod(found.shape) * found.type.bytes
        if self._room < 0:
            raise ValueError("the same numbers over and over")
        return found
