"""Engine environments side by side: stamped when proven, and one pointer file that names the current one."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from launcher.core.errors import LauncherError
from launcher.core.paths import Workspace
from launcher.core.plan import Installed
from launcher.core.process import python_in
from launcher.core.records import read_record, write_record
from launcher.core.text import t

STAMP = "gesso.json"
POINTER = "current.json"


@dataclass(frozen=True)
class Stamp:
    """What an environment holds; written last, so an environment without one is unfinished."""

    #: as the installed package gives it: "2.13.0+cpu"
    torch: str
    tag: str
    #: where torch came from, without credentials
    source: str
    #: of the torch wheel: those that were allowed (one for a wheel on this computer)
    sha256: tuple[str, ...]
    #: of the lock file that the other packages came from
    lock_sha256: str
    #: version of the interpreter: "3.11"
    python: str
    #: when runtime.prove succeeded, ISO 8601 in UTC
    verified_at: str


def current(workspace: Workspace) -> Path | None:
    """The folder of the current environment, None when there is none that is finished and still has its Python."""
    folder = _named(workspace)
    return folder if folder and usable(folder) else None


def installed(workspace: Workspace) -> Installed:
    """What the plan needs to know: the current environment, else one that was proven and not yet switched to."""
    now = current(workspace)
    folder = now or next((one for one in finished(workspace) if usable(one)), None)
    stamp = read_stamp(folder) if folder else None
    if folder is None or stamp is None:
        return Installed()
    return Installed(folder.name, stamp.torch, stamp.lock_sha256, verified=folder == now)


def usable(folder: Path) -> bool:
    """Finished, and the Python it stands on has not been removed since."""
    return read_stamp(folder) is not None and python_in(folder).exists()


def read_stamp(folder: Path) -> Stamp | None:
    record = read_record(folder / STAMP)
    if record is None or any(field.name not in record for field in fields(Stamp)):
        return None
    if not isinstance(record["sha256"], list):
        return None
    values: dict[str, Any] = {field.name: record[field.name] for field in fields(Stamp)}
    return Stamp(**{**values, "sha256": tuple(values["sha256"])})


def finished(workspace: Workspace) -> list[Path]:
    """Every stamped environment, the newest first."""
    found = [folder for folder in _folders(workspace) if read_stamp(folder)]
    return sorted(found, key=lambda folder: (folder / STAMP).stat().st_mtime, reverse=True)


def matching(workspace: Workspace, torch: str | None, lock_sha256: str) -> Path | None:
    """A finished environment that already holds this torch and these packages."""
    for folder in finished(workspace):
        stamp = read_stamp(folder)
        if stamp and (stamp.torch, stamp.lock_sha256) == (torch, lock_sha256) and usable(folder):
            return folder
    return None


def sweep(workspace: Workspace) -> list[str]:
    """Remove what killed runs left unfinished; the names. The holder of the install lock calls it.

    A stamp that cannot be read, or that another version of Gesso wrote, still says that its environment was finished:
    that one is left alone, and so is whatever the pointer names, for a runtime may be at work in it.
    """
    kept = _named(workspace)
    left = [folder for folder in _folders(workspace) if folder != kept and not os.path.lexists(folder / STAMP)]
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
    return [folder.name for folder in left]


def fresh_name(workspace: Workspace, torch: str, tag: str) -> Path:
    """A folder that is not there yet: torch-2.13.0-cpu-1."""
    base = re.sub(r"[^A-Za-z0-9._-]", "-", f"torch-{torch.partition('+')[0]}-{tag}")
    number = 1
    while (workspace.environments / f"{base}-{number}").exists():
        number += 1
    return workspace.environments / f"{base}-{number}"


def stamp(folder: Path, content: Stamp) -> None:
    """The mark that the environment is proven; from here on nobody touches it."""
    write_record(folder / STAMP, asdict(content))


def switch(workspace: Workspace, folder: Path) -> None:
    """Make `folder` the current environment, in one rename. LauncherError when it is not finished."""
    if not usable(folder):
        raise LauncherError(
            "environment-unfinished",
            t("The environment {name} is not finished, so it cannot become the current one.", name=folder.name),
            t("Run `gesso install`; it builds a new one beside it."),
        )
    write_record(workspace.environments / POINTER, {"name": folder.name})


def _named(workspace: Workspace) -> Path | None:
    """The folder that the pointer names, whatever state it is in."""
    record = read_record(workspace.environments / POINTER)
    name = record.get("name") if record else None
    return workspace.environments / name if isinstance(name, str) and _simple(name) else None


def _folders(workspace: Workspace) -> list[Path]:
    if not workspace.environments.is_dir():
        return []
    return [entry for entry in workspace.environments.iterdir() if entry.is_dir() and not entry.is_symlink()]


def _simple(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) is not None
