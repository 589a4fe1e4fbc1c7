"""Zip archives from strangers, unpacked by strict rules: everything is judged before the first byte is written."""

from __future__ import annotations

import itertools
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from launcher.core.errors import LauncherError
from launcher.core.paths import is_device
from launcher.core.text import Text, t

#: of all files together when unpacked, in bytes
LARGEST = 1 << 30
MOST = 50_000
#: how much larger than the archive its contents may be: text shrinks about fivefold, a bomb a thousandfold
_GROWTH = 200
_CHUNK = 1 << 20
_ZIP, _END = b"PK\x03\x04", b"PK\x05\x06"
#: the longest end of an archive: its record and a comment
_TAIL = 22 + 65535


class _BadError(Exception):
    def __init__(self, what: Text) -> None:
        super().__init__(str(what))
        self.what = what


def unpack(file: Path, folder: Path) -> tuple[str, ...]:
    """The files of the zip archive `file` into the empty `folder`; their paths with slashes, sorted.

    A single folder that holds everything, as in archives of source code, is left out. LauncherError `bad-archive`
    before anything is written for: paths that lead outside, links, devices, names that mean the same file, names that
    one system or other cannot bear, encryption, too many or too large files, other contents before or inside. A file
    whose bytes are not what they should be is `bad-archive` too, with the rest left in `folder`. Raises OSError.
    """
    try:
        _judge_ends(file)
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            _judge(file, entries)
            files = [entry for entry in entries if not entry.is_dir()]
            skip = _common_folder([entry.filename for entry in files])
            for entry in files:
                _write(archive, entry, folder / entry.filename[skip:])
    except _BadError as bad:
        raise _bad(file, bad.what) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeDecodeError) as error:
        raise _bad(file, t("{reason}", reason=str(error)[:200])) from None
    return tuple(sorted(entry.filename[skip:] for entry in files))


def _judge_ends(file: Path) -> None:
    """Its first bytes, and the size of its list of contents, before a million entries are read."""
    with file.open("rb") as opened:
        first = opened.read(4)
        opened.seek(max(0, file.stat().st_size - _TAIL))
        tail = opened.read()
    place = tail.rfind(_END)
    if first != _ZIP or place < 0:
        raise _BadError(t("it is no zip archive"))
    if int.from_bytes(tail[place + 12 : place + 16], "little") > MOST * 400:
        raise _BadError(t("its list of contents is too large"))


def _judge(file: Path, entries: Sequence[zipfile.ZipInfo]) -> None:
    if not entries or len(entries) > MOST:
        raise _BadError(t("it holds {count} files", count=len(entries)))
    size = sum(entry.file_size for entry in entries)
    if size > min(LARGEST, file.stat().st_size * _GROWTH):
        raise _BadError(t("it would unpack to {size} MiB", size=size >> 20))
    _judge_places(entries)
    seen: set[str] = set()
    folders: set[str] = set()
    for entry in entries:
        _judge_name(entry)
        _judge_kind(entry)
        plain = _same(entry.filename.rstrip("/"))
        if plain in seen:
            raise _BadError(t("two files would be {name}", name=entry.filename))
        (folders if entry.is_dir() else seen).add(plain)
        folders.update(_same(str(above)) for above in PurePosixPath(entry.filename).parents if str(above) != ".")
    if clash := seen & folders:
        raise _BadError(t("{name} is a file and a folder", name=min(clash)))


def _judge_places(entries: Sequence[zipfile.ZipInfo]) -> None:
    """Files that lie over each other unpack to more than the archive could hold."""
    placed = sorted(entries, key=lambda entry: entry.header_offset)
    if placed[0].header_offset != 0:
        raise _BadError(t("something else lies before its files"))
    for entry, following in itertools.pairwise(placed):
        if entry.header_offset + 30 + entry.compress_size > following.header_offset:
            raise _BadError(t("files lie over each other in it"))


def _judge_name(entry: zipfile.ZipInfo) -> None:
    """Refused are paths that lead outside on any system, and names that Windows bends into others."""
    name = entry.filename
    parts = name.rstrip("/").split("/")
    # zipfile cuts the name at a NUL and on Windows turns backslashes round; what was written counts
    if name != entry.orig_filename or "\0" in entry.orig_filename or "\\" in name or not name:
        raise _BadError(t("the name {name} is not right", name=repr(entry.orig_filename)[:100]))
    for part in parts:
        if part in ("", ".", "..") or part.endswith((".", " ")) or is_device(part) or len(part.encode()) > 240:
            raise _BadError(t("the name {name} is not right", name=repr(name)[:100]))
        if any(letter in ':*?"<>|' or unicodedata.category(letter) in ("Cc", "Cs") for letter in part):
            raise _BadError(t("the name {name} is not right", name=repr(name)[:100]))
    if parts[0].lower() == ".git" or (len(parts) > 1 and parts[1].lower() == ".git"):
        raise _BadError(t("the name {name} is not right", name=repr(name)[:100]))


def _judge_kind(entry: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR) or (kind and (kind == stat.S_IFDIR) != entry.is_dir()):
        raise _BadError(t("{name} is no plain file", name=entry.filename))
    if entry.flag_bits & 0x1:
        raise _BadError(t("{name} is encrypted", name=entry.filename))
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _BadError(t("{name} is packed in an unusual way", name=entry.filename))


def _same(name: str) -> str:
    """Equal for names that some system takes for one."""
    return unicodedata.normalize("NFC", name).casefold()


def _common_folder(names: Sequence[str]) -> int:
    """How many letters of each name belong to the one folder that holds them all."""
    first = names[0].partition("/")[0] if names else ""
    whole = all(name.startswith(f"{first}/") for name in names)
    return len(first) + 1 if whole else 0


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    # zipfile compares name and checksum with what stands before the data
    with archive.open(entry) as packed, target.open("xb") as file:
        while chunk := packed.read(_CHUNK):
            written += len(chunk)
            if written > entry.file_size:
                raise _BadError(t("{name} is larger than it says", name=entry.filename))
            file.write(chunk)
    if written != entry.file_size:
        raise _BadError(t("{name} is smaller than it says", name=entry.filename))
    if entry.external_attr >> 16 & 0o100:
        target.chmod(0o755)


def _bad(file: Path, what: Text) -> LauncherError:
    return LauncherError(
        "bad-archive",
        t("The archive {file} is not used: {what}.", file=file.name, what=what),
        t("Fetch it again, from the place where Gesso is published."),
    )
