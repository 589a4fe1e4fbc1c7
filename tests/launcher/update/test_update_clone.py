"""Gesso's own update of a git clone, with real repositories."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice, Progress, Step
from launcher.core.process import created
from launcher.core.running import Running, write_running
from launcher.core.update.find import Wish
from launcher.core.update.update import find_update, go_back
from tests.launcher.update.conftest import PROGRAM, Copy, Upstream, clone, git, refused, through, tree, updated, write


def test_the_check_says_what_would_change_and_changes_nothing(cloned: Copy, upstream: Upstream) -> None:
    before = cloned.files()
    seen: list[Event] = []
    found = through(find_update(cloned.place), seen)
    assert (found.present, found.version, found.obstacle) == ("0.1.0", "0.2.0", None)
    assert found.changes.commits == ("Version v0.2.0",)
    assert "launcher/new file.py" in found.changes.files
    assert "docs/说明 (v).md" in found.changes.files
    assert (found.rebuilt.launcher, found.rebuilt.engine) == (False, False)
    assert cloned.files() == before
    assert git(cloned.root, "status", "--porcelain") == ""
    assert git(cloned.root, "tag") == git(upstream.folder, "tag")


def test_there_and_back_and_there_again(cloned: Copy) -> None:
    seen = updated(cloned)
    assert cloned.version == "0.2.0"
    assert (cloned.root / "launcher/new file.py").read_text() == "new"
    assert [step.name for step in seen if isinstance(step, Step) and step.state == "done"] == ["prove", "switch"]
    assert git(cloned.root, "status", "--porcelain") == ""
    assert git(cloned.root, "branch", "--show-current") == "main"
    nothing = through(find_update(cloned.place))
    assert (nothing.version, nothing.before) == (None, "0.1.0")
    subprocess.run(["mv", str(cloned.root.parent / "上游 repo"), str(cloned.root.parent / "gone")], check=True)
    assert through(go_back(cloned.place)) == "0.1.0"
    assert cloned.version == "0.1.0"
    assert not (cloned.root / "launcher/new file.py").exists()
    assert git(cloned.root, "status", "--porcelain") == ""
    assert through(go_back(cloned.place)) == "0.2.0"
    assert cloned.version == "0.2.0"


def test_the_order_of_versions_is_not_that_of_letters(cloned: Copy, upstream: Upstream) -> None:
    for tag in ("v0.10.0", "v0.9.0", "v0.11.0rc1", "nightly", "v-x"):
        upstream.release(tag, tree("0.10.0" if tag == "v0.10.0" else tag.removeprefix("v")))
    found = through(find_update(cloned.place))
    assert found.version == "0.10.0"
    assert through(find_update(cloned.place, Wish(pre=True))).version == "0.11.0rc1"


@pytest.mark.parametrize("annotated", [True, False])
def test_light_and_annotated_tags(cloned: Copy, upstream: Upstream, annotated: bool) -> None:
    commit = upstream.release("0.3.0", annotated=annotated)
    assert through(find_update(cloned.place)).commit == commit
    updated(cloned)
    assert git(cloned.root, "rev-parse", "HEAD") == commit


def test_changed_files_are_named_and_nothing_is_lost(cloned: Copy) -> None:
    (cloned.root / "docs/说明 (v).md").write_text("mine")
    (cloned.root / "install.sh").unlink()
    error = refused(cloned, "update-changed-files")
    assert "docs/说明 (v).md" in str(error.message)
    assert "install.sh" in str(error.message)
    assert "git stash" in str(error.hint)
    staged = through(find_update(cloned.place))
    assert staged.obstacle is not None, "the check says it too"


def test_staged_changes_count_too(cloned: Copy) -> None:
    (cloned.root / "install.sh").write_text("mine")
    git(cloned.root, "add", "install.sh")
    refused(cloned, "update-changed-files")


def test_a_file_of_the_users_that_lies_where_a_new_one_would(cloned: Copy) -> None:
    (cloned.root / "launcher/new file.py").write_text("mine")
    error = refused(cloned, "update-changed-files")
    assert "launcher/new file.py" in str(error.message)
    assert "Move them to another folder" in str(error.hint)


def test_other_files_of_the_users_stay(cloned: Copy) -> None:
    write(cloned.root, {"my notes.txt": "mine", "workspace/models/x.safetensors": "model"})
    updated(cloned)
    through(go_back(cloned.place))
    assert (cloned.root / "my notes.txt").read_text() == "mine"
    assert (cloned.root / "workspace/models/x.safetensors").read_text() == "model"


def test_commits_of_ones_own_are_not_thrown_away(cloned: Copy) -> None:
    (cloned.root / "mine.txt").write_text("mine")
    git(cloned.root, "add", "mine.txt")
    git(cloned.root, "commit", "-qm", "mine")
    refused(cloned, "update-diverged")


def test_a_branch_of_ones_own(cloned: Copy) -> None:
    git(cloned.root, "switch", "-qc", "mine")
    assert "mine" in str(refused(cloned, "update-own-branch").message)


def test_a_single_commit_that_is_no_release(cloned: Copy, upstream: Upstream) -> None:
    write(upstream.folder, {"x": "x"})
    git(upstream.folder, "add", "x")
    git(upstream.folder, "commit", "-qm", "between")
    git(cloned.root, "fetch", "-q")
    git(cloned.root, "checkout", "-q", "--detach", "origin/main")
    refused(cloned, "update-detached")


def test_a_clone_of_a_tag_goes_on_to_the_next_one(upstream: Upstream, tmp_path: Path) -> None:
    git(upstream.folder, "clone", "-q", "--branch", "v0.1.0", "--depth", "1", upstream.url, str(tmp_path / "c"))
    copy = replace_root(clone(upstream, tmp_path / "other"), tmp_path / "c")
    updated(copy)
    assert copy.version == "0.2.0"
    assert through(go_back(copy.place)) == "0.1.0"
    assert copy.version == "0.1.0"


def replace_root(copy: Copy, root: Path) -> Copy:
    return Copy(replace(copy.place, root=root))


@pytest.mark.parametrize("depth", ["1", "2"])
def test_a_shallow_clone(upstream: Upstream, tmp_path: Path, depth: str) -> None:
    git(upstream.folder, "reset", "-q", "--hard", "v0.1.0")
    git(upstream.folder, "clone", "-q", "--depth", depth, upstream.url, str(tmp_path / "c"))
    copy = replace_root(clone(upstream, tmp_path / "other"), tmp_path / "c")
    updated(copy)
    assert copy.version == "0.2.0"


def test_the_newest_already(cloned: Copy) -> None:
    git(cloned.root, "reset", "-q", "--hard", "v0.2.0")
    before = cloned.files()
    assert not updated(cloned)
    assert cloned.files() == before


def test_no_releases(tmp_path: Path) -> None:
    folder = tmp_path / "up"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    upstream = Upstream(folder)
    upstream.release("nothing", tree("0.1.0"))
    copy = clone(upstream, tmp_path / "c", at="main")
    assert "--pre" in str(refused(copy, "update-no-releases").hint)
    assert "--pre" not in str(refused(copy, "update-no-releases", Wish(pre=True)).hint)


def test_nobody_answers(cloned: Copy, upstream: Upstream) -> None:
    upstream.folder.rename(upstream.folder.with_name("gone"))
    refused(cloned, "no-network")


def test_no_remote(cloned: Copy) -> None:
    git(cloned.root, "remote", "remove", "origin")
    refused(cloned, "update-no-remote")


@pytest.mark.parametrize(
    "url", ["ext::sh -c touch% /tmp/x", "http://example.org/x.git", "git://example.org/x", "--upload-pack=x"]
)
def test_addresses_that_are_not_safe(cloned: Copy, url: str) -> None:
    git(cloned.root, "config", "remote.origin.url", url)
    refused(cloned, "update-remote")


def test_something_runs(cloned: Copy) -> None:
    cloned.place.workspace.root.mkdir()
    running = Running(os.getpid(), created(os.getpid()) or 0.0, "local", "now", (), 7860)
    write_running(cloned.place.workspace, running)
    refused(cloned, "runtime-running")


@pytest.mark.parametrize("name", ["MERGE_HEAD", "rebase-merge", "index.lock"])
def test_git_at_its_work(cloned: Copy, name: str) -> None:
    (cloned.root / ".git" / name).write_text("")
    refused(cloned, "update-unfinished")


@pytest.mark.parametrize(
    "broken",
    [
        {"launcher/__main__.py": None},
        {"launcher/bootstrap.py": None},
        {"pyproject.toml": '[project]\nname = "gesso"\nversion = "0.2.9"\n'},
        {"pyproject.toml": "["},
        {"pyproject.toml": '[project]\nname = "other"\nversion = "0.3.0"\n'},
    ],
)
def test_a_release_that_is_not_whole(cloned: Copy, upstream: Upstream, broken: dict[str, str | None]) -> None:
    files = {**tree("0.3.0"), **broken}
    upstream.release("v0.3.0", {name: text for name, text in files.items() if text is not None})
    with pytest.raises(LauncherError, match=r"update-incomplete|not-gesso|bad-facts"):
        updated(cloned)
    assert cloned.version == "0.1.0"


@pytest.mark.parametrize(
    "program", ["import nothing_of_that_name\n", "raise SystemExit(3)\n", "", PROGRAM.replace("gesso ", "")]
)
def test_a_release_that_does_not_start_is_not_moved_to(cloned: Copy, upstream: Upstream, program: str) -> None:
    upstream.release("v0.3.0", tree("0.3.0", program=program))
    refused(cloned, "update-does-not-start")


def test_with_another_lock_its_own_environment_is_made_beside_first(cloned: Copy, upstream: Upstream) -> None:
    upstream.release("v0.3.0", tree("0.3.0", lock="b==2", program="raise SystemExit(3)\n"))
    seen = updated(cloned)
    assert cloned.version == "0.3.0", "bootstrap.py has the word, not the present environment"
    assert "rebuild-launcher" in [each.slug for each in seen if isinstance(each, Notice)]
    upstream.release(
        "v0.4.0", {**tree("0.4.0", lock="c"), "launcher/bootstrap.py": "raise SystemExit('no packages')\n"}
    )
    assert "no packages" in str(refused(cloned, "update-does-not-start").message)


def test_hooks_and_monitors_of_the_clone_do_not_run(cloned: Copy, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    for name in ("post-checkout", "post-merge", "reference-transaction", "post-index-change", "pre-auto-gc"):
        hook = cloned.root / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch '{trap}'\n")
        hook.chmod(0o755)
    git(cloned.root, "config", "core.fsmonitor", f"touch '{trap}'")
    trap.unlink(missing_ok=True)
    updated(cloned)
    assert not trap.exists()


def test_back_refuses_what_would_be_lost(cloned: Copy) -> None:
    with pytest.raises(LauncherError, match="update-nothing-before"):
        through(go_back(cloned.place))
    updated(cloned)
    (cloned.root / "install.sh").write_text("mine")
    with pytest.raises(LauncherError, match="update-changed-files"):
        through(go_back(cloned.place))
    git(cloned.root, "commit", "-qam", "mine")
    with pytest.raises(LauncherError, match="update-moved-since"):
        through(go_back(cloned.place))
    assert (cloned.root / "install.sh").read_text() == "mine"


def test_how_far_the_fetch_is(cloned: Copy, upstream: Upstream) -> None:
    upstream.release("v0.3.0", {**tree("0.3.0"), **{f"many/{number}": str(number) for number in range(400)}})
    seen: list[Event] = []
    through(find_update(cloned.place), seen)
    assert [each for each in seen if isinstance(each, Progress)]


def test_no_git_on_this_computer(cloned: Copy, tmp_path: Path) -> None:
    place = replace(cloned.place, environ={**cloned.place.environ, "PATH": str(tmp_path), "GIT": ""})
    with pytest.raises(LauncherError, match="no-git"):
        through(find_update(place))
    named = replace(cloned.place, environ={**cloned.place.environ, "GIT": "git"})
    assert through(find_update(named)).version == "0.2.0"
