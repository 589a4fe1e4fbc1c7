"""Clears away what interrupted work has left: pip's `~` folders, half-made environments, old half downloads."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from launcher.core.environments.environments import everything, is_link, left_over, named, site_of
from launcher.core.events import Event, Notice
from launcher.core.install.lock import install_lock
from launcher.core.install.repair import is_outside
from launcher.core.mends.aside import FOLDER, Moved, set_aside, swap_back, to_record
from launcher.core.mends.mend import Change, Here, Mend, Preview, Record, Values, nothing_to_mend
from launcher.core.paths import Workspace
from launcher.core.text import Text, t

NAME, TITLE = "remove-leftovers", t("Clear away what interrupted work has left")
#: seconds for which nobody has gone on with a download of a model; a slow line takes days
_IDLE = 7 * 24 * 3600


def leftovers(workspace: Workspace) -> tuple[Path, ...]:
    """Everything of that sort, each once."""
    return (*_half_made(workspace), *_renamed(workspace), *_incoming(workspace))


def _half_made(workspace: Workspace) -> Iterator[Path]:
    kept = named(workspace)
    for folder in sorted(workspace.environments.glob("*")):
        if folder.is_dir() and not is_link(folder) and folder != kept and left_over(folder):
            yield folder


def _renamed(workspace: Workspace) -> Iterator[Path]:
    """What pip uninstalls it first gives a name that begins with ~; a pip that is killed leaves it so."""
    for folder in everything(workspace):
        site = None if left_over(folder) or is_outside(folder) else site_of(folder)
        if site is not None:
            yield from sorted(each for each in site.glob("~*") if each.name.strip("~"))


def _incoming(workspace: Workspace) -> Iterator[Path]:
    for folder in sorted((workspace.cache / "incoming").glob("*")):
        with suppress(OSError):
            latest = max(each.stat().st_mtime for each in (folder, *folder.glob("*")))
            if folder.is_dir() and not is_link(folder) and time.time() - latest > _IDLE:
                yield folder


def _preview(here: Here, values: Values) -> Preview | None:  # noqa: ARG001 - a preview like any other
    found = leftovers(here.workspace)
    if not found:
        return None
    changes = tuple(Change(_named(each), _below(here.workspace, each), f"{FOLDER}/…/{each.name}") for each in found)
    return Preview(NAME, TITLE, changes, t("Nothing is deleted: all of it goes to the folder {folder}.", folder=FOLDER))


def _named(path: Path) -> Text:
    if path.name.startswith("~"):
        return t("what pip has left")
    return (
        t("a half-made environment") if path.parent.name == "environments" else t("a download that nobody goes on with")
    )


def _below(workspace: Workspace, path: Path) -> str:
    return path.relative_to(workspace.root).as_posix()


def _apply(here: Here, values: Values, cancel: threading.Event | None) -> Generator[Event, None, Record]:  # noqa: ARG001
    # Only its holder may say what an install has left and what it is at work on.
    with install_lock(here.workspace):
        found = leftovers(here.workspace)
        if not found:
            raise nothing_to_mend(TITLE)
        moved = set_aside(here.workspace, NAME, found, lambda each: here.begin(_record(here, each)))
    yield Notice("set-aside", "info", t("Set aside: {count} leftovers.", count=len(moved)))
    return _record(here, moved)


def _record(here: Here, moved: Sequence[Moved]) -> Record:
    return {"moved": to_record(here.workspace, moved)}


def _verify(here: Here, values: Values) -> Text | None:  # noqa: ARG001 - a verification like any other
    found = leftovers(here.workspace)
    return t("There are leftovers still: {names}", names=", ".join(each.name for each in found)) if found else None


def _undo(here: Here, record: Record) -> Iterator[Event]:
    with install_lock(here.workspace):
        swap_back(here.workspace, NAME, record)
    yield Notice("set-aside", "info", t("Everything lies where it lay."))


MEND = Mend(NAME, TITLE, _preview, _apply, _verify, _undo)
