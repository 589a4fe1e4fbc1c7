"""One pickle, stepped over operation by operation: what it names is noted, and no object is ever made of it.

Whatever a file says, the work is bounded: so many operations for all of it, each of which costs no more than its own
bytes; and what is kept of it: texts that could be a name, and so many of them.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from launcher.core.models.header import check_shapes
from launcher.core.models.pickle_globals import HIDDEN, is_dangerous, is_usual, joined

#: of all pickles in one file
_MOST_OPERATIONS = 1_000_000
_MOST_WORDS, _LONGEST_WORD = 20_000, 400
#: bytes of a name, names of globals in one file, and digits of a number that stands for a text or a storage
_LONGEST_NAME, _MOST_GLOBALS, _MOST_DIGITS = 1000, 5000, 20
#: torch's class of a storage -> the type as safetensors calls it, bytes
_TYPES = {
    "DoubleStorage": ("F64", 8), "FloatStorage": ("F32", 4), "HalfStorage": ("F16", 2), "BFloat16Storage": ("BF16", 2),
    "LongStorage": ("I64", 8), "IntStorage": ("I32", 4), "ShortStorage": ("I16", 2), "CharStorage": ("I8", 1),
    "ByteStorage": ("U8", 1), "BoolStorage": ("BOOL", 1), "UntypedStorage": ("U8", 1),
}  # fmt: skip
#: operations by their code and the bytes of what follows: pickle's own documentation (pickletools) has the table
_FIXED = {
    **dict.fromkeys(b"(.0120NR)]}aobetslud\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94Q", 0),
    **dict.fromkeys(b"\x80Khq\x82", 1),
    **dict.fromkeys(b"M\x83", 2),
    **dict.fromkeys(b"Jrj\x84", 4),
    **dict.fromkeys(b"G\x95", 8),
}
_LINES = frozenset(b"IFLSVPgp")
#: of these, texts: with the escapes of the language that wrote them
_ESCAPED = {ord("S"): "unicode_escape", ord("V"): "raw_unicode_escape"}
#: code -> (bytes of the length, is it a text)
_COUNTED = {
    ord("X"): (4, True), 0x8C: (1, True), 0x8D: (8, True), ord("T"): (4, True), ord("U"): (1, True),
    ord("B"): (4, False), ord("C"): (1, False), 0x8E: (8, False), 0x96: (8, False), 0x8A: (1, False), 0x8B: (4, False),
}  # fmt: skip
_GLOBAL, _STACK_GLOBAL, _INST, _STOP, _PERSISTENT = ord("c"), 0x93, ord("i"), ord("."), ord("Q")
_PUTS, _GETS, _WHOLE = frozenset(b"pqr\x94"), frozenset(b"ghj"), frozenset(b"KMJ\x8a")
#: a global by its number in a list that only the reading program has
_EXTENSIONS = frozenset(b"\x82\x83\x84")
#: they leave the stack as it is
_SILENT = frozenset(b"\x80\x95")
#: code -> how many it takes; None: all since the mark
_TUPLES = {ord(")"): 0, 0x85: 1, 0x86: 2, 0x87: 3, ord("t"): None}


class PickleError(ValueError):
    """These bytes are no torch file that can be read."""


class TruncatedError(PickleError):
    """They end too early."""


@dataclass(frozen=True)
class Strange:
    """Globals that weights have no need of: `unusual` ones, and `dangerous` ones, which can run commands."""

    unusual: tuple[str, ...] = ()
    dangerous: tuple[str, ...] = ()


@dataclass
class Found:
    """What a walk over the operations has seen."""

    format: str = "pickle"
    tensors: dict[str, tuple[str, tuple[int, ...]]] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)
    globals: set[str] = field(default_factory=set)
    #: key of a storage -> bytes
    storages: dict[str, int] = field(default_factory=dict)
    #: operations that may still follow
    left: int = _MOST_OPERATIONS

    @property
    def strange(self) -> Strange:
        odd = sorted(name for name in self.globals if not is_usual(name))
        return Strange(tuple(odd), tuple(name for name in odd if is_dangerous(name)))


class Walk:
    """Steps over the operations. A tensor is what is rebuilt: its name is the text before, its shape the ints after."""

    def __init__(self, data: bytes, place: int, found: Found) -> None:
        self._data, self._place, self._found = data, place, found
        self._name = ""
        #: the last texts that were told
        self._texts: list[str] = []
        self._number = 0
        #: the whole numbers since a storage was told: an offset and a shape; None elsewhere
        self._numbers: list[int] | None = None
        self._type: tuple[str, int] | None = None
        #: what lies on top of the stack, (is it a global, what), None for anything else; the same by its number
        self._last: tuple[bool, str] | None = None
        self._memo: dict[int, tuple[bool, str] | None] = {}
        #: the topmost two where they are texts
        self._top: deque[str] = deque(maxlen=2)

    def run(self) -> int:
        """Where the pickle ends."""
        for code, argument in self._operations():
            if code == _STOP:
                return self._place
            self._see(code, argument)
        raise PickleError(f"it has more than {_MOST_OPERATIONS} operations")

    def _operations(self) -> Iterator[tuple[int, Any]]:
        data, end = self._data, len(self._data)
        while self._found.left > 0:
            self._found.left -= 1
            if self._place >= end:
                raise TruncatedError("it ends early")
            code = data[self._place]
            self._place += 1
            size = _FIXED.get(code)
            if size is not None:
                begin, self._place = self._place, self._place + size
                yield code, data[begin : self._place] if size else None
            elif code in _COUNTED:
                yield code, self._counted(*_COUNTED[code])
            elif code in (_GLOBAL, _INST):
                yield code, _named(_text(self._line()), _text(self._line()))
            elif code in _LINES:
                yield code, self._written(code, self._line())
            else:
                raise PickleError(f"it uses the operation {code}")

    def _counted(self, size: int, is_text: bool) -> bytes | str:
        length = int.from_bytes(self._data[self._place : self._place + size], "little")
        begin = self._place + size
        self._place = begin + length
        if self._place > len(self._data):
            raise TruncatedError("it ends early")
        taken = self._data[begin : self._place]
        return _text(taken) if is_text else taken

    def _written(self, code: int, line: bytes) -> bytes | str | int | None:
        """What a line of protocol 0 says: a text, or a number of the memo."""
        try:
            if code in _ESCAPED:
                bare = line.strip(b"\r\n").strip(b"'\"" if code == ord("S") else b"")
                return HIDDEN if len(bare) > _LONGEST_NAME else bare.decode(_ESCAPED[code])
            return _place(line) if code in _PUTS or code in _GETS else line
        except ValueError:
            raise PickleError(f"it writes {line[:20]!r} where that means nothing") from None

    def _line(self) -> bytes:
        end = self._data.find(b"\n", self._place)
        if end < 0:
            raise TruncatedError("it ends early")
        begin, self._place = self._place, end + 1
        return self._data[begin:end]

    def _see(self, code: int, argument: Any) -> None:
        if code in _PUTS:
            self._memo[len(self._memo) if argument is None else _index(argument)] = self._last
        elif code in _GETS:
            self._told(self._memo.get(_index(argument)))
        elif code in (_GLOBAL, _INST):
            self._told((True, argument))
        elif code == _STACK_GLOBAL:
            self._told((True, self._from_stack()))
        elif code in _EXTENSIONS:
            self._told((True, HIDDEN))
        elif isinstance(argument, str):
            self._told((False, argument))
        elif code not in _SILENT:
            self._told(None)
            self._count(code, argument)

    def _count(self, code: int, argument: Any) -> None:
        if code in _WHOLE:
            self._number = int.from_bytes(argument, "little")
            if self._numbers is not None:
                self._numbers.append(self._number)
        elif code == _PERSISTENT:
            self._storage()
        elif code in _TUPLES and self._numbers:
            self._end_shape(code)

    def _from_stack(self) -> str:
        """The global that the topmost two texts name; they are no longer there."""
        if len(self._top) < 2:
            return HIDDEN
        del self._texts[-2:]
        return _named(*self._top)

    def _told(self, what: tuple[bool, str] | None) -> None:
        self._last = what
        if what is None or what[0]:
            self._top.clear()
            if what is not None:
                self._global(what[1])
            return
        text = what[1]
        self._top.append(text)
        self._texts = [*self._texts[-3:], text]
        if len(self._found.words) < _MOST_WORDS and len(text) < _LONGEST_WORD:
            self._found.words.add(text)

    def _global(self, name: str) -> None:
        self._found.globals.add(name)
        if len(self._found.globals) > _MOST_GLOBALS:
            raise PickleError(f"it names more than {_MOST_GLOBALS} globals")
        last = name.rpartition(".")[2]
        if last.startswith("_rebuild_tensor"):
            self._name = self._texts[-1] if self._texts else ""
        elif last in _TYPES:
            self._type = _TYPES[last]

    def _storage(self) -> None:
        """A persistent id has just been told: ("storage", type, key, place, count)."""
        key = next((text for text in reversed(self._texts) if len(text) <= _MOST_DIGITS and text.isdigit()), "")
        needed = self._number * (self._type[1] if self._type else 1)
        self._found.storages[key] = max(self._found.storages.get(key, 0), needed)
        self._numbers = []

    def _end_shape(self, code: int) -> None:
        """The first number is the offset, those up to the first tuple the shape; what follows are strides."""
        numbers, self._numbers = self._numbers or [], None
        sides = _TUPLES[code]
        shape = tuple(numbers[1:] if sides is None else numbers[len(numbers) - sides :]) if sides != 0 else ()
        try:
            check_shapes([shape])
        except ValueError as wrong:
            raise PickleError(str(wrong)) from None
        there = self._found.tensors.get(self._name)
        # One key may name a number in one dictionary and the weights in another.
        if there is None or math.prod(there[1]) < math.prod(shape):
            self._found.tensors[self._name] = (self._type[0] if self._type else "", shape)


def _index(argument: bytes | int) -> int:
    return argument if isinstance(argument, int) else int.from_bytes(argument, "little")


def _place(line: bytes) -> int:
    if len(line) > _MOST_DIGITS:
        raise ValueError("no file has so many texts")
    return int(line)


def _text(line: bytes) -> str:
    """HIDDEN for what is too long to be a name."""
    return HIDDEN if len(line) > _LONGEST_NAME else line.decode("utf-8", "replace")


def _named(module: str, name: str) -> str:
    return HIDDEN if HIDDEN in (module, name) else joined(module, name)
