"""A copy without git, changed to another version file by file: what was there is kept beside, what is foreign stays."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.file_hash import sha256
from launcher.core.records import read_record, write_record
from launcher.core.text import t
from launcher.core.update.unfinished import MANIFEST, digest, place

#: what is of this computer and never of a version
_OURS_NEVER = ("workspace", ".workspace", ".git", ".launcher", ".launcher-tools", ".launcher.lock")
_MANY = 8


@dataclass(frozen=True)
class Swap:
    """One change of version: `new` lies ready in `source`, what it replaces goes to `kept`."""

    root: Path
    source: Path
    kept: Path
    #: by paths with slashes, the SHA-256 of what will lie there and does not yet
    new: Mapping[str, str]
    #: of the version before, which the new one no longer has
    gone: tuple[str, ...] = ()


def plan_swap(
    root: Path, source: Path, kept: Path, files: Iterable[str], before: Mapping[str, str]
) -> tuple[Swap, dict[str, str]]:
    """What changes, and all that the new version brings, by its SHA-256. `before`: what the last change brought, {} if
    it is not known.

    LauncherError `update-changed-files` if one of those was changed since, or another lies where a new one would;
    without that knowledge every file that differs is kept in `kept` anyway.
    """
    brought = manifest(source, sorted(name for name in files if name.split("/")[0] not in _OURS_NEVER))
    if before:
        _refuse_changed(root, before, brought)
    new = {name: found for name, found in brought.items() if found != digest(root / name)}
    return Swap(root, source, kept, new, tuple(sorted(set(before) - set(brought)))), brought


def carry_out(swap: Swap) -> None:
    """Put each new file in the place of the old by one rename; `keep` went before. OSError: `put_back` is needed."""
    for name in swap.new:
        place(swap.source / name, swap.root / name)
    for name in swap.gone:
        (swap.root / name).unlink(missing_ok=True)


def keep(swap: Swap) -> None:
    """Copy what will change to `kept`. LauncherError `update-link`, `update-changed-files`; OSError."""
    _refuse_links(swap)
    _refuse_in_the_way(swap)
    old = {name: digest(swap.root / name) for name in (*swap.new, *swap.gone) if os.path.lexists(swap.root / name)}
    for name in old:
        place(swap.root / name, swap.kept / "files" / name)
    # The manifest last: with it everything is there.
    write_record(swap.kept / MANIFEST, {"old": old, "new": dict(swap.new)})


def refuse_lost_work(root: Path, kept: Path, new: Mapping[str, str]) -> None:
    """LauncherError `update-changed-files` if a file is neither of the version that is kept nor of the `new` one."""
    record = read_record(kept / MANIFEST) or {}
    _refuse_changed(root, record.get("old", {}), new if record else {})


def sweep(kept: Path) -> None:
    """Throw away what was kept, once it is of no use."""
    shutil.rmtree(kept, ignore_errors=True)


def manifest(root: Path, files: Iterable[str]) -> dict[str, str]:
    """SHA-256 by path, of what is there."""
    return {name: digest for name in files if (digest := sha256(root / name))}


def _refuse_changed(root: Path, *versions: Mapping[str, str]) -> None:
    """A file that is not there any more loses nothing."""
    names = sorted({name for version in versions for name in version})
    there = [name for name in names if os.path.lexists(root / name)]
    changed = [name for name in there if not {sha256(root / name), digest(root / name)} & {
        version.get(name) for version in versions}]  # fmt: skip
    if changed:
        raise LauncherError(
            "update-changed-files",
            t("These files of Gesso were changed here: {files}", files=some(changed)),
            t("Nothing was touched. Move your changed files to another folder, then run the same command again."),
        )


def some(names: Sequence[str]) -> str:
    """The first of them, and how many there are."""
    return ", ".join(names[:_MANY]) + (f" … ({len(names)})" if len(names) > _MANY else "")


def _refuse_links(swap: Swap) -> None:
    """A folder of the copy that is a link leads to somebody's own files."""
    for name in (*swap.new, *swap.gone):
        for above in (swap.root / name).parents:
            if above == swap.root:
                break
            if above.is_symlink() or os.path.ismount(above):
                raise LauncherError(
                    "update-link",
                    t("{folder} is a link, so nothing is written through it.", folder=above),
                    t("Put the real folder in its place, then run the same command again."),
                )


def _refuse_in_the_way(swap: Swap) -> None:
    """A folder where a file comes, a file where a folder comes: neither can be replaced by a rename."""
    found = {name for name in swap.new if (swap.root / name).is_dir()}
    for name in swap.new:
        above = [folder for folder in (swap.root / name).parents if folder.is_relative_to(swap.root)]
        found |= {
            folder.relative_to(swap.root).as_posix() for folder in above if folder.exists() and not folder.is_dir()
        }
    if found:
        raise LauncherError(
            "update-changed-files",
            t("These files are not Gesso's and lie where new ones would: {files}", files=some(sorted(found))),
            t("Nothing was touched. Move them to another folder, then run the same command again."),
        )


def differs(one: Path, other: Path) -> bool:
    """Do the two hold other bytes, or does one of them not exist?"""
    return sha256(one) != sha256(other)
