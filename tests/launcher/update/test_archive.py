"""Archives from strangers: forty ways to lead astray, each refused before anything lies outside."""

from __future__ import annotations

import io
import os
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from launcher.core import archive as module
from launcher.core.archive import unpack
from launcher.core.errors import LauncherError

Build = Callable[[zipfile.ZipFile], None]


def named(*names: str, kind: int = stat.S_IFREG, text: bytes = b"x") -> Build:
    """Entries of these names; `kind` is the file type that Unix would give them."""

    def build(archive: zipfile.ZipFile) -> None:
        for name in names:
            entry = zipfile.ZipInfo("x")
            entry.filename = entry.orig_filename = name
            entry.external_attr = (kind | 0o644) << 16
            archive.writestr(entry, text)

    return build


def zipped(build: Build) -> bytes:
    target = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # the same name twice is meant
        build(archive)
    return target.getvalue()


def plain(**files: bytes) -> bytes:
    def build(archive: zipfile.ZipFile) -> None:
        for name, text in files.items():
            archive.writestr(name, text)

    return zipped(build)


def encrypted() -> bytes:
    data = bytearray(plain(a=b"secret"))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def other_local_name() -> bytes:
    """The two places that name a file do not agree."""
    return plain(abc=b"x").replace(b"abc", b"../", 1)


def nul_in_name() -> bytes:
    return plain(abcd=b"x").replace(b"abcd", b"a\0cd")


def overlapping() -> bytes:
    """Two entries of the list of contents lead to one and the same file (the way of a small bomb)."""
    data = plain(a=b"x" * 1000)
    start = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    record = bytearray(data[start:end])
    again = bytearray(record)
    again[46:47] = b"b"
    tail = bytearray(data[end:])
    struct.pack_into("<HHI", tail, 8, 2, 2, len(record) * 2)
    return data[:start] + bytes(record) + bytes(again) + bytes(tail)


def many() -> bytes:
    """A list of contents that says it is enormous."""
    data = bytearray(plain(a=b"x"))
    struct.pack_into("<I", data, data.index(b"PK\x05\x06") + 12, 0x7FFFFFFF)
    return bytes(data)


def wrong_checksum() -> bytes:
    data = bytearray(zipped(lambda archive: archive.writestr("a", b"hello world", zipfile.ZIP_STORED)))
    place = data.index(b"hello")
    data[place] ^= 1
    return bytes(data)


BAD: dict[str, bytes] = {
    **{
        f"name {name!r}": zipped(named(name))
        for name in (
            "../x", "a/../../x", "/etc/x", "//host/x", "a/./b", "..", ".", "a//b", "C:/x", "C:x", "a\\b", "..\\x",
            "con", "nul.txt", "a/COM1", "a.", "a ", "x\ny", "x\x1by", "a:stream", 'a"b', "a?", "a|b", "x" * 300,
            ".git/config",
            "top/.GIT/hooks/post-checkout",
        )
    },
    "the same name twice": zipped(named("a", "a")),
    "names of one file on Windows": zipped(named("a/Readme", "a/README")),
    "names of one file on macOS": zipped(named("caf\u00e9", "cafe\u0301")),
    "a file that is a folder too": zipped(named("a", "a/b")),
    "a link": zipped(named("a", kind=stat.S_IFLNK, text=b"/etc/passwd")),
    "a device": zipped(named("a", kind=stat.S_IFCHR)),
    "a pipe": zipped(named("a", kind=stat.S_IFIFO)),
    "a folder that says it is a file": zipped(named("a/", kind=stat.S_IFREG)),
    "encrypted": encrypted(),
    "other local name": other_local_name(),
    "a NUL in a name": nul_in_name(),
    "overlapping": overlapping(),
    "a list too large": many(),
    "wrong checksum": wrong_checksum(),
    "something before": b"#!/bin/sh\n" + plain(a=b"x"),
    "two archives in a row": plain(a=b"x") + plain(b=b"y"),
    "a bomb": plain(a=b"\0" * (64 << 20)),
    "packed in another way": zipped(lambda archive: archive.writestr("a", b"x" * 99, zipfile.ZIP_BZIP2)),
    "empty": zipped(lambda archive: None),
    "nothing": b"",
    "a page": b"<!DOCTYPE html><html>404</html>",
    "cut off": plain(a=os.urandom(2000))[:-500],
    "a tar": b"pax" * 400,
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_it_is_refused_and_nothing_lies_outside(tmp_path: Path, name: str) -> None:
    file = tmp_path / "in" / "x.zip"
    file.parent.mkdir()
    file.write_bytes(BAD[name])
    with pytest.raises(LauncherError) as failure:
        unpack(file, tmp_path / "deep" / "er" / "out")
    assert failure.value.code == "bad-archive"
    assert str(failure.value.message)
    assert [path.name for path in tmp_path.iterdir()] in (["in"], ["in", "deep"], ["deep", "in"])
    if name not in ("wrong checksum", "other local name"):
        assert not list((tmp_path / "deep").rglob("*")), "judged before the first byte is written"


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    (tmp_path / "x.zip").write_bytes(zipped(named("a", "b", "c", "d")))
    with pytest.raises(LauncherError, match="bad-archive"):
        unpack(tmp_path / "x.zip", tmp_path / "out")


def test_what_is_well_comes_out_as_it_went_in(tmp_path: Path) -> None:
    def build(archive: zipfile.ZipFile) -> None:
        archive.writestr("gesso-1/", b"")
        named("gesso-1/我的 文件.txt", "gesso-1/.gitignore", "gesso-1/a/b c/d")(archive)
        entry = zipfile.ZipInfo("gesso-1/install.sh")
        entry.external_attr = (stat.S_IFREG | 0o755) << 16
        archive.writestr(entry, b"#!/bin/sh\n" * 100, zipfile.ZIP_DEFLATED)
        archive.comment = b"0" * 40

    (tmp_path / "x.zip").write_bytes(zipped(build))
    names = unpack(tmp_path / "x.zip", tmp_path / "out")
    assert names == (".gitignore", "a/b c/d", "install.sh", "我的 文件.txt")
    assert (tmp_path / "out/install.sh").read_bytes() == b"#!/bin/sh\n" * 100
    assert os.name == "nt" or (tmp_path / "out/install.sh").stat().st_mode & 0o100
    assert os.name == "nt" or not (tmp_path / "out/.gitignore").stat().st_mode & 0o100


def test_several_folders_at_the_top_stay(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(plain(**{"a/x": b"1", "b/y": b"2"}))
    assert unpack(tmp_path / "x.zip", tmp_path / "out") == ("a/x", "b/y")


def test_a_folder_that_cannot_be_written_is_the_systems_word(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(plain(**{"a/x": b"1", "b/y": b"2"}))
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OSError, match="out"):
        unpack(tmp_path / "x.zip", tmp_path / "out")
