"""What lies in a file of `torch.save`, zip archive or older stream, without torch: its structure and where numbers lie.

A tensor comes out as a `Sketch`: type, shape, and the bytes of the mapped file that hold it, all checked.
"""

from __future__ import annotations

import io
import math
import mmap
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from runtime.engine.unpickle import Inert, Known, PickleError, unpickle
from runtime.request import RequestError

#: bytes of the structure (names, shapes), not of the numbers
LARGEST_PICKLE = 64 * 1024 * 1024
MOST_DIMENSIONS = 8
#: tied weights are told more than once; a file that tells everything this often is made to fill the memory
MOST_TOLD = 8
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_AGAIN = "Download the file again and compare its size with the one on the download page."

#: torch's types: name of the dtype -> (name in a safetensors header, bytes)
TYPES = {
    "float64": ("F64", 8), "float32": ("F32", 4), "float16": ("F16", 2), "bfloat16": ("BF16", 2),
    "int64": ("I64", 8), "int32": ("I32", 4), "int16": ("I16", 2), "int8": ("I8", 1), "uint8": ("U8", 1),
    "bool": ("BOOL", 1), "float8_e4m3fn": ("F8_E4M3", 1), "float8_e5m2": ("F8_E5M2", 1),
}  # fmt: skip
_STORAGES = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8",
    "ByteStorage": "uint8", "BoolStorage": "bool", "UntypedStorage": "uint8",
}  # fmt: skip


@dataclass(frozen=True)
class Type:
    """A dtype or a class of storages, by torch's name of the dtype."""

    name: str

    @property
    def bytes(self) -> int:
        return TYPES[self.name][1]


@dataclass(frozen=True)
class Storage:
    """`count` numbers at `start` of the mapped file."""

    type: Type
    start: int
    count: int


@dataclass(frozen=True)
class Sketch:
    """A tensor that is not read yet: shape, and strides and offset in numbers of its type within `storage`."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    type: Type


#: what becomes of a tensor, given the mapped file
Make = Callable[[Sketch, mmap.mmap], Any]


def is_torch_file(start: bytes) -> bool:
    """By the first bytes: a zip, or a pickle of protocol 2 to 5 that is no safetensors header's length."""
    return start.startswith(b"PK\x03\x04") or (
        start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05") and start[8:9] != b"{"
    )


def read_torch_file(path: Path, kind: str, make: Make) -> dict[Any, Any]:
    """The file's dictionary, with every tensor as `make` gives it.

    RequestError `KIND-unreadable`, `-truncated`, `-damaged` or `-not-a-model`.
    """
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        with_zip = mapped[:4] == b"PK\x03\x04"
        found = _read_zip(mapped, make) if with_zip else _read_stream(mapped, make)
    except (PickleError, zipfile.BadZipFile, struct.error, NotImplementedError) as broken:
        raise RequestError(f"{kind}-damaged", f"{path.name} is no sound torch file: {broken}.", _AGAIN) from broken
    except EOFError as broken:
        raise RequestError(f"{kind}-truncated", f"{path.name} is cut short: {broken}.", _AGAIN) from broken
    except (OSError, ValueError) as broken:
        hint = "Check that it is a file, that you may read it, and that its disk is there."
        raise RequestError(f"{kind}-unreadable", f"{path.name} cannot be read: {broken}.", hint) from broken
    if not isinstance(found, dict):
        message = f"{path.name} holds no dictionary of tensors."
        raise RequestError(f"{kind}-not-a-model", message, "Choose another file.")
    return found


# -- the archive: data.pkl for the structure, data/0, data/1 … for the numbers


def _read_zip(mapped: mmap.mmap, make: Make) -> Any:
    # a reader of its own, so that the archive's directory moves no place in the mapped file
    try:
        archive = zipfile.ZipFile(io.BufferedReader(_Raw(mapped)))
    except zipfile.BadZipFile as broken:
        # its directory is at the end
        raise EOFError("its end is missing") from broken
    except (UnicodeDecodeError, ValueError, OverflowError) as broken:
        raise PickleError("its directory is damaged") from broken
    entries = {info.filename: info for info in archive.infolist()}
    pickles = sorted((name for name in entries if PurePosixPath(name).name == "data.pkl"), key=len)
    if not pickles:
        raise PickleError("it is a zip archive of something else")
    root = pickles[0].removesuffix("data.pkl")
    order = entries.get(root + "byteorder")
    if order is not None and _entry(mapped, order)[1] == 3:
        raise PickleError("its numbers are big-endian")
    start, size = _entry(mapped, entries[pickles[0]])
    if size > LARGEST_PICKLE:
        raise PickleError(f"its structure takes {size:,} bytes")

    def find(key: Any) -> Any:
        kind, place, count = _stored(key)
        if f"{root}data/{place}" not in entries:
            raise PickleError(f"the numbers {place!r:.40} are missing")
        begin, room = _entry(mapped, entries[f"{root}data/{place}"])
        if count * kind.bytes > room:
            raise PickleError("a tensor has fewer bytes than numbers")
        return Storage(kind, begin, count)

    return unpickle(io.BytesIO(mapped[start : start + size]), _table(_Counted(make, mapped)), find)


def _entry(mapped: mmap.mmap, info: zipfile.ZipInfo) -> tuple[int, int]:
    """(start, bytes) of an entry; torch never compresses, so a bomb has no fuse."""
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        raise PickleError("it is compressed")
    head = mapped[info.header_offset : info.header_offset + 30]
    if len(head) < 30 or head[:4] != b"PK\x03\x04":
        raise PickleError("its directory is damaged")
    name, extra = struct.unpack("<HH", head[26:30])
    start = info.header_offset + 30 + name + extra
    if start + info.file_size > len(mapped):
        raise EOFError("an entry ends behind the end of the file")
    return start, info.file_size


class _Raw(io.RawIOBase):
    """The mapped file as a seekable stream."""

    def __init__(self, mapped: mmap.mmap) -> None:
        self._mapped, self._place = mapped, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        place = offset + {0: 0, 1: self._place, 2: len(self._mapped)}[whence]
        if place < 0:
            raise OSError("negative place")
        self._place = place
        return place

    def readinto(self, buffer: Any) -> int:
        taken = self._mapped[self._place : self._place + len(buffer)]
        buffer[: len(taken)] = taken
        self._place += len(taken)
        return len(taken)


# -- the stream of before 1.6: five pickles, then for each storage its count and its numbers


def _read_stream(mapped: mmap.mmap, make: Make) -> Any:
    stream: Any = mapped  # it reads, seeks and tells as a file does
    magic, version, _system = (unpickle(stream, {}, _no_storage) for _ in range(3))
    if (magic, version) != (_LEGACY_MAGIC, 1001):
        raise PickleError("it is a pickle of something else than torch's")
    begin = mapped.tell()
    # 1. the types of the storages, which lie behind the structure that names them
    kinds: dict[str, Type] = {}

    def note(key: Any) -> Any:
        kind, place, count = _stored(key)
        kinds[place] = kind
        return Storage(kind, 0, count)

    unpickle(stream, _table(lambda sketch: sketch), _classes_aside(note))
    if mapped.tell() - begin > LARGEST_PICKLE:
        raise PickleError("its structure is too large")
    # 2. where each lies
    places = _places(mapped, unpickle(stream, {}, _no_storage), kinds)

    # 3. again, with them
    def find(key: Any) -> Any:
        kind, place, count = _stored(key)
        found = places.get(place)
        if found is None or count > found.count or kind != found.type:
            raise PickleError("a tensor has fewer bytes than numbers")
        return found

    mapped.seek(begin)
    return unpickle(stream, _table(_Counted(make, mapped)), _classes_aside(find))


def _classes_aside(find: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The stream keeps a module's class with its source under a persistent id ("module", class, file, source)."""

    def found(key: Any) -> Any:
        return key[1] if isinstance(key, tuple) and len(key) == 4 and key[0] == "module" else find(key)

    return found


def _places(mapped: mmap.mmap, keys: Any, kinds: Mapping[str, Type]) -> dict[str, Storage]:
    """Where the numbers of each storage lie, in the order of `keys`; EOFError where they end too early."""
    found: dict[str, Storage] = {}
    place = mapped.tell()
    for key in keys if isinstance(keys, list) else ():
        if not isinstance(key, str) or key not in kinds:
            raise PickleError("its list of storages is damaged")
        head = mapped[place : place + 8]
        if len(head) < 8:
            raise EOFError("some of its numbers are missing")
        (count,) = struct.unpack("<q", head)
        size = count * kinds[key].bytes
        if not 0 <= size <= len(mapped) - place - 8:
            raise EOFError("some of its numbers are missing")
        found[key] = Storage(kinds[key], place + 8, count)
        place += 8 + size
    return found


def _no_storage(_key: Any) -> Any:
    raise PickleError("it names a storage where none belongs")


def _stored(key: Any) -> tuple[Type, str, int]:
    """(type, key, count) of a persistent id ("storage", class, key, device, count[, view])."""
    if not (isinstance(key, tuple) and len(key) in (5, 6) and key[0] == "storage" and isinstance(key[1], Type)):
        raise PickleError("it names a storage of an unknown kind")
    place, count = key[2], key[4]
    if not isinstance(place, str) or type(count) is not int or count < 0 or (len(key) == 6 and key[5] is not None):
        raise PickleError("a storage's entry is damaged")
    return key[1], place, count


# -- the globals that files of tensors use


class _Counted:
    """Makes tensors, as long as they are not far more than the file holds."""

    def __init__(self, make: Make, mapped: mmap.mmap) -> None:
        self._make, self._mapped, self._room = make, mapped, len(mapped) * MOST_TOLD

    def __call__(self, sketch: Sketch) -> Any:
        self._room -= math.prod(sketch.shape) * sketch.type.bytes
        if self._room < 0:
            raise PickleError("it tells the same numbers over and over")
        return self._make(sketch, self._mapped)


def _table(make: Callable[[Sketch], Any]) -> dict[str, Any]:
    def tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Any:
        return make(_sketch(storage, offset, shape, strides, None))

    def typed(storage: Any, offset: Any, shape: Any, strides: Any, _grad: Any, _hooks: Any, kind: Any, *_: Any) -> Any:
        return make(_sketch(storage, offset, shape, strides, kind))

    first = Known(lambda value, *_rest: value)
    empty = Known(lambda *_: {})
    return {
        "torch._utils._rebuild_tensor": Known(tensor),
        "torch._utils._rebuild_tensor_v2": Known(tensor),
        "torch._utils._rebuild_tensor_v3": Known(typed),
        "torch._utils._rebuild_parameter": first,
        "torch._utils._rebuild_parameter_with_state": first,
        "torch._tensor._rebuild_from_type_v2": Known(_from_type),
        "torch.Size": Known(lambda sizes: tuple(sizes)),
        "collections.OrderedDict": Known(_dictionary),
        "collections.defaultdict": empty,
        "torch.nn.modules.container.ParameterDict": empty,
        "_codecs.encode": Known(lambda text, *_: text.encode("latin-1")),
        "numpy.dtype": Known(lambda code, *_: Inert(f"dtype {code}")),
        "numpy.core.multiarray.scalar": Known(_scalar),
        "numpy._core.multiarray.scalar": Known(_scalar),
        **{f"torch.{name}": Type(name) for name in TYPES},
        **{f"torch.{name}": Type(kind) for name, kind in _STORAGES.items()},
        "torch.storage.UntypedStorage": Type("uint8"),
        "torch.half": Type("float16"),
        "torch.float": Type("float32"),
    }


def _sketch(storage: Any, offset: Any, shape: Any, strides: Any, kind: Any) -> Sketch:
    """Every number of the tensor lies in its storage, which has at least as many."""
    if not isinstance(storage, Storage):
        raise PickleError("a tensor has no storage")
    kind = kind if isinstance(kind, Type) else storage.type
    if not (isinstance(shape, tuple) and isinstance(strides, tuple) and len(shape) == len(strides) <= MOST_DIMENSIONS):
        raise PickleError("a tensor's shape is damaged")
    if any(type(number) is not int or not 0 <= number < 2**62 for number in (offset, *shape, *strides)):
        raise PickleError("a tensor's shape is damaged")
    count, room = math.prod(shape), storage.count * storage.type.bytes // kind.bytes
    last = offset + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
    if count > room or (count and last >= room) or offset > room:
        raise PickleError("a tensor reaches out of its storage")
    return Sketch(storage, offset, shape, strides, kind)


def _from_type(function: Any, _type: Any, arguments: Any, *_state: Any) -> Any:
    if not isinstance(function, Known) or not isinstance(arguments, tuple):
        raise PickleError("a tensor of an unknown class")
    return function.call(*arguments)


def _dictionary(pairs: Any = (), *_: Any) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for name, value in pairs:
        if not isinstance(name, (str, int)):
            raise PickleError("a key is no text")
        found[name] = value
    return found


def _scalar(kind: Any, raw: Any = None, *_: Any) -> Any:
    """A NumPy number as Python's own."""
    code = kind.name.removeprefix("dtype ") if isinstance(kind, Inert) else ""
    packed = {"f8": "<d", "f4": "<f", "i8": "<q", "i4": "<i", "b1": "<?", "u1": "<B"}.get(code)
    if packed is None or not isinstance(raw, (bytes, bytearray)) or len(raw) != struct.calcsize(packed):
        return Inert("numpy scalar", (kind, raw))
    return struct.unpack(packed, raw)[0]
