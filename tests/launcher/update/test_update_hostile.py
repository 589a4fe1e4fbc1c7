"""git as Gesso calls it, in a repository whose settings and whose upstream mean harm: nothing of them runs."""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.git_calls import ELSEWHERE, Git, environment
from launcher.core.paths import checkout
from launcher.core.update import clone as update_clone
from launcher.core.update import unfinished
from tests.launcher.update.conftest import environ, git, write

if sys.platform == "win32":
    pytest.skip("the traps are scripts of a Unix shell", allow_module_level=True)


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    folder = tmp_path / "upstream"
    write(folder, {"a.txt": "one"})
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    return folder


@pytest.fixture
def called(tmp_path: Path, upstream: Path) -> Git:
    """In a clone with traps in its hooks and settings; a global configuration that must stay as it is."""
    clone, trap = tmp_path / "clone", tmp_path / "trap"
    git(tmp_path, "clone", "-q", str(upstream), str(clone))
    for name in ("post-checkout", "post-merge", "reference-transaction", "pre-auto-gc", "post-index-change"):
        hook = clone / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch '{trap}'\n")
        hook.chmod(0o755)
    for key, value in {
        "core.fsmonitor": f"touch '{trap}'", "submodule.recurse": "true", "fetch.recurseSubmodules": "true",
        "protocol.ext.allow": "always", "protocol.allow": "always", "core.hooksPath": str(clone / ".git" / "hooks"),
        "maintenance.auto": "true",
    }.items():  # fmt: skip
        git(clone, "config", key, value)
    # `trap` was set off by the preparations
    trap.unlink(missing_ok=True)
    home = tmp_path / "gitconfig"
    home.write_text("[user]\n\tname = me\n")
    return Git("git", clone, environment({**environ(), "GIT_CONFIG_GLOBAL": str(home)}))


def test_hooks_monitors_and_submodules_do_not_run_and_global_settings_stay(
    called: Git, upstream: Path, tmp_path: Path
) -> None:
    trap, marker = tmp_path / "trap", tmp_path / "gitconfig"
    git(upstream, "config", "protocol.ext.allow", "always")
    (upstream / ".gitmodules").write_text(f'[submodule "x"]\n\tpath = x\n\turl = ext::sh -c "touch {trap}"\n')
    git(upstream, "update-index", "--add", "--cacheinfo", f"160000,{git(upstream, 'rev-parse', 'HEAD')},x")
    git(upstream, "add", ".gitmodules")
    git(upstream, "commit", "-qm", "two")
    before = marker.read_bytes()
    assert called.call("fetch", "origin").code == 0
    assert called.call("merge", "--ff-only", "origin/main").code == 0
    assert called.call("status").code == 0
    assert (called.root / ".gitmodules").exists()
    assert not trap.exists()
    assert marker.read_bytes() == before


@pytest.mark.parametrize("scheme", ["ext::touch {trap}", "fd::0/x", "git://127.0.0.1:9/x", "http://127.0.0.1:9/x"])
def test_no_protocol_but_those_that_are_allowed_is_spoken(called: Git, tmp_path: Path, scheme: str) -> None:
    trap = tmp_path / "trap"
    answer = called.call("fetch", "--", scheme.format(trap=trap), "main", seconds=60)
    assert answer.code not in (0, 124)
    assert "not allowed" in " ".join(answer.err)
    assert not trap.exists()


@pytest.fixture
def partial(called: Git, tmp_path: Path) -> tuple[Git, str, str]:
    """(git, a commit, the next) of a clone that says: what is missing comes from a program of its remote."""
    clone, trap = called.root, tmp_path / "trap"
    old = git(clone, "rev-parse", "HEAD")
    write(clone, {"a.txt": "two"})
    git(clone, "commit", "-qam", "two")
    new = git(clone, "rev-parse", "HEAD")
    for key, value in {
        "remote.origin.url": f"ext::sh -c touch% '{trap}'", "remote.origin.promisor": "true",
        "remote.origin.partialCloneFilter": "blob:none", "extensions.partialClone": "origin",
        "core.repositoryFormatVersion": "1",
    }.items():  # fmt: skip
        git(clone, "config", key, value)
    trap.unlink(missing_ok=True)
    return called, old, new


def _lose(folder: Path, name: str) -> None:
    there = git(folder, "rev-parse", name)
    (folder / ".git" / "objects" / there[:2] / there[2:]).unlink()


def test_the_trap_of_what_is_missing_would_shut(partial: tuple[Git, str, str], tmp_path: Path) -> None:
    called, old, _ = partial
    _lose(called.root, f"{old}:a.txt")
    with pytest.raises(Exception, match="non-zero"):
        git(called.root, "cat-file", "blob", f"{old}:a.txt")
    assert (tmp_path / "trap").exists()


def test_gitpython_fetches_nothing_that_is_missing(partial: tuple[Git, str, str], tmp_path: Path) -> None:
    called, old, new = partial
    called = replace(called, program=shutil.which("git") or "")
    _lose(called.root, f"{old}^{{tree}}")
    with pytest.raises(LauncherError) as broken:
        update_clone.changes_between(called, old, new)
    assert broken.value.code == "update-broken-clone"
    assert not (tmp_path / "trap").exists()


@pytest.mark.parametrize("more", [(), ("-c", "protocol.ext.allow=always")])
def test_a_change_that_is_ended_fetches_nothing_either(
    partial: tuple[Git, str, str], more: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before the commit was moved: the files are compared with both versions' blobs."""
    called, old, new = partial
    git(called.root, "update-ref", "--no-deref", "HEAD", old)
    _lose(called.root, f"{old}:a.txt")
    (tmp_path / "trap").unlink(missing_ok=True)
    for name, value in environ().items():
        monkeypatch.setenv(name, value)
    with pytest.raises(OSError, match="could not write"):
        unfinished.make_whole((*unfinished._GIT, *more), called.root, old, new)
    assert not (tmp_path / "trap").exists()


def test_git_is_called_at_one_door() -> None:
    """What ends a change of version that was killed imports nothing of Gesso, and has hardening of its own."""
    said = {
        file.relative_to(checkout()).as_posix()
        for file in (checkout() / "launcher").rglob("*.py")
        if re.search(r"""[\[]["']git["'],|import git\b""", file.read_text(encoding="utf-8"))
    }
    assert said == {"launcher/core/update/clone.py"}, "GitPython is given the door's options and variables"
    assert unfinished.ELSEWHERE == ELSEWHERE


def test_a_remote_that_is_an_option_is_a_place(called: Git, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    assert called.call("fetch", "--", f"--upload-pack=touch {trap}", "main", seconds=60).code not in (0, 124)
    assert not trap.exists()


@pytest.mark.parametrize("path", [".git/hooks/post-checkout", ".GIT/config", "../outside", "a/../../b", "git~1/config"])
def test_a_tree_that_leads_into_gits_own_folder_or_out_of_it_is_refused(called: Git, upstream: Path, path: str) -> None:
    """Written as objects, past git's own checks at the other end."""
    blob = git(upstream, "hash-object", "-w", "a.txt")
    tree = blob
    for part in reversed(path.split("/")):
        made = _object(
            upstream, "tree", (b"100644 " if tree == blob else b"40000 ") + part.encode() + b"\0" + bytes.fromhex(tree)
        )
        tree = made
    commit = git(upstream, "commit-tree", tree, "-m", "evil")
    git(upstream, "update-ref", "refs/heads/evil", commit)
    before = sorted(entry.name for entry in called.root.iterdir())
    answer = called.call("fetch", "origin", "evil")
    assert answer.code != 0
    assert sorted(entry.name for entry in called.root.iterdir()) == before
    assert not (called.root.parent / "outside").exists()


def test_a_link_of_the_tree_is_a_plain_file_here(called: Git, upstream: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("mine")
    (upstream / "link").symlink_to(tmp_path / "secret")
    git(upstream, "add", "link")
    git(upstream, "commit", "-qm", "two")
    assert called.call("fetch", "origin").code == 0
    assert called.call("merge", "--ff-only", "origin/main").code == 0
    assert not (called.root / "link").is_symlink()
    assert (called.root / "link").read_text() == str(tmp_path / "secret")
    assert called.call("status", "--porcelain").out == ()


def _object(folder: Path, kind: str, content: bytes) -> str:
    file = folder.parent / "object"
    file.write_bytes(content)
    return git(folder, "hash-object", "-w", "-t", kind, "--literally", os.fspath(file))
