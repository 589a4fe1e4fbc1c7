"""What a git of ours that was killed has locked is free for the next update, and nothing that a git is at work on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from launcher.core.errors import LauncherError
from launcher.core.file_lock import only_one
from launcher.core.paths import checkout
from launcher.core.update.find import Place
from launcher.core.update.git_locks import at_work
from launcher.core.update.unfinished import LOCK
from launcher.core.update.update import find_update
from tests.launcher.update.conftest import Copy, environ, git, refused, through, updated

LOCKS = ("index", "HEAD", "shallow", "packed-refs", "config")
UPDATE = """
import sys
from pathlib import Path
from launcher.core.paths import Workspace
from launcher.core.update.find import Place
from launcher.core.update.update import carry_out, find_update
from tests.launcher.update.conftest import environ, through
place = Place(Workspace(Path(sys.argv[1])), Path(sys.argv[2]), environ() | {"GIT": sys.argv[3]})
through(carry_out(place, through(find_update(place))))
"""


def ended(copy: Copy, *names: str) -> list[Path]:
    """An update was killed, and its git left these locks."""
    copy.place.folder.mkdir(parents=True)
    (copy.place.folder / "at-work").touch()
    locks = [copy.root / ".git" / f"{name}.lock" for name in names]
    for lock in locks:
        lock.touch()
    return locks


@contextmanager
def a_git_at_work(folder: Path, program: Path) -> Iterator[int]:
    """Something of that name that does nothing for a while."""
    found = shutil.which("sleep")
    assert found
    program.symlink_to(found)
    with subprocess.Popen([program, "60"], cwd=folder) as child:
        try:
            yield child.pid
        finally:
            child.kill()


@pytest.mark.parametrize("name", LOCKS)
def test_the_locks_of_an_update_that_was_killed_are_taken_away(cloned: Copy, name: str) -> None:
    (lock,) = ended(cloned, name)
    updated(cloned)
    assert cloned.version == "0.2.0"
    assert not lock.exists()
    assert git(cloned.root, "status", "--porcelain") == ""


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_from_before_the_update_is_not_ours_and_is_named(cloned: Copy, name: str) -> None:
    (lock,) = ended(cloned, name)
    os.utime(lock, (time.time() - 60, time.time() - 60))
    failure = refused(cloned, "update-unfinished")
    assert lock.name in str(failure.message)
    assert lock.exists()
    # The run that was refused ended well, so what lies there now was not left by a run of ours.
    lock.touch()
    refused(cloned, "update-unfinished")
    assert lock.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="a process has the name of the link that it was started by")
def test_no_lock_is_taken_from_a_git_that_is_at_work(cloned: Copy, tmp_path: Path) -> None:
    locks = ended(cloned, "shallow", "packed-refs")
    with a_git_at_work(cloned.root, tmp_path / "git") as pid:
        for _ in range(2):
            said = str(refused(cloned, "update-unfinished").message)
            assert str(pid) in said
            assert locks[0].name in said
            assert all(lock.exists() for lock in locks)
    updated(cloned)
    assert cloned.version == "0.2.0"


@pytest.mark.skipif(sys.platform == "win32", reason="its files have no owner of that kind")
@pytest.mark.parametrize("ours", [True, False])
def test_a_git_that_cannot_be_seen_into_counts_if_it_may_have_made_the_lock(
    cloned: Copy, monkeypatch: pytest.MonkeyPatch, ours: bool
) -> None:
    (lock,) = ended(cloned, "index")
    uid = os.geteuid() + (not ours)
    seen = {"pid": 7, "name": "git", "cmdline": None, "cwd": None, "status": "sleeping"}
    process = SimpleNamespace(info={**seen, "uids": SimpleNamespace(real=uid, effective=uid, saved=uid)})
    monkeypatch.setattr("launcher.core.update.git_locks.psutil.process_iter", lambda _: [process])
    assert at_work(lock) == ([7] if ours else [])


def test_a_lock_that_cannot_be_taken_away_is_still_known_as_an_updates(
    cloned: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    (lock,) = ended(cloned, "index")
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path == lock:
            raise PermissionError(13, "Permission denied", str(path))
        unlink(path, missing_ok)

    with monkeypatch.context() as bent:
        bent.setattr(Path, "unlink", refuse)
        assert lock.name in str(refused(cloned, "update-unfinished").message)
    updated(cloned)
    assert cloned.version == "0.2.0"
    assert not lock.exists()


def test_the_locks_of_a_worktree_lie_in_two_folders(cloned: Copy, tmp_path: Path) -> None:
    git(cloned.root, "switch", "-q", "--detach")
    git(cloned.root, "worktree", "add", "-q", str(tmp_path / "树"), "main")
    other = Copy(Place(cloned.place.workspace, tmp_path / "树", environ()))
    other.place.folder.mkdir(parents=True)
    (other.place.folder / "at-work").touch()
    locks = [cloned.root / ".git/worktrees/树/index.lock", cloned.root / ".git/packed-refs.lock"]
    for lock in locks:
        lock.touch()
    updated(other)
    assert other.version == "0.2.0"
    assert not any(lock.exists() for lock in locks)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets no child hold its parent's lock")
def test_a_git_that_outlives_its_launcher_is_waited_for(cloned: Copy, tmp_path: Path) -> None:
    """The launcher alone is killed while git changes the files."""
    began, slow = tmp_path / "began", tmp_path / "slow git"
    slow.write_text(f'#!/bin/sh\ncase " $* " in *" reset --keep "*) : >"{began}"; sleep 4;; esac\nexec git "$@"\n')
    slow.chmod(0o755)
    command = [sys.executable, "-c", UPDATE, str(cloned.place.workspace.root), str(cloned.root), str(slow)]
    with subprocess.Popen(command, cwd=checkout()) as launcher:
        while not began.exists():
            assert launcher.poll() is None
            time.sleep(0.02)
        launcher.send_signal(signal.SIGKILL)
    before = cloned.files()
    with pytest.raises(LauncherError, match="update-running"):
        through(find_update(cloned.place))
    assert cloned.files() == before
    with only_one(cloned.place.folder / LOCK, lambda _: AssertionError("it never ended"), patience=60):
        assert cloned.version == "0.2.0"
    assert through(find_update(cloned.place)).before == "0.1.0"
    assert git(cloned.root, "status", "--porcelain") == ""
