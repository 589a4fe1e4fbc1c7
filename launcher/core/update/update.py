"""Gesso's own update: what a newer release would change, the move to it, and the way back."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Generator, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import psutil

from launcher.core.errors import LauncherError, writing
from launcher.core.events import Event, Notice, Step
from launcher.core.file_lock import only_one
from launcher.core.git_calls import Git
from launcher.core.project import version_in
from launcher.core.running import find_running
from launcher.core.text import Text, t
from launcher.core.update import clone as update_clone
from launcher.core.update import copy as update_copy
from launcher.core.update.clone import Clone
from launcher.core.update.find import Place, Update, Wish, find_archive, find_release
from launcher.core.update.git_calls import find_git
from launcher.core.update.git_locks import at_work, locks_of
from launcher.core.update.memory import Moved, begin, files_of, finish, recall
from launcher.core.update.proof import Rebuilds, prove
from launcher.core.update.releases import Release
from launcher.core.update.unfinished import LOCK, MANIFEST, mend

_ANY = Wish()
#: lies there while a run is at work; one that was ended leaves it
_AT_WORK = "at-work"


def find_update(
    place: Place, wish: Wish = _ANY, cancel: threading.Event | None = None
) -> Generator[Event, None, Update]:
    """Look for a newer release and fetch it beside; the checkout's files stay as they are.

    LauncherError: as `update_clone.look` and `believed`, `update-no-releases`, `no-network`, `update-incomplete` …
    """
    with _alone(place):
        _mend(place)
        git = place.git()
        present = version_in(place.root)
        before = recall(place.root)
        staged = _staging(place)
        try:
            if git is None:
                found = yield from find_archive(place, wish, present, staged, cancel)
            else:
                yield from _whose(place)
                found = yield from find_release(place, git, wish, present, staged, cancel)
        except BaseException:
            clear(staged)
            raise
        if found.staged is None:
            clear(staged)
        return replace(found, before=before.version_before if before else None)


def carry_out(place: Place, update: Update, cancel: threading.Event | None = None) -> Generator[Event, None, None]:
    """Start the new version once where it lies, then move to it; the version before is remembered for `go_back`.

    LauncherError: the obstacle, `runtime-running`, `update-does-not-start`, `update-not-moved`.
    """
    if update.obstacle:
        raise update.obstacle
    staged, version = update.staged, update.version
    if staged is None or version is None:
        return
    try:
        with _alone(place) as place:
            with _in_rest(place):
                yield Step("prove", t("Start the new version where it lies"), "started", 1, 2)
            yield from prove(staged, place.root, place.environ, cancel=cancel)
            yield Step("prove", t("Start the new version where it lies"), "done", 1, 2)
            with _in_rest(place):
                yield Step("switch", t("Change to the new version"), "started", 2, 2)
                _move(place, update, staged, version)
            yield Step("switch", t("Change to the new version"), "done", 2, 2)
            yield from _to_do(update.rebuilt)
    finally:
        clear(staged)


def go_back(place: Place) -> Generator[Event, None, str]:
    """The version before, without a network; its version.

    LauncherError `update-nothing-before`, `update-changed-files`, `update-moved-since`, `runtime-running`.
    """
    with _alone(place) as place:
        _mend(place)
        moved = recall(place.root)
        if moved is None or (moved.way == "archive" and not (place.folder / moved.kept / MANIFEST).is_file()):
            raise LauncherError(
                "update-nothing-before",
                t("No version before this one is remembered."),
                t("Only the last update can be taken back."),
            )
        with _in_rest(place):
            _back_by_git(place, moved) if moved.way == "clone" else _back_by_files(place, moved)
        yield from _to_do(Rebuilds(moved.launcher_rebuilt, moved.engine_rebuilt))
        return moved.version_before


def _move(place: Place, update: Update, staged: Path, version: str) -> None:
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    moved = Moved(
        "clone", update.present, version, now, launcher_rebuilt=update.rebuilt.launcher,
        engine_rebuilt=update.rebuilt.engine,
    )  # fmt: skip
    if update.clone is not None and update.commit is not None:
        moved = replace(moved, commit_before=update.clone.head, commit=update.commit, branch=update.clone.branch)
        _move_by_git(place, update.clone, moved)
    else:
        _move_by_files(place, update, staged, moved)


def _move_by_git(place: Place, clone: Clone, moved: Moved) -> None:
    git = find_git(place.root, place.environ)
    # Looked at once more: the user may have gone on working while it was fetched and proven.
    if update_clone.look(git) != clone:
        raise _moved_since(clone.head)
    update_clone.refuse_own_changes(git, Release(f"v{moved.version}", moved.commit))
    _switch(place, git, clone, moved)


def _switch(place: Place, git: Git, clone: Clone, moved: Moved) -> None:
    begin(place.root, replace(moved, git=(git.program, *git.options)))
    try:
        update_clone.move(git, clone, moved.commit, place.held)
    except LauncherError:
        # git may have stopped in the middle: on a full disk it leaves files of both versions.
        _mend(place)
        raise
    finish(place.root)


def _move_by_files(place: Place, update: Update, staged: Path, moved: Moved) -> None:
    # Another run may have changed it while the user was asked.
    if version_in(place.root) != update.present:
        raise LauncherError(
            "update-moved-since",
            t("This copy of Gesso has become another version in the meantime."),
            t("Nothing was touched. Run the same command again."),
        )
    # A name of its own each time: an earlier one may hold the user's work.
    kept = place.folder / f"before-{datetime.now(timezone.utc):%Y%m%d-%H%M%S-%f}"
    before = recall(place.root)
    known = files_of(before, update.present)
    swap, brought = update_copy.plan_swap(place.root, staged, kept, update.files, known)
    try:
        update_copy.keep(swap)
        begin(place.root, replace(moved, way="archive", kept=kept.name, files=brought, known=bool(known)))
        update_copy.carry_out(swap)
        finish(place.root)
    except OSError as error:
        _mend(place, error)
        update_copy.sweep(kept)
        raise _not_moved(error, t("The version before is back. Close programs that use files of Gesso, and run the "
                                  "same command again.")) from error  # fmt: skip
    if before and before.known:
        update_copy.sweep(place.folder / before.kept)


def _back_by_git(place: Place, moved: Moved) -> None:
    git = find_git(place.root, place.environ)
    clone = update_clone.look(git)
    if clone.head != moved.commit:
        raise _moved_since(moved.commit_before)
    update_clone.refuse_own_changes(git)
    _switch(place, git, clone, moved.turned())


def _moved_since(commit: str) -> LauncherError:
    return LauncherError(
        "update-moved-since",
        t("This clone has been changed by git in the meantime, so it is left as it is."),
        t("The version before was the commit {commit}.", commit=commit[:10]),
    )


def _not_moved(error: OSError, hint: Text) -> LauncherError:
    why = f"{error.filename or ''} {error.strerror or error}".strip()
    return LauncherError("update-not-moved", t("A file could not be replaced: {why}", why=why), hint)


def _back_by_files(place: Place, moved: Moved) -> None:
    update_copy.refuse_lost_work(place.root, place.folder / moved.kept, moved.files)
    # To go back is what a change that was killed ends with.
    begin(place.root, moved)
    _mend(place)


def _mend(place: Place, cause: OSError | None = None) -> None:
    """What a run that was killed in the middle of its move left is ended. LauncherError `update-not-moved`."""
    try:
        mend(place.root)
    except OSError as error:
        hint = t("Files of both versions lie here now. Close programs that use them: the next start of Gesso goes on.")
        raise _not_moved(cause or error, hint) from error


@contextlib.contextmanager
def _in_rest(place: Place) -> Iterator[None]:
    """Nothing runs from the files that are changed. LauncherError `runtime-running`, `install-running`."""
    running = find_running(place.workspace)
    pid = running.pid if running else _runtime_of(place.root)
    if pid is not None:
        raise LauncherError(
            "runtime-running",
            t("Gesso serves (process {pid}), with the files that would be changed.", pid=pid),
            t("End it with `gesso stop`, then run the same command again."),
        )

    def busy(pid: object) -> LauncherError:
        return LauncherError(
            "install-running",
            t("An install is at work (process {pid}), from the files that would be changed.", pid=pid),
            t("Wait for its end, then run the same command again."),
        )

    with only_one(place.workspace.state / "install.lock", busy):
        yield


def _runtime_of(root: Path) -> int | None:
    """The process of a runtime that was started from `root`, in whichever workspace."""
    for process in psutil.process_iter(["pid", "cmdline", "cwd"]):
        words = process.info["cmdline"] or []
        if ["-m", "runtime"] in (words[at : at + 2] for at in range(len(words))) and process.info["cwd"] == str(root):
            return int(process.info["pid"])
    return None


def _whose(place: Place) -> Iterator[Event]:
    """git refuses folders of other users unless it is told that they are well: for these calls alone it is."""
    if sys.platform != "win32" and (owner := place.root.stat().st_uid) != os.geteuid():
        yield Notice(
            "owned-by-another",
            "warning",
            t("The folder {folder} belongs to another user ({owner}); git is told for this call that you trust it "
              "(safe.directory). Nothing is written to git's own settings.", folder=place.root, owner=owner),
        )  # fmt: skip


def _to_do(rebuilt: Rebuilds) -> Iterator[Event]:
    if rebuilt.launcher:
        yield Notice("rebuild-launcher", "info", t("Gesso makes its own environment anew at its next start."))
    if rebuilt.engine:
        yield Notice(
            "rebuild-engine", "info", t("The next `gesso up` builds a new engine environment; the old one stays.")
        )


def clear(staged: Path | None) -> None:
    """A new version that was laid out beside and is not needed any more."""
    if staged is not None:
        shutil.rmtree(staged, ignore_errors=True)
        # The next one sweeps what stays.
        with contextlib.suppress(OSError):
            staged.with_suffix(".index").unlink()


def _staging(place: Place) -> Path:
    """An empty folder of this run's own; what dead ones left is swept."""
    for old in place.folder.glob("new-*"):
        if not psutil.pid_exists(int(old.name.split("-")[1])):
            clear(old.with_suffix(""))
    for old in place.folder.glob("before-*"):
        if not (old / MANIFEST).is_file():
            update_copy.sweep(old)
    with writing(place.folder):
        return Path(tempfile.mkdtemp(prefix=f"new-{os.getpid()}-", dir=place.folder))


@contextlib.contextmanager
def _alone(place: Place) -> Iterator[Place]:
    """With the lock of updates held. LauncherError `update-running`, `update-unfinished`."""

    def busy(pid: object) -> LauncherError:
        return LauncherError(
            "update-running",
            t("Another update is under way (process {pid}).", pid=pid),
            t("Wait for its end, then run the same command again."),
        )

    marker = place.folder / _AT_WORK
    with only_one(place.folder / LOCK, busy) as held:
        # What cannot be taken away now is known by the marker at the next run.
        kept = True
        with contextlib.suppress(OSError):
            if marker.exists():
                _unlock(place, marker.stat().st_mtime)
            marker.touch()
            kept = False
        try:
            yield replace(place, held=held)
        finally:
            with contextlib.suppress(OSError):
                if not kept:
                    marker.unlink()


def _unlock(place: Place, since: float) -> None:
    """The run that began then was ended while a git of its own was at work, whose locks stay; which may be at it yet:
    then nothing is touched. OSError, LauncherError `update-unfinished`."""
    left = [lock for lock in locks_of(place.root) if lock.stat().st_mtime >= since]
    for lock in left:
        if pids := at_work(lock, place.root):
            raise LauncherError(
                "update-unfinished",
                t("An update that was ended has left {file}, and a git may still be at work here (process {pid}).",
                  file=lock, pid=pids[0]),
                t("Wait for the end of that git. If it is not at work here, delete this file. "
                  "Then run the same command again."),
            )  # fmt: skip
    for lock in left:
        lock.unlink()
