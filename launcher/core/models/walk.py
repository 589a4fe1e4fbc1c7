"""Every model's file under some folders: links followed, each real place told once; nothing is opened or changed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from launcher.core.models.shelves import Shelf
from launcher.core.text import Text, t

ENDINGS = (".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf")
_INDEX = "model_index.json"
#: the folders of a model in diffusers' layout
_PARTS = (
    "unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler", "safety_checker",
    "feature_extractor", "image_encoder",
)  # fmt: skip
_FOLLOW_NO_MORE = 64


@dataclass(frozen=True)
class Seen:
    """A file, or a whole diffusers folder; `name` is its path in the shelf, with forward slashes."""

    shelf: Shelf
    path: str
    name: str
    size: int
    mtime_ns: int
    #: what lies beside it, by name
    there: frozenset[str] = frozenset()
    is_folder: bool = False


@dataclass(frozen=True)
class Refused:
    """A place that could not be looked at, and what the system says."""

    path: str
    reason: Text | str


@dataclass
class _Walked:
    """Real folders and files that were told already."""

    folders: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)


def walk(shelves: Sequence[Shelf]) -> Iterator[Seen | Refused]:
    """Shelf by shelf; a shelf that is not there is empty."""
    walked = _Walked()
    for shelf in shelves:
        if os.path.isdir(shelf.folder):  # noqa: PTH112 - the same with fewer objects
            yield from _folder(shelf, str(shelf.folder), "", walked, 0)


def _folder(shelf: Shelf, folder: str, name: str, walked: _Walked, depth: int) -> Iterator[Seen | Refused]:
    real = os.path.realpath(folder)
    if real in walked.folders or depth > _FOLLOW_NO_MORE:
        return
    walked.folders.add(real)
    try:
        with os.scandir(folder) as entries:
            there = list(entries)
    except OSError as refused:
        yield Refused(folder, refused.strerror or str(refused))
        return
    names = frozenset(entry.name for entry in there)
    parts: tuple[str, ...] = ()
    if _INDEX in names and "unet" in names:
        # Unpacked a step too high, it lies in the shelf itself, among the others, and takes its own parts alone.
        parts = () if name else _PARTS
        yield from _whole(shelf, folder, name, parts or ("",))
        if not parts:
            return
    inner: list[os.DirEntry[str]] = []
    for entry in there:
        if entry.name.lower().endswith(ENDINGS):
            yield from _file(shelf, entry, name, names, real, walked)
        elif entry.name not in parts and _is_folder(entry):
            inner.append(entry)
    for entry in inner:
        yield from _folder(shelf, entry.path, f"{name}{entry.name}/", walked, depth + 1)


def _file(
    shelf: Shelf, entry: os.DirEntry[str], place: str, names: frozenset[str], real: str, walked: _Walked
) -> Iterator[Seen | Refused]:
    try:
        # Windows keeps size and time in the folder's own list, which may lag behind; a link's own are not wanted.
        found = os.stat(entry.path) if os.name == "nt" else entry.stat()  # noqa: PTH116
        whole = os.path.realpath(entry.path) if entry.is_symlink() else os.path.join(real, entry.name)  # noqa: PTH118
    except FileNotFoundError:
        if entry.is_symlink():
            yield Refused(entry.path, t("its link leads nowhere"))
        return
    except OSError as refused:
        yield Refused(entry.path, refused.strerror or str(refused))
        return
    if stat.S_ISDIR(found.st_mode):
        if not _holds_models(entry.path):
            yield Refused(entry.path, t("it is a folder in which no model lies"))
        yield from _folder(shelf, entry.path, f"{place}{entry.name}/", walked, 1)
    elif not stat.S_ISREG(found.st_mode):
        yield Refused(entry.path, t("it is no ordinary file"))
    elif whole not in walked.files:
        walked.files.add(whole)
        yield Seen(shelf, entry.path, place + entry.name, found.st_size, found.st_mtime_ns, names)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _holds_models(folder: str) -> bool:
    return any(name.lower().endswith(ENDINGS) for _, _, files in os.walk(folder) for name in files)


def _whole(shelf: Shelf, folder: str, name: str, parts: Sequence[str]) -> Iterator[Seen | Refused]:
    """A model in diffusers' layout: what lies inside of `parts` is no model by itself."""
    size = newest = 0
    for place, _, files in chain.from_iterable(os.walk(os.path.join(folder, part)) for part in parts):  # noqa: PTH118
        for each in files:
            try:
                found = os.stat(os.path.join(place, each))  # noqa: PTH116, PTH118
            except OSError:
                continue
            size, newest = size + found.st_size, max(newest, found.st_mtime_ns)
    shown = name.rstrip("/") or Path(folder).name
    yield Seen(shelf, folder, shown, size, newest, is_folder=True)
