"""git not found, a folder that it refuses, a lock left behind: caused with a real git, mended, and taken back."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from launcher import cli
from launcher.core.errors import LauncherError
from launcher.core.mends import git_path, journal
from launcher.core.mends.mend import Here
from launcher.core.mends.remembered_git import RememberedGit, path_with, put_git_on_path
from launcher.core.update.git_calls import find_git
from launcher.core.update.git_locks import git_folder
from tests.launcher.mends.mending import exhaust, here_in

REAL = shutil.which("git")
pytestmark = pytest.mark.skipif(REAL is None, reason="no git here")


def git(here, folder, *words):
    """As the user would call it."""
    environ = {**here.environ, "LC_ALL": "C"}
    return subprocess.run(["git", *words], cwd=folder, env=environ, capture_output=True, text=True, check=False)


@pytest.fixture
def here(tmp_path):
    return here_in(tmp_path, PATH=os.environ["PATH"], GIT_AUTHOR_NAME="a", GIT_AUTHOR_EMAIL="a@b.example",
                   GIT_COMMITTER_NAME="a", GIT_COMMITTER_EMAIL="a@b.example")  # fmt: skip


@pytest.fixture
def clone(here, tmp_path):
    folder = tmp_path / "扩展 with spaces"
    folder.mkdir()
    assert git(here, folder, "init", "--quiet").returncode == 0
    (folder / "file").write_text("x")
    return folder


# --- git-path


@pytest.fixture
def hidden(tmp_path, monkeypatch):
    """A computer whose git is in none of the folders of PATH."""
    elsewhere = tmp_path / "elsewhere" / "bin"
    elsewhere.mkdir(parents=True)
    (elsewhere / "git").symlink_to(REAL)
    monkeypatch.setattr(git_path, "usual_places", lambda environ: iter([elsewhere / "git"]))
    return here_in(tmp_path, PATH=str(tmp_path / "empty"))


def test_git_is_found_remembered_and_used_from_then_on(hidden, tmp_path):
    with pytest.raises(LauncherError) as caught:
        find_git(tmp_path, hidden.environ)
    assert caught.value.code == "no-git"
    shown = journal.preview(hidden, "git-path", {})
    assert [(each.before, Path(each.after or "").name) for each in shown.changes] == [(None, "git")]
    assert not (hidden.workspace.state / "git.json").exists()
    _, mended = exhaust(journal.mend(hidden, "git-path", {}))
    assert mended.still is None
    started = dict(hidden.environ)
    put_git_on_path(hidden.workspace, started)
    assert find_git(tmp_path, started).call("version").code == 0
    exhaust(journal.undo(hidden, mended.number))
    started = dict(hidden.environ)
    put_git_on_path(hidden.workspace, started)
    assert started == hidden.environ


def test_every_start_of_gesso_puts_the_remembered_git_on_the_path(hidden, tmp_path, monkeypatch, capsys):
    exhaust(journal.mend(hidden, "git-path", {}))
    monkeypatch.setenv("PATH", hidden.environ["PATH"])
    assert cli.main(["--root", str(hidden.workspace.root), "status"], lambda *words: 0) == 0
    assert shutil.which("git") == str(tmp_path / "elsewhere" / "bin" / "git")
    capsys.readouterr()


def test_where_git_is_changed_by_another_is_not_taken_back(hidden):
    _, mended = exhaust(journal.mend(hidden, "git-path", {}))
    (hidden.workspace.state / "git.json").write_text('{"program": "/mine/git"}')
    with pytest.raises(LauncherError) as caught:
        exhaust(journal.undo(hidden, mended.number))
    assert caught.value.code == "mend-changed-since"


def test_a_git_that_works_needs_no_mend(here):
    assert journal.preview(here, "git-path", {}) is None


def test_a_git_that_only_says_what_is_missing_is_none(hidden, tmp_path):
    """As macOS has one before its developer tools are there."""
    stub = tmp_path / "stub"
    stub.mkdir()
    (stub / "git").write_text("#!/bin/sh\necho 'xcrun: error: invalid active developer path' >&2\nexit 1\n")
    (stub / "git").chmod(0o755)
    here = Here(hidden.workspace, {**hidden.environ, "PATH": f"{stub}:/usr/bin:/bin"})
    _, mended = exhaust(journal.mend(here, "git-path", {}))
    assert mended.still is None
    started = dict(here.environ)
    put_git_on_path(here.workspace, started)
    assert started["PATH"].startswith(str(tmp_path / "elsewhere"))


def test_where_there_is_no_git_it_is_said_how_to_get_one(hidden, monkeypatch):
    monkeypatch.setattr(git_path, "usual_places", lambda environ: iter(()))
    with pytest.raises(LauncherError) as caught:
        journal.preview(hidden, "git-path", {})
    assert caught.value.code == "cannot-mend"


def test_the_places_of_windows_are_those_of_this_users_windows(tmp_path):
    for place in ("Programme/Git/cmd", "AppData/GitHubDesktop/app-3.4.1/resources/app/git/cmd"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "git.exe").write_text("")
    environ = {"PROGRAMFILES": str(tmp_path / "Programme"), "LOCALAPPDATA": str(tmp_path / "AppData")}
    found = [path.relative_to(tmp_path).parts[0] for path in git_path.usual_places(environ, "win32")]
    assert found == ["Programme", "AppData"]


def test_a_git_that_is_on_the_path_is_not_hidden(tmp_path):
    kept = RememberedGit(str(tmp_path / "other" / "git"))
    assert path_with(kept, {"PATH": os.environ["PATH"]}) == os.environ["PATH"]
    assert path_with(kept, {}) == str(tmp_path / "other")


# --- safe-directory


@pytest.fixture
def foreign(here):
    """git itself pretends that every folder is somebody else's."""
    return Here(here.workspace, {**here.environ, "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"})


@pytest.mark.parametrize("own", ["", "[user]\n\tname = Painter\n"])
def test_a_folder_of_somebody_else_is_allowed_and_no_other(foreign, clone, own):
    settings = Path(foreign.environ["HOME"]) / ".gitconfig"
    if own:
        settings.write_text(own)
    refused = git(foreign, clone, "status")
    assert "dubious ownership" in refused.stderr
    shown = journal.preview(foreign, "safe-directory", {"folder": str(clone)})
    assert [each.after for each in shown.changes] == [str(clone)]
    assert str(settings) in str(shown.changes[0].what)
    _, mended = exhaust(journal.mend(foreign, "safe-directory", {"folder": str(clone)}))
    assert mended.still is None
    assert git(foreign, clone, "status").returncode == 0
    other = clone.parent / "other"
    other.mkdir()
    git(foreign, other, "init", "--quiet")
    assert "dubious ownership" in git(foreign, other, "status").stderr
    exhaust(journal.undo(foreign, mended.number))
    assert "dubious ownership" in git(foreign, clone, "status").stderr
    assert "safe" not in settings.read_text()
    assert settings.read_text().startswith(own)


def test_the_users_own_word_for_the_same_folder_stays(foreign, clone):
    _, mended = exhaust(journal.mend(foreign, "safe-directory", {"folder": str(clone)}))
    git(foreign, clone.parent, "config", "--global", "--add", "safe.directory", str(clone))
    exhaust(journal.undo(foreign, mended.number))
    assert git(foreign, clone, "status").returncode == 0


def test_an_entry_that_somebody_took_away_is_not_taken_away_again(foreign, clone):
    _, mended = exhaust(journal.mend(foreign, "safe-directory", {"folder": str(clone)}))
    git(foreign, clone.parent, "config", "--global", "--unset-all", "safe.directory")
    before = (Path(foreign.environ["HOME"]) / ".gitconfig").read_bytes()
    exhaust(journal.undo(foreign, mended.number))
    assert (Path(foreign.environ["HOME"]) / ".gitconfig").read_bytes() == before


def test_an_own_folder_needs_no_word(here, clone):
    assert journal.preview(here, "safe-directory", {"folder": str(clone)}) is None
    assert journal.preview(here, "safe-directory", {"folder": str(clone / "nowhere")}) is None


# --- git-unlock


@pytest.fixture
def locked(here, clone):
    """As a git leaves it that was ended in the middle."""
    lock = clone / ".git" / "index.lock"
    lock.write_bytes(b"half an index")
    os.utime(lock, (time.time() - 600, time.time() - 600))
    refused = git(here, clone, "add", "file")
    assert refused.returncode
    assert "index.lock" in refused.stderr
    return lock


@pytest.mark.parametrize("values", ["path", "folder", "folder in it"])
def test_a_lock_that_was_left_is_set_aside_and_git_works_again(here, clone, locked, values):
    named = {
        "path": {"path": str(locked)},
        "folder": {"folder": str(clone)},
        "folder in it": {"folder": str(clone / ".git")},
    }[values]
    shown = journal.preview(here, "git-unlock", named)
    assert [(each.before, each.after) for each in shown.changes] == [(str(locked), None)]
    _, mended = exhaust(journal.mend(here, "git-unlock", named))
    assert mended.still is None
    assert git(here, clone, "add", "file").returncode == 0
    exhaust(journal.undo(here, mended.number))
    assert locked.read_bytes() == b"half an index"
    assert git(here, clone, "add", "file").returncode


def test_a_fresh_lock_is_left_alone(here, clone, locked):
    os.utime(locked)
    with pytest.raises(LauncherError) as caught:
        exhaust(journal.mend(here, "git-unlock", {"path": str(locked)}))
    assert caught.value.code == "cannot-mend"
    assert locked.exists()


def test_a_lock_is_left_alone_while_a_git_is_at_work_there(here, clone, locked):
    # It waits for what it is told on its standard input.
    working = subprocess.Popen(["git", "cat-file", "--batch"], cwd=clone, env=dict(here.environ),
                               stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)  # fmt: skip
    try:
        with pytest.raises(LauncherError) as caught:
            journal.preview(here, "git-unlock", {"path": str(locked)})
        assert str(working.pid) in str(caught.value.message)
    finally:
        working.stdin.close()
        working.wait()
    assert journal.preview(here, "git-unlock", {"path": str(locked)}) is not None


def test_what_is_no_lock_of_git_is_never_touched(here, tmp_path, clone):
    other = tmp_path / "yarn.lock"
    other.write_text("mine")
    os.utime(other, (1, 1))
    assert journal.preview(here, "git-unlock", {"path": str(other)}) is None
    assert journal.preview(here, "git-unlock", {"path": str(clone / "file")}) is None
    assert journal.preview(here, "git-unlock", {"folder": str(clone)}) is None


def test_a_lock_that_is_there_again_is_not_written_over(here, clone, locked):
    _, mended = exhaust(journal.mend(here, "git-unlock", {"path": str(locked)}))
    locked.write_text("of a git that works now")
    with pytest.raises(LauncherError) as caught:
        exhaust(journal.undo(here, mended.number))
    assert caught.value.code == "mend-changed-since"
    assert locked.read_text() == "of a git that works now"


def test_a_worktree_keeps_its_lock_elsewhere(here, clone, tmp_path):
    git(here, clone, "add", "file")
    git(here, clone, "commit", "--quiet", "-m", "one")
    tree = tmp_path / "tree"
    assert git(here, clone, "worktree", "add", "--quiet", str(tree)).returncode == 0
    folder = git_folder(tree)
    assert folder
    lock = folder / "index.lock"
    lock.write_text("")
    os.utime(lock, (1, 1))
    assert "index.lock" in git(here, tree, "add", ".").stderr
    with subprocess.Popen(["git", "cat-file", "--batch"], cwd=tree, env=dict(here.environ), stdin=subprocess.PIPE,
                          stdout=subprocess.DEVNULL) as working:  # fmt: skip
        for named in ({"path": str(lock)}, {"folder": str(tree)}):
            with pytest.raises(LauncherError) as caught:
                journal.preview(here, "git-unlock", named)
            assert str(working.pid) in str(caught.value.message)
    exhaust(journal.mend(here, "git-unlock", {"folder": str(tree)}))
    assert git(here, tree, "add", ".").returncode == 0


def test_a_lock_that_its_git_takes_away_meanwhile(here, locked, monkeypatch):
    """Between the look at it and the look at its age."""
    locked.unlink()
    monkeypatch.setattr("launcher.core.mends.git_unlock._lock", lambda values: locked)
    assert journal.preview(here, "git-unlock", {"path": str(locked)}) is None
