"""Where a broken model is to be had again, with the SHA-256 that it must have: by what lies on this computer alone."""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from launcher.core.errors import LauncherError
from launcher.core.models.addresses import file_address
from launcher.core.models.catalogue import Catalogue, Entry, Location
from launcher.core.models.known import read_known
from launcher.core.models.notes import sidecars
from launcher.core.models.outline import open_plainly
from launcher.core.paths import Workspace
from launcher.core.text import Text, t

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_OID = re.compile(r"^oid sha256:([0-9a-f]{64})\s*$", re.MULTILINE)
_SIZE = re.compile(r"^size (\d+)\s*$", re.MULTILINE)
#: bytes: git-lfs allows a pointer of 1024, and a note of a model has its description in it
_POINTER, _NOTE = 1024, 4 * 1024 * 1024
_HUB = re.compile(
    r"https?://(?P<host>huggingface\.co|hf-mirror\.com|(?:www\.)?modelscope\.cn)/(?P<repo>[\w.-]+/[\w.-]+?)(?:\.git)?/?"
)


@dataclass(frozen=True)
class Source:
    """One file of which the whole is known. `size` None: nobody said."""

    sha256: str
    size: int | None
    locations: tuple[Location, ...]
    #: for people: who knows it
    told_by: Text

    def entry(self, name: str) -> Entry:
        """As if the catalogue had it."""
        return Entry(
            name, "checkpoint", "any", "safetensors", 0, "", self.size or 0, self.sha256, "not verified", "one-source",
            (), self.locations,
        )  # fmt: skip


@dataclass(frozen=True)
class Pointer:
    """What git-lfs puts where a large file belongs. Source: git-lfs, docs/spec.md, "The Pointer"."""

    sha256: str
    size: int


def read_pointer(path: Path) -> Pointer | None:
    """None: it is none."""
    try:
        with open_plainly(path) as file:
            text = file.read(_POINTER).decode("utf-8", "replace")
    except OSError:
        return None
    oid, size = _OID.search(text), _SIZE.search(text)
    if not text.startswith("version https://git-lfs") or oid is None or size is None:
        return None
    return Pointer(oid[1], int(size[1]))


def find_source(workspace: Workspace, path: Path, catalogue: Catalogue) -> Source | None:
    """The first that knows it: the catalogue by the hash that it should have, a note beside it, the clone that it
    lies in, the catalogue by its name."""
    pointer = read_pointer(path)
    wanted = pointer.sha256 if pointer else _remembered(workspace, path)
    if wanted and isinstance(entry := catalogue.by_hash(wanted), Entry):
        return _of_entry(entry)
    for source in _noted(path):
        # what a pointer says counts before a note
        if pointer is None or source.sha256 == pointer.sha256:
            return source
    if pointer is not None:
        return _of_clone(path, pointer)
    name = path.name.casefold()
    named = next((entry for entry in catalogue.file if entry.name.casefold() == name), None)
    return _of_entry(named) if named else None


def _of_entry(entry: Entry) -> Source:
    return Source(entry.sha256, entry.bytes, entry.locations, t("the catalogue"))


def _remembered(workspace: Workspace, path: Path) -> str | None:
    """Its hash from the time when it was whole."""
    entry = read_known(workspace).entries.get(str(path))
    found = entry[2] if isinstance(entry, list) and len(entry) == 4 else None
    return found if isinstance(found, str) and _SHA256.fullmatch(found) else None


def _noted(path: Path) -> Iterator[Source]:
    """The notes that download helpers write beside a model: Civitai's answer about its version."""
    there = {each.name for each in path.parent.glob("*.json")} | {each.name for each in path.parent.glob("*.info")}
    for name in sidecars(path.stem, there):
        note = _read(path.with_name(name))
        for file in _files(note):
            if source := _source(note, file):
                yield source


def _read(file: Path) -> Mapping[str, Any]:
    try:
        with open_plainly(file) as stream:
            found = json.loads(stream.read(_NOTE).decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _files(note: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The note's main file first."""
    listed = note.get("files")
    files = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return sorted(files, key=lambda each: not each.get("primary")) or [note]


def _source(note: Mapping[str, Any], file: Mapping[str, Any]) -> Source | None:
    hashes = file.get("hashes")
    digest = hashes.get("SHA256") if isinstance(hashes, dict) else file.get("sha256")
    url = file.get("downloadUrl") or note.get("downloadUrl")
    if not isinstance(digest, str) or not _SHA256.fullmatch(digest) or not isinstance(url, str):
        return None
    try:
        address = file_address(url)
    except LauncherError:
        return None
    place = Location("url", "stated", url=address)
    return Source(digest.lower(), None, (place,), t("the note beside it ({host})", host=urlsplit(address).hostname))


def _of_clone(path: Path, pointer: Pointer) -> Source | None:
    """A clone without git-lfs has the pointers in the place of the files, and says where it was cloned from."""
    for folder in path.parents:
        config = folder / ".git" / "config"
        if config.is_file():
            found = _HUB.fullmatch(_origin(config))
            inside = path.relative_to(folder).as_posix()
            return _of_hub(found["host"], found["repo"], inside, pointer) if found else None
    return None


def _origin(config: Path) -> str:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    try:
        parser.read_string(config.read_text(encoding="utf-8", errors="replace"))
    except (OSError, configparser.Error):
        return ""
    return parser.get('remote "origin"', "url", fallback="")


def _of_hub(host: str, repo: str, inside: str, pointer: Pointer) -> Source:
    kind = "modelscope" if "modelscope" in host else "huggingface"
    place = Location(kind, "lfs", repo=repo, path=inside)  # type: ignore[arg-type]
    return Source(pointer.sha256, pointer.size, (place,), t("the clone that it lies in ({repo})", repo=quote(repo)))
