"""A copy without git, changed to another version file by file: what was there is kept beside, what is foreign stays."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.file_hash import sha256
from launcher.core.records import read_record, write_record
from launcher.core.text import t

#: in the folder of what is kept: which files the new version brought, by their hash
MANIFEST = "gesso-files.json"
#: what is of this computer and never of a version
_OURS_NEVER = ("workspace", ".workspace", ".git", ".launcher", ".launcher-tools", ".launcher.lock")
_MANY = 8


@dataclass(frozen=True)
class Swap:
    """One change of version: `new` lies ready in `source`, what it replaces goes to `kept`."""

    root: Path
    source: Path
    kept: Path
    #: by paths with slashes, the SHA-256 of what will lie there
    new: Mapping[str, str]
    #: of the version before, which the new one no longer has
    gone: tuple[str, ...] = ()


def plan_swap(root: Path, source: Path, kept: Path, files: Iterable[str], before: Mapping[str, str]) -> Swap:
    """`before`: the files that the last change brought, by their SHA-256; {} if it is not known.

    LauncherError `update-changed-files` if one of those was changed since, or another lies where a new one would;
    without that knowledge every file that differs is kept in `kept` anyway.
    """
    new = manifest(source, sorted(name for name in files if name.split("/")[0] not in _OURS_NEVER))
    if before:
        _refuse_changed(root, before, new)
    return Swap(root, source, kept, new, tuple(sorted(set(before) - set(new))))


def carry_out(swap: Swap) -> None:
    """Copy what will change to `kept`, then put each new file in the place of the old by one rename.

    LauncherError `update-link` with nothing touched, `update-not-moved`: then `put_back` is needed.
    """
    _refuse_links(swap)
    try:
        _keep(swap)
        for name in swap.new:
            _put(swap.source / name, swap.root / name)
        for name in swap.gone:
            with contextlib.suppress(FileNotFoundError):
                (swap.root / name).unlink()
    except OSError as error:
        raise LauncherError(
            "update-not-moved",
            t("A file could not be replaced: {why}", why=f"{error.filename or ''} {error.strerror or error}".strip()),
            t("The version before is back. Close programs that use files of Gesso, and run the same command again."),
        ) from error


def put_back(root: Path, kept: Path, new: Mapping[str, str]) -> None:
    """What `kept` holds is in its place again, and what the version after it brought (`new`) is gone.

    LauncherError `update-changed-files`, with nothing touched, if a file is of neither version; `update-not-moved`.
    """
    record = read_record(kept / MANIFEST) or {}
    _refuse_changed(root, record.get("old", {}), new if record else {})
    try:
        for name in record.get("old", {}):
            if (kept / "files" / name).is_file():
                _put(kept / "files" / name, root / name, copy=True)
        for name in record.get("added", []):
            with contextlib.suppress(FileNotFoundError):
                (root / name).unlink()
    except OSError as error:
        raise LauncherError(
            "update-not-moved",
            t("A file could not be replaced: {why}", why=error.strerror or error),
            t("Close programs that use files of Gesso, and run the same command again."),
        ) from error


def sweep(kept: Path) -> None:
    """Throw away what was kept, once it is of no use."""
    if (kept / MANIFEST).is_file():
        shutil.rmtree(kept, ignore_errors=True)


def manifest(root: Path, files: Iterable[str]) -> dict[str, str]:
    """SHA-256 by path, of what is there."""
    return {name: digest for name in files if (digest := sha256(root / name))}


def _refuse_changed(root: Path, *versions: Mapping[str, str]) -> None:
    """A file that is not there any more loses nothing."""
    names = sorted({name for version in versions for name in version})
    changed = [name for name in names if os.path.lexists(root / name)
               and sha256(root / name) not in {version.get(name) for version in versions}]  # fmt: skip
    if changed:
        raise LauncherError(
            "update-changed-files",
            t("These files of Gesso were changed here: {files}", files=some(changed)),
            t("Nothing was touched. Move your changed files to another folder, then run the same command again."),
        )


def some(names: Sequence[str]) -> str:
    """The first of them, and how many there are."""
    return ", ".join(names[:_MANY]) + (f" … ({len(names)})" if len(names) > _MANY else "")


def _keep(swap: Swap) -> None:
    """The manifest last: with it everything is there."""
    old: dict[str, str] = {}
    for name in (*swap.new, *swap.gone):
        there = swap.root / name
        if there.is_file():
            (swap.kept / "files" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(there, swap.kept / "files" / name)
            old[name] = sha256(there)
    added = [name for name in swap.new if name not in old]
    write_record(swap.kept / MANIFEST, {"old": old, "added": added})


def _put(source: Path, target: Path, *, copy: bool = False) -> None:
    """Beside, then renamed: the two folders may be on different volumes."""
    if not source.is_file():
        return  # done already, by a run that was killed later
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.gesso-new")
    try:
        shutil.copy2(source, beside)
        beside.replace(target)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
    if not copy:
        source.unlink()


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


def differs(one: Path, other: Path) -> bool:
    """Do the two hold other bytes, or does one of them not exist?"""
    return sha256(one) != sha256(other)
