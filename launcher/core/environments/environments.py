"""Engine environments side by side: stamped when proven, and one pointer file that names the current one."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from launcher.core.environments.installed import Installed
from launcher.core.environments.site_packages import Package, installed_packages, site_packages
from launcher.core.errors import LauncherError, not_made
from launcher.core.packages.own_python import OwnPython
from launcher.core.paths import Workspace, is_device
from launcher.core.process import python_in
from launcher.core.records import read_record, read_typed, write_record
from launcher.core.text import t

STAMP = "gesso.json"
POINTER = "current.json"
#: lies in a folder that was begun for an environment, until it is proven
BEGUN = ".gesso-begun"
#: begins the name of a folder that is being removed, or is not yet marked as begun
LEAVING = ".leaving-"
#: key of the pointer
_BY_HAND = "by_hand"


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
    #: the Python that the user named to be used itself; None: the environment's own
    interpreter: str | None = None
    #: flags that the proof found this computer's card to need
    advice: tuple[str, ...] = ()


def current(workspace: Workspace) -> Path | None:
    """The folder of the current environment, None when there is none that is finished and still has its Python."""
    folder = named(workspace)
    return folder if folder and usable(folder) else None


def installed(workspace: Workspace) -> Installed:
    """What the plan needs to know: the current environment, else one that was proven and not yet switched to."""
    now = current(workspace)
    found = [each for folder in finished(workspace) if usable(folder) and (each := _holding(folder)) is not None]
    if not found:
        return Installed()
    here = next((each for each in found if now is not None and each.environment == now.name), found[0])
    others = tuple(each for each in found if each is not here)
    return replace(here, verified=now is not None, wished=now is not None and chosen_by_hand(workspace), others=others)


def _holding(folder: Path) -> Installed | None:
    stamp = read_stamp(folder)
    if stamp is None:
        return None
    return Installed(
        folder.name,
        stamp.torch,
        stamp.lock_sha256,
        proven=True,
        python=stamp.python,
        interpreter=stamp.interpreter,
        xformers=_xformers_of(folder),
        advice=stamp.advice,
        tag=stamp.tag,
        source=stamp.source,
    )


def previous(workspace: Workspace) -> Path | None:
    """The environment that was current before, None when there is none that could be again."""
    record = read_record(workspace.environments / POINTER) or {}
    name = record.get("previous")
    folder = workspace.environments / name if isinstance(name, str) and is_name(name) else None
    return folder if folder and usable(folder) else None


def usable(folder: Path) -> bool:
    """Finished, and the Python it stands on has not been removed since."""
    return read_stamp(folder) is not None and interpreter(folder).exists()


def interpreter(folder: Path) -> Path:
    """The Python to run: the environment's own, or the one outside that the user named."""
    named = (read_record(folder / STAMP) or {}).get("interpreter")
    return Path(named) if isinstance(named, str) and named else python_in(folder)


def site_of(folder: Path) -> Path | None:
    """Where its packages lie: of an environment outside beside its Python; None: nowhere."""
    return site_packages(folder) or site_packages(interpreter(folder).parent.parent)


def packages_of(folder: Path) -> tuple[Package, ...]:
    """What is installed in it, by name."""
    site = site_of(folder)
    return installed_packages(site) if site else ()


def read_stamp(folder: Path) -> Stamp | None:
    """What the environment in `folder` holds; None: it is unfinished, or its stamp says too little."""
    return read_typed(folder / STAMP, Stamp)


def finished(workspace: Workspace) -> list[Path]:
    """Every stamped environment, the newest first."""
    found = [folder for folder in _folders(workspace) if read_stamp(folder)]
    return sorted(found, key=lambda folder: (folder / STAMP).stat().st_mtime, reverse=True)


def matching(
    workspace: Workspace,
    torch: str | None,
    lock_sha256: str,
    own: OwnPython | None = None,
    xformers: str | None = None,
) -> Path | None:
    """A finished environment that already `holds` all this."""
    for folder in finished(workspace):
        there = _holding(folder) if usable(folder) else None
        if there and there.holds(torch, lock_sha256, own, xformers):
            return folder
    return None


def _xformers_of(folder: Path) -> str | None:
    return next((each.version for each in packages_of(folder) if each.name == "xformers"), None)


def begin(folder: Path) -> None:
    """An empty folder for a new environment, marked as ours. LauncherError `disk-full`, `no-permission`."""
    beside = folder.with_name(LEAVING + folder.name)
    try:
        beside.mkdir(parents=True)
        (beside / BEGUN).touch()
        beside.rename(folder)
    except OSError as error:
        raise not_made(folder, error, t("Choose a folder of your own with --root.")) from error


def left_over(folder: Path) -> bool:
    """Whether it is what a killed run of ours left: begun and never proven, or half removed.

    A stamp that cannot be read, or that another version of Gesso wrote, still says that it was finished.
    """
    unproven = os.path.lexists(folder / BEGUN) and not os.path.lexists(folder / STAMP)
    return unproven or folder.name.startswith(LEAVING)


def sweep(workspace: Workspace) -> list[str]:
    """Remove what killed runs left; the names of the unfinished. The holder of the install lock calls it.

    What the pointer names is left alone, for a runtime may be at work in it.
    """
    kept = named(workspace)
    for folder in _folders(workspace):
        if folder != kept and os.path.lexists(folder / BEGUN) and read_stamp(folder) is not None:
            # Its mark that it was begun was about to go.
            with contextlib.suppress(OSError):
                (folder / BEGUN).unlink()
    left = [folder for folder in _folders(workspace) if folder != kept and left_over(folder)]
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
    return [folder.name for folder in left if not folder.name.startswith(LEAVING)]


def fresh_name(workspace: Workspace, torch: str, tag: str) -> Path:
    """A folder that is not there yet: torch-2.13.0-cpu-1."""
    base = re.sub(r"[^A-Za-z0-9._-]", "-", f"torch-{torch.partition('+')[0]}-{tag}")
    number = 1
    while any(os.path.lexists(workspace.environments / f"{begun}{base}-{number}") for begun in ("", LEAVING)):
        number += 1
    return workspace.environments / f"{base}-{number}"


def stamp(folder: Path, content: Stamp) -> None:
    """The mark that the environment is proven; from here on nobody touches it."""
    write_record(folder / STAMP, asdict(content))
    # If it stays, the next sweep takes it.
    with contextlib.suppress(OSError):
        (folder / BEGUN).unlink()


def take_back(workspace: Workspace, interpreter: str) -> None:
    """What was said of this Python outside is no longer true: its packages are about to change."""
    for folder in finished(workspace):
        found = read_stamp(folder)
        if found and found.interpreter == interpreter:
            (folder / BEGUN).touch()
            (folder / STAMP).unlink()


def switch(workspace: Workspace, folder: Path, *, by_hand: bool = False) -> None:
    """Make `folder` the current environment, in one rename; `by_hand`: the user wishes it, so plans keep it until an
    install or another switch. LauncherError when it is not finished."""
    if not usable(folder):
        raise LauncherError(
            "environment-unfinished",
            t("The environment {name} is not finished, so it cannot become the current one.", name=folder.name),
            t("Run `gesso install`; it builds a new one beside it."),
        )
    before, record = named(workspace), read_record(workspace.environments / POINTER) or {}
    pointer: dict[str, object] = {"name": folder.name}
    if before == folder:
        pointer |= {key: value for key, value in record.items() if key == "previous"}
    elif before and usable(before):
        pointer["previous"] = before.name
    if by_hand:
        pointer[_BY_HAND] = True
    if pointer != record:
        write_record(workspace.environments / POINTER, pointer)


def chosen_by_hand(workspace: Workspace) -> bool:
    """The user went to the current environment by hand."""
    return (read_record(workspace.environments / POINTER) or {}).get(_BY_HAND) is True


def find(workspace: Workspace, name: str) -> Path:
    """The environment of that name, finished or not. LauncherError `no-such-environment`."""
    for folder in _folders(workspace):
        if folder.name == name and is_name(name):
            return folder
    names = sorted(folder.name for folder in _folders(workspace) if is_name(folder.name))
    there = t("There are: {names}.", names=", ".join(names)) if names else t("There is none yet.")
    raise LauncherError(
        "no-such-environment",
        t("There is no environment {name}.", name=name),
        t("{there} See `gesso env list`.", there=there),
    )


def is_link(path: Path) -> bool:
    """A symbolic link, or on Windows a junction."""
    try:
        found = path.lstat()
    except OSError:
        return False
    # FILE_ATTRIBUTE_REPARSE_POINT
    return path.is_symlink() or bool(getattr(found, "st_file_attributes", 0) & 0x400)


def everything(workspace: Workspace) -> list[Path]:
    """Every folder with an environment in it, finished or not, by name."""
    return sorted(folder for folder in _folders(workspace) if is_name(folder.name))


def named(workspace: Workspace) -> Path | None:
    """The folder that the pointer names, whatever state it is in."""
    record = read_record(workspace.environments / POINTER)
    name = record.get("name") if record else None
    return workspace.environments / name if isinstance(name, str) and is_name(name) else None


def _folders(workspace: Workspace) -> list[Path]:
    if not workspace.environments.is_dir():
        return []
    return [entry for entry in workspace.environments.iterdir() if entry.is_dir() and not is_link(entry)]


def is_name(name: str) -> bool:
    """One folder's name on every system, which no command takes for an option."""
    return re.fullmatch(r"[^\W_][\w.-]*", name) is not None and not is_device(name)
