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
from pathlib import Path, PurePosixPath
from typing import Any

from runtime.engine.sketches import Sketch, Storage, Type, known_globals
from runtime.engine.unpickle import PickleError, unpickle
from runtime.request import RequestError

#: bytes of the structure (names, shapes), not of the numbers
LARGEST_PICKLE = 64 * 1024 * 1024
#: a hundred bytes for a tensor
LARGEST_DIRECTORY = 8 * 1024 * 1024
#: of the pickles before the structure, which say what kind of file it is
_FEW_OPERATIONS = 1000
#: tied weights are told more than once; a file that tells everything this often is made to fill the memory
MOST_TOLD = 8
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_AGAIN = "Download the file again and compare its size with the one on the download page."

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
    except MemoryError as full:
        message = f"There is not enough memory to read {path.name}."
        raise RequestError("out-of-memory", message, "Close other programs, or choose another file.") from full
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
        archive = zipfile.ZipFile(_Archive(mapped))
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

    return unpickle(io.BytesIO(mapped[start : start + size]), known_globals(_Counted(make, mapped)), find)


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


class _Archive:
    """The mapped file as `zipfile` reads it: its directory, at the end; each entry there becomes an object."""

    def __init__(self, mapped: mmap.mmap) -> None:
        self._mapped, self._place = mapped, 0

    def seek(self, offset: int, whence: int = 0) -> int:
        place = offset + {0: 0, 1: self._place, 2: len(self._mapped)}[whence]
        if place < 0:
            raise OSError("negative place")
        self._place = place
        return place

    def tell(self) -> int:
        return self._place

    def read(self, count: int = -1) -> bytes:
        end = len(self._mapped) if count < 0 else min(self._place + count, len(self._mapped))
        if end - self._place > LARGEST_DIRECTORY:
            raise PickleError(f"its directory takes {end - self._place:,} bytes")
        taken = self._mapped[self._place : end]
        self._place += len(taken)
        return taken


# -- the stream of before 1.6: five pickles, then for each storage its count and its numbers


def _read_stream(mapped: mmap.mmap, make: Make) -> Any:
    stream = io.BytesIO(mapped[:LARGEST_PICKLE])
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
    places = _places(mapped, stream.tell(), keys, kinds)

    # 3. again, with them
    def find(key: Any) -> Any:
        kind, place, count = _stored(key)
        found = places.get(place)
        if found is None or count > found.count or kind != found.type:
            raise PickleError("a tensor has fewer bytes than numbers")
        return found

    stream.seek(begin)
    return unpickle(stream, known_globals(_Counted(make, mapped)), _classes_aside(find))


def _classes_aside(find: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The stream keeps a module's class with its source under a persistent id ("module", class, file, source)."""

    def found(key: Any) -> Any:
        return key[1] if isinstance(key, tuple) and len(key) == 4 and key[0] == "module" else find(key)

    return found


def _places(mapped: mmap.mmap, place: int, keys: Any, kinds: Mapping[str, Type]) -> dict[str, Storage]:
    """Where the numbers of each storage lie, from `place` on in the order of `keys`; EOFError where they end early."""
    found: dict[str, Storage] = {}
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


# -- how many tensors a file may make of its bytes


class _Counted:
    """Makes tensors, as long as they are not far more than the file holds."""

    def __init__(self, make: Make, mapped: mmap.mmap) -> None:
        self._make, self._mapped, self._room = make, mapped, len(mapped) * MOST_TOLD

    def __call__(self, sketch: Sketch) -> Any:
        self._room -= math.prod(sketch.shape) * sketch.type.bytes
        if self._room < 0:
            raise PickleError("it tells the same numbers over and over")
        return self._make(sketch, self._mapped)
