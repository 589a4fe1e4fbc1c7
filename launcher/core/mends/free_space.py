"""The mend `free-space`: what the caches of the workspace hold is deleted, with its bytes; never a model, a picture, an
environment.

Only folders below the workspace's own `cache/`: what the user keeps elsewhere by a variable of his own is his.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import threading
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from launcher.core.events import Event, Notice, Progress
from launcher.core.hardware.volumes import existing, usage
from launcher.core.install.lock import install_lock
from launcher.core.mends.mend import Change, Here, Mend, Preview, Record, Values, nothing_to_mend
from launcher.core.paths import CACHES
from launcher.core.process import CancelledError
from launcher.core.running import find_running
from launcher.core.text import Text, t

TITLE = t("Free space: delete what can be fetched again")
#: beside the caches of paths.CACHES; the Pythons that uv fetched are no cache: environments run by them
_MORE = ("tmp", "wheels")
_KEPT = ("python",)
#: what a runtime that runs works with
_IN_USE = ("tmp", "huggingface", "torch", "torchinductor", "triton", "cuda", "matplotlib", "other", "gradio")
#: where an environment has its packages: on Windows, elsewhere
_PACKAGES = ("Lib/site-packages", "lib/python*/site-packages")
#: less is not worth the question
_LEAST = 1 << 20
#: free MiB with which a start and a picture go well
_ENOUGH_MIB = 1024


@dataclass(frozen=True)
class Cache:
    """What may be deleted of a folder below `cache/`; `bytes` is what that gives back."""

    name: str
    paths: tuple[Path, ...]
    bytes: int


def _preview(here: Here, values: Values) -> Preview | None:  # noqa: ARG001
    found = caches(here)
    if not found:
        return None
    changes = tuple(Change(t("Files in cache/{name}", name=each.name), _mib(each.bytes), None) for each in found)
    remark = t(
        "What is needed again is fetched again. Deleted files do not come back by themselves. "
        "Models, pictures and environments stay."
    )
    return Preview("free-space", TITLE, changes, remark)


def _apply(here: Here, values: Values, cancel: threading.Event | None) -> Generator[Event, None, Record]:  # noqa: ARG001
    freed: dict[str, int] = {}
    # An install that is at work needs what lies there.
    with install_lock(here.workspace):
        found = caches(here)
        if not found:
            raise nothing_to_mend(TITLE)
        total = sum(each.bytes for each in found)
        for each in found:
            if cancel is not None and cancel.is_set():
                raise CancelledError
            for path in each.paths:
                _delete(path)
            freed[each.name] = each.bytes
            yield Progress("free-space", sum(freed.values()), total)
    yield Notice("space-freed", "info", t("{size} are free again.", size=_mib(sum(freed.values()))))
    return {"freed": freed}


def _verify(here: Here, values: Values) -> Text | None:
    """Enough is free now for what failed, where it is known how much that is."""
    wanted = int(values["needed_mib"]) if values.get("needed_mib", "").isdecimal() else _ENOUGH_MIB
    free = (usage(existing(here.workspace.root)) or (0, wanted))[1]
    if free >= wanted:
        return None
    return t(
        "Only {free} MiB are free, and {wanted} MiB are wanted: empty the recycle bin, move models to another disk, "
        "or choose a folder on another disk with --root.",
        free=free,
        wanted=wanted,
    )


def _undo(here: Here, record: Record) -> Iterator[Event]:  # noqa: ARG001
    """Never called: what was deleted is fetched again when it is needed."""
    return iter(())


def caches(here: Here) -> tuple[Cache, ...]:
    """Those that hold something and that nobody works with now, the largest first."""
    busy = _IN_USE if find_running(here.workspace) else ()
    kept = (*_KEPT, "uv") if _led_into_uv(here) else _KEPT
    names = dict.fromkeys((*CACHES.values(), *_MORE))
    found = [_cache(here, name) for name in names if name not in (*kept, *busy)]
    return tuple(sorted((each for each in found if each.bytes >= _LEAST), key=lambda each: -each.bytes))


def _led_into_uv(here: Here) -> bool:
    """Are there environments whose packages are links into uv's cache (UV_LINK_MODE=symlink)? They live by it."""
    inside = Path(os.path.realpath(here.workspace.cache / "uv"))
    folders = (here.workspace.environments.glob(f"*/{each}/*/__init__.py") for each in _PACKAGES)
    links = (each for found in folders for each in found if each.is_symlink())
    return any(inside in Path(os.path.realpath(each)).parents for each in links)


def _cache(here: Here, name: str) -> Cache:
    folder = here.workspace.cache / name
    paths = () if folder.is_symlink() or not folder.is_dir() else tuple(_whole_or_cut_off(folder))
    return Cache(name, paths, given_back(paths))


def _whole_or_cut_off(folder: Path) -> Iterator[Path]:
    """Everything in it; of Hugging Face's the models stay, and what was cut off or fetched in pieces goes."""
    if folder.name != "huggingface":
        yield from folder.iterdir()
        return
    yield from (each for each in (folder / "xet", folder / "assets") if each.is_dir())
    yield from folder.glob("hub/*/blobs/*.incomplete")


def given_back(paths: Iterable[Path]) -> int:
    """Bytes that deleting them frees: a file that an environment shares by a hard link stays where it is."""
    seen: dict[tuple[int, int], int] = {}
    freed = 0
    for file in (file for path in paths for file in _files(path)):
        with contextlib.suppress(OSError):
            found = file.lstat()
            key = (found.st_dev, found.st_ino)
            seen[key] = seen.get(key, 0) + 1
            if seen[key] == found.st_nlink and stat.S_ISREG(found.st_mode):
                freed += getattr(found, "st_blocks", found.st_size // 512 + 1) * 512
    return freed


def _files(path: Path) -> Iterator[Path]:
    if path.is_symlink() or not path.is_dir():
        yield path
        return
    for folder, _, names in os.walk(path):
        yield from (Path(folder, name) for name in names)


def _delete(path: Path) -> None:
    """What cannot be deleted stays, and the space that it takes is seen afterwards."""
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def _mib(size: int) -> str:
    return f"{size / (1 << 20):,.0f} MiB"


MEND = Mend("free-space", TITLE, _preview, _apply, _verify, _undo, reversible=False)
