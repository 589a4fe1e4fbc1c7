"""Updates that were killed, and clones that are damaged."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice
from launcher.core.paths import Workspace
from launcher.core.update import update as acts
from launcher.core.update.find import Wish
from launcher.core.update.memory import under_way
from launcher.core.update.update import carry_out, find_update, go_back
from tests.launcher.update.conftest import Copy, Upstream, clone, git, refused, through, tree, updated, write


@pytest.mark.parametrize("moment", range(7))
def test_killed_in_the_middle_of_the_move_it_goes_on(
    cloned: Copy, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """git wrote some files, one of them half, and left its lock; then everything ended."""
    upstream.release("v0.3.0", {**tree("0.3.0"), "a/b.txt": "added " * 1000, "install.sh": "new " * 1000})
    write(cloned.root, {"my notes.txt": "mine"})
    found = through(find_update(cloned.place))
    new = tree("0.3.0") | {"a/b.txt": "added " * 1000, "install.sh": "new " * 1000}
    new = {name: text for name, text in new.items() if tree("0.1.0").get(name) != text}

    def killed(*_: object) -> None:
        (cloned.root / ".git/index.lock").write_text("")
        for number, name in enumerate(sorted(new)):
            if number == moment:
                write(cloned.root, {name: new[name][: len(new[name]) // 2]})
            elif number < moment:
                write(cloned.root, {name: new[name]})
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(acts.update_clone, "move", killed)
        with pytest.raises(KeyboardInterrupt):
            through(carry_out(cloned.place, found))
    assert under_way(cloned.root) is not None
    updated(cloned)
    assert cloned.version == "0.3.0"
    assert (cloned.root / "a/b.txt").read_text() == "added " * 1000
    assert git(cloned.root, "status", "--porcelain") == '?? "my notes.txt"'
    assert through(go_back(cloned.place)) == "0.1.0"


def test_the_way_back_killed_half_way_leaves_everything_as_it_was(
    cloned: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    updated(cloned)
    before = cloned.files()

    def killed(*_: object) -> None:
        write(cloned.root, {"docs/说明 (v).md": "0.1.0", "launcher/__main__.py": ""})
        (cloned.root / "launcher/new file.py").unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(acts.update_clone, "move", killed)
        with pytest.raises(KeyboardInterrupt):
            through(go_back(cloned.place))
    found = through(find_update(cloned.place))
    assert cloned.files() == before
    assert (found.present, found.before) == ("0.2.0", "0.1.0"), "the way back is still there"
    assert through(go_back(cloned.place)) == "0.1.0"
    assert cloned.version == "0.1.0"


def test_killed_right_after_the_move_it_is_done(cloned: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    found = through(find_update(cloned.place))
    real = acts.update_clone.move

    def killed(*words: object) -> None:
        real(*words)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(acts.update_clone, "move", killed)
        with pytest.raises(KeyboardInterrupt):
            through(carry_out(cloned.place, found))
    assert through(find_update(cloned.place)).before == "0.1.0"
    assert through(go_back(cloned.place)) == "0.1.0"


@pytest.mark.parametrize("damage", ["HEAD", "index", "refs", "objects", "packed", "config", "empty"])
def test_a_damaged_clone_is_named_and_left_alone(cloned: Copy, damage: str) -> None:
    folder = cloned.root / ".git"
    before = cloned.files()
    if damage == "HEAD":
        (folder / "HEAD").write_text("")
    elif damage == "index":
        (folder / "index").write_bytes(b"DIRC nonsense")
    elif damage == "refs":
        (folder / "refs/heads/main").write_text("nonsense\n")
    elif damage == "config":
        (folder / "config").write_text("[remote\n")
    elif damage == "empty":
        subprocess.run(["rm", "-rf", str(folder)], check=True)
        folder.mkdir()
    else:
        subprocess.run(["rm", "-rf", str(folder / "objects")], check=True)
    with pytest.raises(LauncherError) as failure:
        updated(cloned)
    assert failure.value.code == "update-broken-clone", failure.value
    why = dict(failure.value.message.values)["why"]
    assert why not in ("", str(cloned.root), str(folder)), "the folder alone says nothing"
    assert cloned.files() == before


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can give files away")
def test_a_folder_of_another_user_is_told_and_git_is_told_for_this_call_alone(cloned: Copy, tmp_path: Path) -> None:
    for path in (cloned.root, *cloned.root.rglob("*")):
        os.chown(path, 12345, 12345)
    home = tmp_path / "home"
    home.mkdir()
    environ = {name: text for name, text in cloned.place.environ.items() if not name.startswith(("GIT_", "SUDO_"))}
    copy = Copy(replace(cloned.place, environ={**environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home)}))
    plain = subprocess.run(["git", "status"], cwd=copy.root, env=copy.place.environ, capture_output=True, text=True)
    assert "dubious ownership" in plain.stderr
    seen: list[Event] = []
    found = through(find_update(copy.place), seen)
    assert (found.version, found.obstacle) == ("0.2.0", None)
    assert "owned-by-another" in [each.slug for each in seen if isinstance(each, Notice)]
    through(carry_out(copy.place, found))
    assert copy.version == "0.2.0"
    assert not list(home.iterdir())


@pytest.mark.parametrize(
    "name",
    ["-dash", 'it\'s "q"', "颜料 🎨", "%PATH% $HOME `x` & y", "a" * 120 + "/" + "b" * 100, "a;b#c", "back\\slash"],
)
def test_odd_places(upstream: Upstream, tmp_path: Path, name: str) -> None:
    made = clone(upstream, tmp_path / "x" / name)
    copy = Copy(replace(made.place, workspace=Workspace(tmp_path / "w" / name)))
    updated(copy)
    assert copy.version == "0.2.0"
    assert through(go_back(copy.place)) == "0.1.0"
    assert git(copy.root, "status", "--porcelain") == ""


def test_a_worktree(cloned: Copy, tmp_path: Path) -> None:
    git(cloned.root, "switch", "-q", "--detach")
    git(cloned.root, "worktree", "add", "-q", str(tmp_path / "tree"), "main")
    copy = Copy(replace(cloned.place, root=tmp_path / "tree"))
    updated(copy)
    assert copy.version == "0.2.0"
    assert cloned.version == "0.1.0"


@pytest.mark.parametrize("doing", ["fetch", "checkout-index", "reset"])
@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("fatal: write error: No space left on device", "disk-full"),
        ("error: unable to create file x: Read-only file system", "no-permission"),
    ],
)
def test_a_full_disk_and_a_folder_that_cannot_be_written(
    cloned: Copy, tmp_path: Path, doing: str, said: str, code: str
) -> None:
    """A git that says so at that moment, as git says it."""
    script = tmp_path / "git"
    script.write_text(
        f'#!/bin/sh\nfor word; do if [ "$word" = {doing} ]; then echo "{said}" >&2; exit 128; fi; done\nexec git "$@"\n'
    )
    script.chmod(0o755)
    copy = Copy(replace(cloned.place, environ={**cloned.place.environ, "GIT": str(script)}))
    before = copy.files()
    with pytest.raises(LauncherError) as failure:
        updated(copy)
    assert failure.value.code == code
    assert copy.files() == before
    assert under_way(copy.root) is None
    updated(cloned)
    assert cloned.version == "0.2.0"


def test_a_shallow_clone_with_a_commit_of_its_own(upstream: Upstream, tmp_path: Path) -> None:
    """History is fetched before it is judged, so the answer is the right one."""
    git(upstream.folder, "reset", "-q", "--hard", "v0.1.0")
    git(upstream.folder, "clone", "-q", "--depth", "1", upstream.url, str(tmp_path / "c"))
    write(tmp_path / "c", {"mine.txt": "mine"})
    git(tmp_path / "c", "add", "mine.txt")
    git(tmp_path / "c", "commit", "-qm", "mine")
    copy = Copy(replace(clone(upstream, tmp_path / "other").place, root=tmp_path / "c"))
    refused(copy, "update-diverged")


def test_the_check_fetches_no_history_into_a_shallow_clone(upstream: Upstream, tmp_path: Path) -> None:
    """The user cloned main after 0.1.0 had gone on; 0.2.0 was made beside that."""
    git(upstream.folder, "reset", "-q", "--hard", "v0.1.0")
    for number in range(5):
        write(upstream.folder, {f"later {number}": "x"})
        git(upstream.folder, "add", "--all")
        git(upstream.folder, "commit", "-qm", f"later {number}")
    git(upstream.folder, "clone", "-q", "--depth", "1", upstream.url, str(tmp_path / "c"))
    copy = Copy(replace(clone(upstream, tmp_path / "other").place, root=tmp_path / "c"))
    before = git(copy.root, "rev-list", "--count", "HEAD")
    through(find_update(copy.place, Wish(check=True)))
    assert git(copy.root, "rev-list", "--count", "HEAD") == before
    assert (copy.root / ".git/shallow").exists()
    error = refused(copy, "update-diverged")
    assert "has come further than what v0.2.0 was made from" in str(error.message), "none of the commits are the user's"


def test_edited_or_committed_between_the_question_and_the_answer(cloned: Copy) -> None:
    found = through(find_update(cloned.place))
    (cloned.root / "install.sh").write_text("mine")
    with pytest.raises(LauncherError, match="update-changed-files"):
        through(carry_out(cloned.place, found))
    found = through(find_update(cloned.place, Wish(check=True)))
    assert found.obstacle is not None
    git(cloned.root, "checkout", "-q", "install.sh")
    found = through(find_update(cloned.place))
    git(cloned.root, "commit", "-q", "--allow-empty", "-m", "mine")
    with pytest.raises(LauncherError, match="update-moved-since"):
        through(carry_out(cloned.place, found))
    assert cloned.version == "0.1.0"
