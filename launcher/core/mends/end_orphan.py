"""The mend `end-orphan`: what a launcher or server that was killed has left running in this workspace is ended.

Only what is ours: a Python of an environment of this workspace that runs our runtime, and that no living server or
launcher answers for. Each is known by its number and by when it was made.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

from launcher.core.events import Event, Notice
from launcher.core.mends.mend import Change, Here, Mend, Preview, Record, Values, nothing_to_mend
from launcher.core.paths import Workspace, child_environment
from launcher.core.process import CancelledError, alive, end_tree, tree
from launcher.core.running import find_running
from launcher.core.text import Text, moment, t

TITLE = t("End what an earlier Gesso has left running")
#: seconds to end by itself
_GRACE = 3.0
#: our programs, as the words of a command line have them
_OURS = ("runtime", "runtime.worker", "runtime.prove")


@dataclass(frozen=True)
class Orphan:
    """One process; `made` is seconds since 1970."""

    pid: int
    made: float
    words: tuple[str, ...]


def _preview(here: Here, values: Values) -> Preview | None:  # noqa: ARG001
    found = orphans(here.workspace)
    if not found:
        return None
    changes = tuple(
        Change(t("Process {pid}, started {when}", pid=each.pid, when=_when(each)), _said(each), None) for each in found
    )
    remark = t("A picture that it draws is lost. It cannot be brought back; `gesso launch` starts a new one.")
    return Preview("end-orphan", TITLE, changes, remark)


def _apply(here: Here, values: Values, cancel: threading.Event | None) -> Generator[Event, None, Record]:  # noqa: ARG001
    found = orphans(here.workspace)
    if not found:
        raise nothing_to_mend(TITLE)
    for each in found:
        if cancel is not None and cancel.is_set():
            raise CancelledError
        # Its number may be another's by now.
        if alive(each.pid, each.made):
            end_tree(each.pid, grace=_GRACE)
        yield Notice("orphan-ended", "info", t("Process {pid} has been ended.", pid=each.pid))
    return {"ended": [each.pid for each in found]}


def _verify(here: Here, values: Values) -> Text | None:  # noqa: ARG001
    still = ", ".join(str(each.pid) for each in orphans(here.workspace))
    return t("It could not be ended (process {pid}): restart the computer.", pid=still) if still else None


def _undo(here: Here, record: Record) -> Iterator[Event]:  # noqa: ARG001
    """Never called: an ended process does not come back."""
    return iter(())


def orphans(workspace: Workspace) -> tuple[Orphan, ...]:
    """The heads of what was left: what they have started ends with them."""
    running = find_running(workspace)
    answered = tree(running.pid) if running else frozenset()
    found = {each.pid: each for each in _ours(workspace) if each.pid not in answered and not _looked_after(each)}
    return tuple(each for each in found.values() if _parent(each.pid) not in found)


def _ours(workspace: Workspace) -> Iterator[Orphan]:
    for process in psutil.process_iter(["pid", "cmdline", "create_time", "status"]):
        words = process.info["cmdline"] or []
        zombie = process.info["status"] == psutil.STATUS_ZOMBIE
        if not zombie and is_ours(words, workspace) and _serves(process, workspace):
            yield Orphan(process.pid, float(process.info["create_time"]), tuple(words))


def is_ours(words: Sequence[str], workspace: Workspace) -> bool:
    """Does this command line run a program of ours: by an environment of this workspace, or upon its data?"""
    if not any(_at(words, "-m", name) for name in _OURS):
        return False
    # Of the program the folder alone: itself it may be a link to the Python that the environment was made from.
    inside = Path(os.path.realpath(workspace.environments))
    folder = Path(os.path.realpath(Path(words[0]).parent))
    return inside in folder.parents or _at(words, "--data-dir", str(workspace.root))


def _at(words: Sequence[str], *wanted: str) -> bool:
    """Do they stand there beside each other?"""
    return any(tuple(words[at : at + len(wanted)]) == wanted for at in range(len(words)))


def _serves(process: psutil.Process, workspace: Workspace) -> bool:
    """Was it started by a Gesso for this workspace, as every child of one is: with its temporary files?"""
    try:
        return process.environ().get("TMPDIR") == child_environment(workspace, {})["TMPDIR"]
    except psutil.Error:
        return False


def _looked_after(orphan: Orphan) -> bool:
    """Does a launcher still wait for it? A proof and a start under way are children of one."""
    try:
        above = [each.cmdline() for each in psutil.Process(orphan.pid).parents()]
    except psutil.Error:
        return False
    return any(_at(each[:4], "-m", "launcher") or "gesso" in {Path(word).stem for word in each[:2]} for each in above)


def _parent(pid: int) -> int | None:
    try:
        return psutil.Process(pid).ppid()
    except psutil.Error:
        return None


def _when(orphan: Orphan) -> Text:
    return moment(datetime.fromtimestamp(orphan.made).isoformat())


def _said(orphan: Orphan) -> str:
    """The program without what was said to it: there may be passwords among the words."""
    at = orphan.words.index("-m")
    return " ".join(orphan.words[: at + 2])


MEND = Mend("end-orphan", TITLE, _preview, _apply, _verify, _undo, reversible=False)
