"""Read a pickle as what it is, a program for a stack machine, and build nothing but plain values.

No class is imported by name and no function is called: a global that the caller's table does not know becomes an
`Inert` record, and so does everything made of it. The standard library only splits the bytes into operations. What a
pickle makes stays in proportion to its own size: a reference to what is there already takes a byte or two, so whatever
copies or walks through such a thing is charged.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from runtime.engine.pickles.sketches import Inert, PickleError

#: 40 for a tensor; SDXL's with an averaged copy and an optimizer's two states has 400,000
MOST_OPERATIONS = 1_000_000
#: elements and bytes that may be copied, and how many more for each byte of the pickle
_COPIES, _COPIES_PER_BYTE = 100_000, 2
#: characters, bytes; a tensor's name has some hundred
_LONGEST_KEY = 4096


@dataclass(frozen=True, eq=False)
class Known:
    """A global that the caller knows: `call` gets the arguments as they are written, and may refuse with ValueError."""

    call: Callable[..., Any]


_MARK = object()
# fmt: off
_LITERALS = frozenset({
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "STRING", "BINSTRING", "SHORT_BINSTRING",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE",
    "BINUNICODE8", "FLOAT", "BINFLOAT",
})
# fmt: on
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_SCALARS = (str, int, float, bool, bytes, type(None))
_SIZED = (str, bytes, bytearray, list, tuple, dict)


def unpickle(
    file: BinaryIO, table: Mapping[str, Any], find_stored: Callable[[Any], Any], operations: int = MOST_OPERATIONS
) -> Any:
    """One pickle from `file`, which is left behind its end; PickleError says what is wrong with it.

    `table` gives what `module.name` stands for, `find_stored` what a persistent id (an entry of another file) does.
    """
    machine = _Machine(table, find_stored)
    operation, begin = "its start", file.tell()
    try:
        for count, (code, argument, place) in enumerate(pickletools.genops(file)):
            operation = code.name
            if count >= operations:
                raise PickleError(f"it has more than {operations:,} operations")
            machine.read = (place or 0) - begin
            machine.do(operation, argument)
        return machine.result()
    except PickleError:
        raise
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError, RecursionError) as broken:
        raise PickleError(f"it is damaged at {operation} ({type(broken).__name__})") from broken


class _Machine:
    def __init__(self, table: Mapping[str, Any], find_stored: Callable[[Any], Any]) -> None:
        self._table, self._find_stored = table, find_stored
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._strangers: dict[str, Inert] = {}
        #: bytes of the pickle so far
        self.read = 0
        self._copied = 0

    def charge(self, count: int) -> None:
        """So many elements or bytes are walked through or copied."""
        self._copied += count
        if self._copied > _COPIES + _COPIES_PER_BYTE * self.read:
            raise PickleError("it tells the same over and over")

    def result(self) -> Any:
        (value,) = self._stack
        if value is _MARK:
            raise PickleError("it ends in a mark")
        return value

    def do(self, operation: str, argument: Any) -> None:
        if operation in _LITERALS:
            self._stack.append(argument)
        elif operation in _CONSTANTS:
            self._stack.append(_CONSTANTS[operation])
        elif operation not in ("PROTO", "FRAME", "STOP"):
            act = _ACTS.get(operation)
            if act is None:
                raise PickleError(f"it uses the operation {operation}")
            act(self, argument)

    # -- the stack

    def pop(self) -> Any:
        value = self._stack.pop()
        if value is _MARK:
            raise PickleError("a mark lies where a value belongs")
        return value

    def pop_many(self, count: int) -> tuple[Any, ...]:
        return tuple(self.pop() for _ in range(count))[::-1]

    def to_mark(self) -> list[Any]:
        taken = []
        while (value := self._stack.pop()) is not _MARK:
            taken.append(value)
        return taken[::-1]

    def push(self, value: Any) -> None:
        self._stack.append(value)

    def top(self) -> Any:
        if self._stack[-1] is _MARK:
            raise PickleError("a mark lies where a value belongs")
        return self._stack[-1]

    def mark(self, _argument: Any) -> None:
        self._stack.append(_MARK)

    def drop(self, _argument: Any) -> None:
        self._stack.pop()

    def drop_to_mark(self, _argument: Any) -> None:
        self.to_mark()

    # -- the memo

    def put(self, place: Any) -> None:
        number = len(self._memo) if place is None else int(place)
        if not 0 <= number < 2**32:
            raise PickleError("its memo is damaged")
        self._memo[number] = self.top()

    def get(self, place: Any) -> None:
        self.push(self._memo[int(place)])

    # -- containers

    def append_all(self, values: list[Any]) -> None:
        target = self.top()
        if isinstance(target, list):
            target.extend(values)
        elif isinstance(target, Inert):
            target.hold(values)
        else:
            raise PickleError("it appends to something that is no list")

    def set_all(self, values: list[Any]) -> None:
        target = self.top()
        pairs = list(zip(values[::2], values[1::2], strict=True))
        if isinstance(target, dict):
            target.update((dictionary_key(name), value) for name, value in pairs)
        elif isinstance(target, Inert):
            target.hold(pairs)
        else:
            raise PickleError("it sets items of something that is no dictionary")

    def set_one(self, _argument: Any) -> None:
        self.set_all(list(self.pop_many(2)))

    # -- globals and what is made of them

    def find(self, name: str) -> Any:
        # both names of Python 2's and 3's module
        plain = name.replace(" ", ".").replace("__builtin__.", "builtins.")
        found = self._table.get(plain) or self._strangers.get(plain)
        if found is None:
            found = self._strangers[plain] = Inert(plain)
        return found

    def stack_global(self, _argument: Any) -> None:
        module, name = self.pop_many(2)
        if not (isinstance(module, str) and isinstance(name, str)):
            raise PickleError("a global's name is no text")
        self.push(self.find(f"{module} {name}"))

    def make(self, what: Any, arguments: Any) -> None:
        if not isinstance(arguments, tuple):
            raise PickleError("arguments are no tuple")
        if isinstance(what, Known):
            self.charge(len(arguments) + sum(len(one) for one in arguments if isinstance(one, _SIZED)))
            self.push(what.call(*arguments))
        elif isinstance(what, Inert):
            self.push(Inert(what.name, arguments))
        else:
            raise PickleError("it calls something that is no function")

    def build(self, _argument: Any) -> None:
        state = self.pop()
        target = self.top()
        if isinstance(target, Inert):
            target.state = state
        elif isinstance(target, dict) and isinstance(state, dict) and isinstance(state.get("_parameters"), dict):
            # torch.nn.ParameterDict keeps its entries there
            self.charge(len(state["_parameters"]))
            target.update((dictionary_key(name), value) for name, value in state["_parameters"].items())

    def newobj_ex(self, _argument: Any) -> None:
        what, arguments, _named = self.pop_many(3)
        self.make(what, arguments)

    def obj(self, _argument: Any) -> None:
        what, *arguments = self.to_mark()
        self.make(what, tuple(arguments))

    def stored(self, key: Any) -> None:
        self.push(self._find_stored(key))


def dictionary_key(value: Any) -> Any:
    """A key that is hashed and compared at once; a tuple, a long text or number is told apart by identity alone.

    Tuples and whole numbers from 61 bits on can be chosen so that all of them hash alike.
    """
    if not isinstance(value, (tuple, *_SCALARS, Inert, Known)):
        raise PickleError(f"a {type(value).__name__} is a key")
    long = len(value) > _LONGEST_KEY if isinstance(value, (str, bytes)) else False
    large = abs(value) >= 2**60 if isinstance(value, int) else False
    return Inert("key", (value,)) if long or large or isinstance(value, tuple) else value


def _pairs(values: list[Any]) -> dict[Any, Any]:
    return {dictionary_key(name): value for name, value in zip(values[::2], values[1::2], strict=True)}


_ACTS: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _Machine.mark,
    "POP": _Machine.drop,
    "POP_MARK": _Machine.drop_to_mark,
    "DUP": lambda machine, _: machine.push(machine.top()),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _Machine.put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.get),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "LIST": lambda machine, _: machine.push(machine.to_mark()),
    "APPEND": lambda machine, _: machine.append_all([machine.pop()]),
    "APPENDS": lambda machine, _: machine.append_all(machine.to_mark()),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.to_mark())),
    "TUPLE1": lambda machine, _: machine.push(machine.pop_many(1)),
    "TUPLE2": lambda machine, _: machine.push(machine.pop_many(2)),
    "TUPLE3": lambda machine, _: machine.push(machine.pop_many(3)),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "DICT": lambda machine, _: machine.push(_pairs(machine.to_mark())),
    "SETITEM": _Machine.set_one,
    "SETITEMS": lambda machine, _: machine.set_all(machine.to_mark()),
    # sets hold no weights; as lists they need no hashes
    "EMPTY_SET": lambda machine, _: machine.push([]),
    "ADDITEMS": lambda machine, _: machine.append_all(machine.to_mark()),
    "FROZENSET": lambda machine, _: machine.push(machine.to_mark()),
    "GLOBAL": lambda machine, name: machine.push(machine.find(name)),
    "STACK_GLOBAL": _Machine.stack_global,
    "REDUCE": lambda machine, _: machine.make(*machine.pop_many(2)),
    "NEWOBJ": lambda machine, _: machine.make(*machine.pop_many(2)),
    "NEWOBJ_EX": _Machine.newobj_ex,
    "INST": lambda machine, name: machine.make(machine.find(name), tuple(machine.to_mark())),
    "OBJ": _Machine.obj,
    "BUILD": _Machine.build,
    "PERSID": _Machine.stored,
    "BINPERSID": lambda machine, _: machine.stored(machine.pop()),
}
