"""git as Gesso calls it, in a repository whose settings and whose upstream mean harm: nothing of them runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from launcher.core.update.git_calls import Git, environment
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


def _object(folder: Path, kind: str, content: bytes) -> str:
    file = folder.parent / "object"
    file.write_bytes(content)
    return git(folder, "hash-object", "-w", "-t", kind, "--literally", os.fspath(file))
