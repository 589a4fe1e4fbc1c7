"""Fetches a model again whose file is no model: cut short, a web page, a git-lfs pointer; the old file is set aside."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from launcher.core.download.part import beside, put_beside
from launcher.core.environments.environments import is_link
from launcher.core.errors import LauncherError, writing
from launcher.core.events import Event, Notice, Progress, Step
from launcher.core.file_hash import sha256
from launcher.core.mends.aside import FOLDER, Moved, move_all, set_aside, swap_back, to_put, to_record
from launcher.core.mends.mend import Change, Here, Mend, Preview, Record, Values, nothing_to_mend
from launcher.core.mends.model_sources import Source, find_source, read_pointer
from launcher.core.models.addresses import OnlineFile, find_ways, measured_ways
from launcher.core.models.catalogue import read_catalogue
from launcher.core.models.entry import Library, Model
from launcher.core.models.fetch import fetch_one, wanted_of
from launcher.core.models.hashing import take_note
from launcher.core.models.known import is_text
from launcher.core.models.library import read_library
from launcher.core.models.outline import BrokenError, read_outline
from launcher.core.models.problems import Problem
from launcher.core.models.walk import ENDINGS
from launcher.core.paths import Workspace
from launcher.core.text import Text, t

#: beside a model, until it is whole
AGAIN = ".gesso-again"
_POINTER = "lfs-pointer"
_BROKEN = ("empty", "truncated", "damaged", "web-page", _POINTER, "not-a-model")
_CODES: dict[str, tuple[str, ...]] = {"download-model-again": _BROKEN, "fetch-lfs-model": (_POINTER,)}
_TITLES = {
    "download-model-again": t("Download the model again"),
    "fetch-lfs-model": t("Fetch the model that the git-lfs pointer stands for"),
}


@dataclass(frozen=True)
class Broken:
    """A model's file and what is wrong with it; no `source`: nobody here knows where it comes from."""

    path: Path
    problem: Problem
    source: Source | None


def read_models(workspace: Workspace) -> tuple[Model, ...]:
    """The workspace's own; what lies in a linked install, or behind a link in models/, may be another program's."""
    kept: list[Library] = []

    def looking() -> Iterator[Progress]:
        kept.append((yield from read_library(workspace)))

    for _ in looking():
        pass
    return tuple(
        one
        for one in kept[0].models
        if one.home == "workspace" and is_text(str(one.path)) and is_ours(workspace, one.path.parent)
    )


def is_ours(workspace: Workspace, folder: Path) -> bool:
    """No link leads there; models/ itself may lie on another disk."""
    below = [folder, *folder.parents]
    until = workspace.models if workspace.models in below else workspace.root
    return until in below and not any(map(is_link, below[: below.index(until)]))


def is_meant(path: Path, values: Values) -> bool:
    """By the name of the file, whatever folder a log gives it; nothing named: any."""
    last = _named(values)
    return not last or last in (path.name.casefold(), path.stem.casefold())


def _named(values: Values) -> str:
    found = next((values[key] for key in ("path", "file", "model", "name") if values.get(key)), "")
    return found.replace("\\", "/").rstrip("/").rpartition("/")[2].casefold()


def _broken(name: str, here: Here, values: Values) -> tuple[Broken, ...]:
    found = [
        (path, problem)
        for model in read_models(here.workspace)
        for path, problem in (_inside(model) if model.path.is_dir() else _of(model, _CODES[name], values))
        if is_meant(path, values)
    ]
    catalogue = read_catalogue()
    return tuple(Broken(path, problem, find_source(here.workspace, path, catalogue)) for path, problem in found)


def _of(model: Model, codes: tuple[str, ...], values: Values) -> Iterator[tuple[Path, Problem]]:
    found = next((problem for problem in model.problems if problem.code in codes), None)
    # To read every byte takes its time, so that is done of a file that somebody names.
    if found is None and codes == _BROKEN and _named(values) and is_meant(model.path, values) and _has_rotted(model):
        found = Problem("damaged")
    if found is not None and model.path.is_file():
        yield model.path, found


def _has_rotted(model: Model) -> bool:
    """Its bytes are others than those that were hashed, though neither size nor date are."""
    return model.sha256 is not None and sha256(model.path) not in ("", model.sha256)


def _inside(model: Model) -> Iterator[tuple[Path, Problem]]:
    """Of a model in diffusers' layout, most often a clone, only the pointers are looked for."""
    for path in sorted(model.path.rglob("*")):
        if path.suffix.lower() in ENDINGS and read_pointer(path):
            yield path, Problem(_POINTER)


def _known(name: str, here: Here, values: Values) -> tuple[Broken, ...]:
    """LauncherError `model-source-unknown` where of none is known where it comes from."""
    found = _broken(name, here, values)
    known = tuple(each for each in found if each.source is not None)
    if found and not known:
        raise LauncherError(
            "model-source-unknown",
            t(
                "{name}: {what} Where it comes from is not known.",
                name=found[0].path.name,
                what=found[0].problem.message,
            ),
            t(
                "Download it again from its page and put it in place of this file, or use `gesso models add` with its "
                "address."
            ),
        )
    return known


def _preview(name: str, here: Here, values: Values) -> Preview | None:
    known = _known(name, here, values)
    if not known:
        return None
    changes = tuple(
        Change(
            t("the file {file}", file=each.path.relative_to(here.workspace.root).as_posix()),
            _amount(each.path.stat().st_size),
            _amount(each.source.size) if each.source and each.source.size else "SHA-256 " + _digest(each)[:12],
        )
        for each in known
    )
    remark = t(
        "Known by {who}. What comes is checked by its SHA-256; the old file is not deleted but goes to {folder}.",
        who=known[0].source.told_by if known[0].source else "",
        folder=FOLDER,
    )
    return Preview(name, _TITLES[name], changes, remark)


def _amount(size: int) -> str:
    return f"{size / 2**20:.1f} MiB" if size >= 2**20 // 10 else f"{size} B"


def _digest(broken: Broken) -> str:
    return broken.source.sha256 if broken.source else ""


def _apply(name: str, here: Here, values: Values, cancel: threading.Event | None) -> Generator[Event, None, Record]:
    known = _known(name, here, values)
    if not known:
        raise nothing_to_mend(_TITLES[name])
    yield from _fetched(here, known, cancel)
    record = _exchanged(here, name, [each.path for each in known])
    for each in known:
        take_note(here.workspace, each.path, _digest(each))
    return record


def _fetched(here: Here, known: tuple[Broken, ...], cancel: threading.Event | None) -> Iterator[Event]:
    """Each beside the old one; what came is kept if a later one fails, and continued by the next call."""
    ways = find_ways(here.workspace, here.environ)
    entries = [(each.path, each.source.entry(each.path.name)) for each in known if each.source]
    files = [
        OnlineFile(place.address, entry.bytes or None, entry.sha256)
        for _, entry in entries
        for place in entry.locations
    ]
    ways = yield from measured_ways(here.workspace, ways, files, cancel)
    for number, (path, entry) in enumerate(entries, 1):
        title = t("download {name}", name=path.name)
        yield Step(path.name, title, "started", number, len(entries))
        wanted = wanted_of(entry, beside(path, AGAIN), ways)
        yield from fetch_one(replace(wanted, size=entry.bytes or None), ways, cancel, replace=True)
        _check(path)
        yield Step(path.name, title, "done", number, len(entries))


def _check(path: Path) -> None:
    """Right bytes of a file that never was a model help nobody."""
    try:
        read_outline(beside(path, AGAIN))
    except BrokenError as broken:
        with contextlib.suppress(OSError):
            beside(path, AGAIN).unlink()
        what = Problem(broken.code, broken.detail).message
        raise LauncherError(
            "not-a-model",
            t("What came for {name} is no model either. {what}", name=path.name, what=what),
            t("Nothing was changed. Look for the file at another place, and use `gesso models add` with its address."),
        ) from None


def _exchanged(here: Here, name: str, paths: list[Path]) -> Record:
    """The new ones take the places of the old ones: all of them or none."""
    record: Record = {"put": to_put(here.workspace, [(beside(path, AGAIN), path) for path in paths])}

    def begin(moved: tuple[Moved, ...]) -> None:
        record["moved"] = to_record(here.workspace, moved)
        here.begin(record)

    moved = set_aside(here.workspace, name, paths, begin)
    done: list[Path] = []
    try:
        for path in paths:
            with writing(path):
                put_beside(beside(path, AGAIN), path)
            done.append(path)
    except LauncherError:
        move_all([Moved(path, beside(path, AGAIN)) for path in done])
        move_all([Moved(each.after, each.before) for each in moved])
        raise
    return record


def _verify(name: str, here: Here, values: Values) -> Text | None:
    still = _broken(name, here, values)
    return t("{name}: {what}", name=still[0].path.name, what=still[0].problem.message) if still else None


def _undo(name: str, here: Here, record: Record) -> Iterator[Event]:
    swap_back(here.workspace, name, record)
    yield Notice("set-aside", "info", t("The old files lie where they lay."))


def _made(name: str) -> Mend:
    return Mend(
        name,
        _TITLES[name],
        partial(_preview, name),
        partial(_apply, name),
        partial(_verify, name),
        partial(_undo, name),
    )


AGAIN_MEND, LFS_MEND = _made("download-model-again"), _made("fetch-lfs-model")
