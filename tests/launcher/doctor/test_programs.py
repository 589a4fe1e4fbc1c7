"""The launcher's Python, the engine's, and git: each broken for real."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from launcher.core.doctor.asking import ask
from launcher.core.doctor.ground import Ground
from launcher.core.doctor.programs import base_of, environment, of_git, of_python
from launcher.core.environments.environments import Stamp, stamp, switch
from launcher.core.mends.mend import Here
from launcher.core.process import python_in

PYTHON = "{}.{}".format(*sys.version_info[:2])


@pytest.fixture
def engine(here: Here) -> Path:
    """A real virtual environment, stamped and current."""
    folder = here.workspace.environments / "torch-2.13.0-cpu-1"
    venv.create(folder, with_pip=False, symlinks=True)
    stamp(folder, Stamp("2.13.0+cpu", "cpu", "here", ("0",), "0", PYTHON, "now"))
    switch(here.workspace, folder)
    return folder


def test_the_launchers_python(tmp_path: Path) -> None:
    assert of_python((3, 12), bits=64, folder=Path(sys.prefix)).ok is True
    assert "32" in str(of_python((3, 12), bits=32, folder=Path(sys.prefix)).detail)
    assert of_python((3, 9), bits=64, folder=Path(sys.prefix)).ok is False
    (tmp_path / "pyvenv.cfg").write_text("home = /opt/python that is gone/bin\n")
    found = of_python((3, 12), bits=64, folder=tmp_path)
    assert found.ok is False
    assert "/opt/python that is gone/bin" in str(found.detail)
    assert base_of(tmp_path / "nowhere") is None


def test_an_engine_that_is_well(engine: Path, ground: Ground) -> None:
    found = environment(ground)
    assert found.ok is True
    assert PYTHON in str(found.detail)


def test_nothing_is_installed(ground: Ground) -> None:
    assert environment(ground).ok is None


def gone(folder: Path) -> None:
    shutil.rmtree(folder)


def never_finished(folder: Path) -> None:
    (folder / "gesso.json").write_text("{", "utf-8")


def python_removed(folder: Path) -> None:
    """As after an update of the system's Python."""
    for each in (folder / "bin").glob("python*"):
        each.unlink()
        each.symlink_to("/opt/python that is gone/bin/python3")


def no_configuration(folder: Path) -> None:
    (folder / "pyvenv.cfg").unlink()


def does_not_start(folder: Path) -> None:
    python_in(folder).unlink()
    python_in(folder).write_text("#!/bin/sh\necho 'error while loading shared libraries' >&2\nexit 127\n")
    python_in(folder).chmod(0o755)


def another_version(folder: Path) -> None:
    stamp(folder, Stamp("2.13.0+cpu", "cpu", "here", ("0",), "0", "3.8", "now"))


@pytest.mark.parametrize(
    ("broken", "word"),
    [
        (gone, "is gone"),
        (never_finished, "stamp"),
        (python_removed, "Python is gone"),
        (no_configuration, "pyvenv.cfg"),
        (does_not_start, "shared libraries"),
        (another_version, "3.8"),
    ],
)
def test_an_engine_that_is_broken(engine: Path, ground: Ground, broken: Callable[[Path], None], word: str) -> None:
    broken(engine)
    found = environment(ground)
    assert (found.ok, found.mend) == (False, "rebuild-environment")
    assert word in str(found.detail)
    assert dict(found.values) == {"environment": engine.name}


def test_a_program_that_does_not_answer_is_ended(here: Here) -> None:
    said = ask([sys.executable, "-c", "import time; print('x', flush=True); time.sleep(600)"], 1.0, here.environ)
    assert (said.code, said.first) == (None, "x")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "我的 gesso"
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    return folder


def test_a_clone_that_is_well(clone: Path, here: Here) -> None:
    found = of_git(clone, here.environ, 20.0)
    assert found.ok is True
    assert "git version" in str(found.detail)


def test_a_copy_without_git_needs_none(tmp_path: Path, here: Here) -> None:
    assert of_git(tmp_path, {**here.environ, "PATH": ""}, 20.0).ok is None


def test_no_git_on_the_search_path(clone: Path, here: Here, tmp_path: Path) -> None:
    found = of_git(clone, {**here.environ, "PATH": str(tmp_path)}, 20.0)
    assert (found.ok, found.mend) == (False, "git-path")


def test_a_git_that_is_too_old_and_one_that_is_none(clone: Path, here: Here, tmp_path: Path) -> None:
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\necho git version 2.17.1\n")
    program.chmod(0o755)
    assert "2.29" in str(of_git(clone, {**here.environ, "PATH": str(tmp_path)}, 20.0).fix)
    program.write_text("#!/bin/sh\necho 'xcrun: error: invalid active developer path' >&2\nexit 1\n")
    found = of_git(clone, {**here.environ, "PATH": f"{tmp_path}{os.pathsep}/bin"}, 20.0)
    assert (found.ok, found.mend) == (False, "git-path")
    assert "xcrun" in str(found.detail)


def test_a_folder_that_git_does_not_trust(clone: Path, here: Here) -> None:
    # git's own way to try it without another user.
    found = of_git(clone, {**here.environ, "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1", "HOME": str(clone)}, 20.0)
    assert (found.ok, found.mend) == (False, "safe-directory")
    assert found.values["folder"] == str(clone)
    assert "safe.directory" in str(found.fix)


def test_a_lock_that_was_left_behind(clone: Path, here: Here) -> None:
    lock = clone / ".git/index.lock"
    lock.touch()
    assert of_git(clone, here.environ, 20.0).ok is True, "a git may be at work"
    os.utime(lock, (time.time() - 3600, time.time() - 3600))
    found = of_git(clone, here.environ, 20.0)
    assert (found.ok, found.mend) == (False, "git-unlock")
    assert found.values["path"] == str(lock)


def test_a_lock_in_a_worktree_where_a_git_is_at_work(clone: Path, here: Here, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in ([*who, "commit", "-q", "--allow-empty", "-m", "one"], ["worktree", "add", "-q", str(tree)]):
        subprocess.run(["git", *words], cwd=clone, env=dict(here.environ), check=True)
    lock = clone / ".git/worktrees/tree/index.lock"
    lock.touch()
    os.utime(lock, (1, 1))
    assert of_git(tree, here.environ, 20.0).mend == "git-unlock"
    with subprocess.Popen(["git", "cat-file", "--batch"], cwd=tree, env=dict(here.environ), stdin=subprocess.PIPE):
        assert of_git(tree, here.environ, 20.0).ok is True


def test_a_clone_that_is_damaged(clone: Path, here: Here) -> None:
    (clone / ".git/HEAD").unlink()
    found = of_git(clone, here.environ, 20.0)
    assert found.ok is False
    assert "afresh" in str(found.fix)
