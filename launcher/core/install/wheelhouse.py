"""The wheels that were fetched, and the index of exactly those that an install takes: `cache/wheels/`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape, unescape
from pathlib import Path

from launcher.core.file_hash import sha256
from launcher.core.packages.wheels import WheelFile
from launcher.core.paths import Workspace
from launcher.core.records import write_text

_HEAD = "<!DOCTYPE html><html><body>\n"
_LINK = re.compile(r'#sha256=([0-9a-f]{64})">([^<]+)</a>')


def wheelhouse(workspace: Workspace) -> Path:
    """Where fetched wheels lie, each under its own name."""
    return workspace.cache / "wheels"


def place(house: Path, file: WheelFile) -> Path:
    """Where a file lies or will lie: one of the user's own stays where it is."""
    return file.local or house / file.name


def is_there(house: Path, file: WheelFile) -> bool:
    """Whether it lies there, to the last byte as its SHA-256 says."""
    path = place(house, file)
    return path.is_file() and (file.size in (None, path.stat().st_size)) and sha256(path) == file.sha256


def pages(house: Path) -> Path:
    """The folder of the index; its address stays the same: uv keeps what it unpacked under the address that it came
    from, and a second environment then shares the files of the first."""
    return (house / "simple").absolute()


def write_index(house: Path, files: Iterable[WheelFile]) -> str:
    """List `files` beside what was listed before (PyPA specification "simple repository API"); the index's address.

    LauncherError `disk-full`, `no-permission`.
    """
    for file in files:
        page = pages(house) / file.package / "index.html"
        link = f'<a href="{place(house, file).absolute().as_uri()}#sha256={file.sha256}">{escape(file.name)}</a>'
        write_text(page, _HEAD + "".join(f"{line}\n" for line in dict.fromkeys([*_links(page), link])))
    return pages(house).as_uri()


def _links(page: Path) -> list[str]:
    try:
        lines = page.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []
    return [line for line in lines if line.startswith("<a ")]


def damaged(house: Path, package: str | None = None) -> tuple[WheelFile, ...]:
    """The wheels, of one package or of all, that are not to the last byte what their page says; every byte is read."""
    found = []
    for page in sorted(pages(house).glob(f"{package or '*'}/index.html")):
        listed: dict[str, list[str]] = {}
        for link in filter(None, map(_LINK.search, _links(page))):
            listed.setdefault(unescape(link[2]), []).append(link[1])
        for name, hashes in listed.items():
            path = house / name
            if path.is_file() and sha256(path) not in hashes:
                version = name.split("-")[1] if name.count("-") > 1 else ""
                found.append(WheelFile(page.parent.name, version, name, path.absolute().as_uri(), hashes[-1]))
    return tuple(found)


def prune(house: Path, needed: set[str]) -> int:
    """Remove the wheels whose SHA-256 nothing in `needed` names, and their links; the bytes that became free."""
    freed = 0
    for page in pages(house).glob("*/index.html"):
        kept = []
        for line in _links(page):
            found = _LINK.search(line)
            path = house / unescape(found[2]) if found else None
            if not found or not path or found[1] in needed or not path.is_file():
                kept.append(line)
                continue
            freed += path.stat().st_size
            path.unlink()
        if kept:
            write_text(page, _HEAD + "".join(f"{line}\n" for line in kept))
        else:
            page.unlink()
    return freed
