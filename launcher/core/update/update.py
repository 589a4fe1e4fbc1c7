"""Gesso's own update: what a newer release would change, the move to it, and the way back."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
from collections.abc import Generator, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice, Step
from launcher.core.file_lock import only_one
from launcher.core.project import version_in
from launcher.core.running import find_running
from launcher.core.text import t
from launcher.core.update import clone as update_clone
from launcher.core.update import copy as update_copy
from launcher.core.update.clone import Clone
from launcher.core.update.find import Place, Update, Wish, find_archive, find_release
from launcher.core.update.git_calls import Git, find_git
from launcher.core.update.memory import Moved, begin, files_of, finish, forget, give_up, recall, under_way
from launcher.core.update.mend import make_whole
from launcher.core.update.proof import Rebuilds, prove
from launcher.core.update.releases import Release

_ANY = Wish()


def find_update(
    place: Place, wish: Wish = _ANY, cancel: threading.Event | None = None
) -> Generator[Event, None, Update]:
    """Look for a newer release and fetch it beside; the checkout's files stay as they are.

    LauncherError: as `update_clone.look` and `believed`, `update-no-releases`, `no-network`, `update-incomplete` …
    """
    with _alone(place):
        _mend(place)
        git = place.git()
        clear(place)
        present = version_in(place.root)
        before = recall(place.workspace)
        if git is None:
            found = yield from find_archive(place, wish, present, cancel)
        else:
            yield from _whose(place)
            found = yield from find_release(place, git, wish, present, cancel)
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
    with _alone(place):
        _refuse_running(place)
        yield Step("prove", t("Start the new version where it lies"), "started", 1, 2)
        yield from prove(staged, place.root, place.environ, cancel=cancel)
        yield Step("prove", t("Start the new version where it lies"), "done", 1, 2)
        yield Step("switch", t("Change to the new version"), "started", 2, 2)
        _move(place, update, staged, version)
        yield Step("switch", t("Change to the new version"), "done", 2, 2)
        yield from _to_do(update.rebuilt)
    clear(place)


def go_back(place: Place) -> Generator[Event, None, str]:
    """The version before, without a network; its version.

    LauncherError `update-nothing-before`, `update-changed-files`, `update-moved-since`, `runtime-running`.
    """
    with _alone(place):
        _mend(place)
        moved = recall(place.workspace)
        if moved is None:
            raise LauncherError(
                "update-nothing-before",
                t("No version before this one is remembered."),
                t("Only the last update can be taken back, from the folder given with --root that it was made with."),
            )
        _refuse_running(place)
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
    begin(place.workspace, moved)
    try:
        update_clone.move(git, clone, moved.commit)
    except LauncherError:
        give_up(place.workspace)
        raise
    finish(place.workspace, moved)


def _move_by_files(place: Place, update: Update, staged: Path, moved: Moved) -> None:
    # A name of its own each time: an earlier one may hold the user's work.
    kept = place.workspace.state / f"update-before-{datetime.now(timezone.utc):%Y%m%d-%H%M%S-%f}"
    before = recall(place.workspace)
    known = files_of(before, update.present)
    swap = update_copy.plan_swap(place.root, staged, kept, update.files, known)
    moved = replace(moved, way="archive", kept=str(kept), files=dict(swap.new), known=bool(known))
    begin(place.workspace, moved)
    try:
        update_copy.carry_out(swap)
    except LauncherError:
        # What cannot be put back now is put back by the next run.
        with contextlib.suppress(LauncherError):
            _undo(place, moved)
        raise
    finish(place.workspace, moved)
    if before and before.known:
        update_copy.sweep(Path(before.kept))


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


def _undo(place: Place, moved: Moved) -> None:
    """A change that was begun is taken back; LauncherError as `put_back`."""
    update_copy.put_back(place.root, Path(moved.kept), moved.files)
    give_up(place.workspace)
    update_copy.sweep(Path(moved.kept))


def _back_by_files(place: Place, moved: Moved) -> None:
    update_copy.put_back(place.root, Path(moved.kept), moved.files)
    forget(place.workspace)
    update_copy.sweep(Path(moved.kept))


def _mend(place: Place) -> None:
    """What a run that was killed in the middle of its move left: the version before is made whole again."""
    moved = under_way(place.workspace)
    if moved is None or moved == recall(place.workspace):
        give_up(place.workspace)
    elif moved.way == "archive":
        _undo(place, moved)
    elif make_whole(find_git(place.root, place.environ), moved.commit_before, moved.commit):
        finish(place.workspace, moved)
    else:
        give_up(place.workspace)


def _refuse_running(place: Place) -> None:
    running = find_running(place.workspace)
    if running is not None:
        raise LauncherError(
            "runtime-running",
            t("Gesso serves (process {pid}), with the files that would be changed.", pid=running.pid),
            t("End it with `gesso stop`, then run the same command again."),
        )


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


def clear(place: Place) -> None:
    """What was laid out beside and is not needed any more."""
    for name in ("new", "index"):
        path = place.folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


@contextlib.contextmanager
def _alone(place: Place) -> Iterator[None]:
    def busy(pid: object) -> LauncherError:
        return LauncherError(
            "update-running",
            t("Another update is under way (process {pid}).", pid=pid),
            t("Wait for its end, then run the same command again."),
        )

    with only_one(place.workspace.state / "update.lock", busy):
        yield
