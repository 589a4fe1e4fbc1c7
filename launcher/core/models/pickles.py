"""A bounded, inert look into a file of torch.save, zip archive or older stream: names, types and shapes of tensors."""

from __future__ import annotations

import struct
import zipfile
from pathlib import PurePosixPath
from typing import BinaryIO

from launcher.core.models.pickle_operations import Found, PickleError, Strange, TruncatedError, Walk

__all__ = ["Found", "PickleError", "Strange", "TruncatedError", "read_torch_file"]

#: bytes of the structure; names and shapes of the largest checkpoints take some two million
LARGEST_PICKLE = 64 * 1024 * 1024
LARGEST_DIRECTORY = 8 * 1024 * 1024
#: structures in one archive: torch writes one, and each may be read whole
_MOST_PICKLES = 4
_FIRST_LOOK = 256 * 1024
_LEGACY_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."


def read_torch_file(file: BinaryIO, size: int) -> Found:
    """PickleError or TruncatedError says what is wrong; the file is a zip archive or torch's older stream."""
    file.seek(0)
    start = file.read(len(_LEGACY_MAGIC))
    if start.startswith(b"PK\x03\x04"):
        return _zip(file, size)
    if start == _LEGACY_MAGIC:
        return _stream(file, size)
    found = Found()
    Walk(_head(file, size, LARGEST_PICKLE), 0, found).run()
    return found


# -- the archive: data.pkl for the structure, data/0, data/1 … for the numbers


def _zip(file: BinaryIO, size: int) -> Found:
    try:
        archive = zipfile.ZipFile(_Bounded(file, size))
    except (zipfile.BadZipFile, OSError) as broken:
        # its directory is at the end
        raise TruncatedError("its end is missing") from broken
    except (ValueError, OverflowError, NotImplementedError, struct.error) as broken:
        raise PickleError("its directory is damaged") from broken
    entries = {info.filename: info for info in archive.infolist()}
    pickles = sorted((name for name in entries if PurePosixPath(name).name == "data.pkl"), key=len)
    if not pickles:
        raise PickleError("it is an archive of something else")
    if len(pickles) > _MOST_PICKLES:
        raise PickleError(f"it has {len(pickles)} structures")
    found = Found("torchscript" if any("/code/" in name for name in entries) else "pickle")
    Walk(_stored(file, size, entries[pickles[0]]), 0, found).run()
    for other in pickles[1:]:
        # A reader may take another one for the structure.
        _note_globals(_stored(file, size, entries[other]), 0, found)
    root = pickles[0].removesuffix("data.pkl")
    for key, needed in found.storages.items():
        info = entries.get(f"{root}data/{key}")
        if info is None or info.file_size < needed or info.header_offset + info.file_size > size:
            raise TruncatedError(f"the numbers {key[:20]!r} are missing")
    return found


def _stored(file: BinaryIO, size: int, info: zipfile.ZipInfo) -> bytes:
    """An entry's bytes; torch never compresses, so a bomb has no fuse."""
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        raise PickleError("it is compressed")
    if info.file_size > LARGEST_PICKLE:
        raise PickleError(f"its structure takes {info.file_size} bytes")
    file.seek(info.header_offset)
    head = file.read(30)
    if len(head) < 30 or head[:4] != b"PK\x03\x04":
        raise PickleError("its directory is damaged")
    name, extra = struct.unpack("<HH", head[26:30])
    start = info.header_offset + 30 + name + extra
    if start + info.file_size > size:
        raise TruncatedError("its structure ends early")
    file.seek(start)
    return file.read(info.file_size)


class _Bounded:
    """The file as `zipfile` may read it: so many bytes at a time, since a directory's size is anyone's claim."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size = file, size

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def read(self, count: int = -1) -> bytes:
        room = self._size - self._file.tell()
        wanted = room if count < 0 else min(count, room)
        if wanted > LARGEST_DIRECTORY:
            raise ValueError(f"a directory of {wanted} bytes")
        return self._file.read(wanted)


# -- the stream of before torch 1.6: five pickles, then for each storage its count and its numbers


def _stream(file: BinaryIO, size: int) -> Found:
    try:
        return _whole_stream(_head(file, size, _FIRST_LOOK), size)
    except TruncatedError:
        if size <= _FIRST_LOOK:
            raise
        return _whole_stream(_head(file, size, LARGEST_PICKLE), size)


def _whole_stream(data: bytes, size: int) -> Found:
    place, found = 0, Found()
    for _ in range(3):
        place = _note_globals(data, place, found)
    place = Walk(data, place, found).run()
    place = _note_globals(data, place, found)
    needed = place + sum(8 + count for count in found.storages.values())
    if needed > size:
        raise TruncatedError(f"{needed - size} / {needed}")
    return found


def _note_globals(data: bytes, place: int, found: Found) -> int:
    """Of a pickle that holds no tensors and is loaded all the same; where it ends."""
    other = Found(left=found.left)
    end = Walk(data, place, other).run()
    found.globals |= other.globals
    found.left = other.left
    return end


def _head(file: BinaryIO, size: int, most: int) -> bytes:
    file.seek(0)
    return file.read(min(size, most))
