"""The locks that git holds while it writes, which one that was killed leaves; and who may still be at work there."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

#: those that stop every work: of the checkout itself, and of what its worktrees have in common
_OWN, _COMMON = ("index.lock", "HEAD.lock"), ("config.lock", "shallow.lock", "packed-refs.lock")


def locks_of(checkout: Path) -> tuple[Path, ...]:
    """The locks that lie in what git keeps of the clone in `checkout`."""
    own = git_folder(checkout)
    if own is None:
        return ()
    locks = [*(own / name for name in _OWN), *(_common(own) / name for name in _COMMON)]
    return tuple(lock for lock in locks if lock.is_file())


def git_folder(checkout: Path) -> Path | None:
    """What git keeps of the clone in `checkout`; a worktree or submodule has it elsewhere."""
    inside = checkout if checkout.name == ".git" else checkout / ".git"
    if inside.is_dir():
        return inside
    try:
        leads = inside.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
    except (OSError, ValueError):
        return None
    return checkout / leads


def _common(own: Path) -> Path:
    """Where a worktree has what it shares with the others; else the same folder."""
    try:
        return own / (own / "commondir").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return own


def at_work(lock: Path, checkout: Path | None = None) -> list[int]:
    """Every git that may use the clone of `lock`, its worktree or `checkout`: one whose folder cannot be seen counts
    too, unless it is another user's than the lock."""
    clones = {os.path.realpath(folder) for folder in (_clone(lock), checkout, *_worktree(lock)) if folder}
    owner, found = _owner(lock), []
    told = ["pid", "name", "cmdline", "cwd", "status", *(["uids"] if sys.platform != "win32" else [])]
    for process in psutil.process_iter(told):
        name = str(process.info["name"] or "").lower().removesuffix(".exe")
        if (name == "git" or name.startswith("git-")) and process.info["status"] != psutil.STATUS_ZOMBIE:
            where = process.info["cwd"]
            words = " ".join(process.info["cmdline"] or [])
            uids = process.info.get("uids")
            hidden = where is None and (owner is None or uids is None or uids.effective == owner)
            if hidden or any(clone in words or (where and _within(where, clone)) for clone in clones):
                found.append(process.info["pid"])
    return found


def _owner(lock: Path) -> int | None:
    """None: the system does not tell."""
    with contextlib.suppress(OSError):
        return lock.stat().st_uid if sys.platform != "win32" else None
    return None


def _worktree(lock: Path) -> Iterator[Path]:
    """Where the files are, if what git keeps of a worktree holds the lock."""
    with contextlib.suppress(OSError, ValueError):
        yield (lock.parent / (lock.parent / "gitdir").read_text(encoding="utf-8").strip()).parent


def _clone(lock: Path) -> Path:
    """The folder that holds .git, or what stands for it."""
    inside = next((folder for folder in lock.parents if folder.name == ".git"), None)
    return inside.parent if inside else lock.parent


def _within(folder: str, clone: str) -> bool:
    return (os.path.realpath(folder) + os.sep).startswith(clone + os.sep)
