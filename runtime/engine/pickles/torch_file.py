"""What lies in a file of `torch.save`, zip archive or older stream, without torch: its structure and where numbers lie.

A tensor comes out as a `Sketch`: type, shape, and the bytes of the file that hold it, all checked.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Protocol, cast

from runtime.engine.pickles.sketches import MOST_TOLD, PickleError, Sketch, Storage, Type
from runtime.engine.pickles.torch_globals import known_globals
from runtime.engine.pickles.unpickle import unpickle

#: bytes of the structure (names, shapes), not of the numbers
LARGEST_PICKLE = 64 * 1024 * 1024
#: a hundred bytes for a tensor
LARGEST_DIRECTORY = 8 * 1024 * 1024
#: of the pickles before the structure, which say what kind of file it is
_FEW_OPERATIONS = 1000
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
#: bytes of a stream that are asked for at a time
_AHEAD = 256 * 1024


class Source(Protocol):
    """The bytes of a file: `bytes`, or what gives them when they are asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> bytes: ...


def read_torch_file(source: Source) -> Any:
    """What the file holds, with a `Sketch` for every tensor; PickleError (damaged) or EOFError (cut) says what is
    wrong.
    """
    try:
        return _read_zip(source) if source[:4] == b"PK\x03\x04" else _read_stream(source)
    except (zipfile.BadZipFile, struct.error, NotImplementedError) as broken:
        raise PickleError(str(broken)) from broken


# -- the archive: data.pkl for the structure, data/0, data/1 … for the numbers


def _read_zip(source: Source) -> Any:
    try:
        archive = zipfile.ZipFile(_Archive(source))
    except zipfile.BadZipFile as broken:
        # its directory is at the end
        raise EOFError("its end is missing") from broken
    except PickleError:
        raise
    except (UnicodeDecodeError, ValueError, OverflowError) as broken:
        raise PickleError("its directory is damaged") from broken
    entries = {info.filename: info for info in archive.infolist()}
    pickles = sorted((name for name in entries if PurePosixPath(name).name == "data.pkl"), key=len)
    if not pickles:
        raise PickleError("it is a zip archive of something else")
    root = pickles[0].removesuffix("data.pkl")
    order = entries.get(root + "byteorder")
    if order is not None and _entry(source, order)[1] == 3:
        raise PickleError("its numbers are big-endian")
    start, size = _entry(source, entries[pickles[0]])
    if size > LARGEST_PICKLE:
        raise PickleError(f"its structure takes {size:,} bytes")

    def find(key: Any) -> Any:
        kind, place, count = _stored(key)
        if f"{root}data/{place}" not in entries:
            raise PickleError(f"the numbers {place!r:.40} are missing")
        begin, room = _entry(source, entries[f"{root}data/{place}"])
        if count * kind.bytes > room:
            raise PickleError("a tensor has fewer bytes than numbers")
        return Storage(kind, begin, count)

    return unpickle(io.BytesIO(source[start : start + size]), known_globals(_Counted(len(source))), find)


def _entry(source: Source, info: zipfile.ZipInfo) -> tuple[int, int]:
    """(start, bytes) of an entry; torch never compresses, so a bomb has no fuse."""
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        raise PickleError("it is compressed")
    head = source[info.header_offset : info.header_offset + 30]
    if info.header_offset < 0 or len(head) < 30 or head[:4] != b"PK\x03\x04":
        raise PickleError("its directory is damaged")
    name, extra = struct.unpack("<HH", head[26:30])
    start = info.header_offset + 30 + name + extra
    if start + info.file_size > len(source):
        raise EOFError("an entry ends behind the end of the file")
    return start, info.file_size


class _Archive:
    """The file as `zipfile` reads it: its directory, at the end; each entry there becomes an object."""

    def __init__(self, source: Source) -> None:
        self._source, self._place = source, 0

    def seek(self, offset: int, whence: int = 0) -> int:
        place = offset + {0: 0, 1: self._place, 2: len(self._source)}[whence]
        if place < 0:
            raise OSError("negative place")
        self._place = place
        return place

    def tell(self) -> int:
        return self._place

    def read(self, count: int = -1) -> bytes:
        end = len(self._source) if count < 0 else min(self._place + count, len(self._source))
        if end - self._place > LARGEST_DIRECTORY:
            raise PickleError(f"its directory takes {end - self._place:,} bytes")
        taken = self._source[self._place : end]
        self._place += len(taken)
        return taken


# -- the stream of before 1.6: five pickles, then for each storage its count and its numbers


def _read_stream(source: Source) -> Any:
    stream = cast(BinaryIO, _Stream(_Start(source), _AHEAD))
    magic, version, _system = (unpickle(stream, {}, _no_storage, _FEW_OPERATIONS) for _ in range(3))
    if (magic, version) != (_LEGACY_MAGIC, 1001):
        raise PickleError("it is a pickle of something else than torch's")
    begin = stream.tell()
    # 1. the types of the storages, which lie behind the structure that names them
    kinds: dict[str, Type] = {}

    def note(key: Any) -> Any:
        kind, place, count = _stored(key)
        kinds[place] = kind
        return Storage(kind, 0, count)

    unpickle(stream, known_globals(lambda sketch: sketch), _classes_aside(note))
    # 2. where each lies
    keys = unpickle(stream, {}, _no_storage)
    places = _places(source, stream.tell(), keys, kinds)

    # 3. again, with them
    def find(key: Any) -> Any:
        kind, place, count = _stored(key)
        found = places.get(place)
        if found is None or count > found.count or kind != found.type:
            raise PickleError("a tensor has fewer bytes than numbers")
        return found

    stream.seek(begin)
    return unpickle(stream, known_globals(_Counted(len(source))), _classes_aside(find))


def _classes_aside(find: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The stream keeps a module's class with its source under a persistent id ("module", class, file, source)."""

    def found(key: Any) -> Any:
        return key[1] if isinstance(key, tuple) and len(key) == 4 and key[0] == "module" else find(key)

    return found


def _places(source: Source, place: int, keys: Any, kinds: Mapping[str, Type]) -> dict[str, Storage]:
    """Where the numbers of each storage lie, from `place` on in the order of `keys`; EOFError where they end early."""
    found: dict[str, Storage] = {}
    for key in keys if isinstance(keys, list) else ():
        if not isinstance(key, str) or key not in kinds:
            raise PickleError("its list of storages is damaged")
        head = source[place : place + 8]
        if len(head) < 8:
            raise EOFError("some of its numbers are missing")
        (count,) = struct.unpack("<q", head)
        size = count * kinds[key].bytes
        if not 0 <= size <= len(source) - place - 8:
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


class _Start(io.RawIOBase):
    """The file's first bytes as a stream, as many as a structure may have."""

    def __init__(self, source: Source) -> None:
        self._source, self._place = source, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._place = offset + {0: 0, 1: self._place, 2: len(self._source)}[whence]
        return self._place

    def readinto(self, into: Any, /) -> int:
        room = memoryview(into)
        taken = self._source[self._place : min(self._place + len(room), LARGEST_PICKLE)]
        room[: len(taken)] = taken
        self._place += len(taken)
        return len(taken)


class _Stream(io.BufferedReader):
    """A length in a pickle may be any, and so many bytes would be laid out before the first is read."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size, LARGEST_PICKLE) if size is not None and size >= 0 else LARGEST_PICKLE)


# -- how many tensors a file may make of its bytes


class _Counted:
    """Lets sketches pass, as long as they are not of far more numbers than the file holds."""

    def __init__(self, size: int) -> None:
        self._room = size * MOST_TOLD

    def __call__(self, sketch: Sketch) -> Sketch:
        self._room -= math.prod(sketch.shape) * sketch.type.bytes
        if self._room < 0:
            raise PickleError("it tells the same numbers over and over")
        return sketch
