"""The place step: the folders that everything can lie in, on which disk, with how much room, what is wrong."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from launcher.amounts import in_mib
from launcher.core.errors import LauncherError, not_made
from launcher.core.hardware.inquiry import Inquiry
from launcher.core.hardware.machine import Volume
from launcher.core.hardware.volumes import existing, mounted, point_of, usage, volume
from launcher.core.paths import KEPT_ROOT, Workspace, checkout, kept_root, written_path
from launcher.core.plan.findings import path_too_long
from launcher.core.records import write_text
from launcher.core.setup.course import FILE as ANSWERS
from launcher.core.setup.question import Choice, Question
from launcher.core.text import Text, t

#: seconds for all disks together; one on another computer may not answer
_PATIENCE = 3.0
_MOST = 6
#: file systems whose files end at 4 GiB: the larger models do not fit
_SMALL_FILES = ("fat", "vfat", "fat32", "msdos")
#: mounts on Linux that a person would call a disk
_PLUGGED = ("/media/", "/mnt/", "/run/media/", "/data", "/Volumes/")
#: what a first run has written by now and what goes with it to another folder
_MOVES = ("config.toml", f"state/{ANSWERS}", "state/mirrors.json")


@dataclass(frozen=True)
class Place:
    """A folder that everything can lie in; nothing need be there."""

    folder: Path
    disk: str
    free_mib: int | None = None
    #: said, not in the way
    warnings: tuple[Text, ...] = ()
    #: why it cannot be used
    refused: Text | None = None


def find_places(workspace: Workspace, needed_mib: int | None) -> tuple[Place, ...]:
    """The present folder first, then one on each other disk; only the present one where the user has named it."""
    folders = [workspace.root]
    if not is_named(workspace):
        folders += [checkout() / "workspace", *_elsewhere()]
    asked = [Inquiry(partial(_place, folder, needed_mib)) for folder in dict.fromkeys(folders)]
    found = [place for inquiry in asked if (place := inquiry.within(_PATIENCE)) is not None]
    disks: set[str] = set()
    places: list[Place] = []
    for place in found:
        if place.disk not in disks:
            disks.add(place.disk)
            places.append(place)
    return tuple(places[:_MOST])


def written_place(text: str) -> Path:
    """The folder that a user wrote, in full: it is the same wherever Gesso is started.

    LauncherError `bad-path`, `no-such-user`.
    """
    folder = written_path(text)
    if not folder.is_absolute():
        raise LauncherError(
            "bad-path",
            t("{path} is not written in full.", path=text),
            t("Begin with the disk, as in D:\\gesso or ~/gesso."),
        )
    return folder


def place_at(folder: Path, needed_mib: int | None) -> Place:
    """What is to be said of that folder; a disk that does not answer is refused."""
    found = Inquiry(partial(_place, folder, needed_mib)).within(_PATIENCE)
    return found or Place(folder, str(folder), refused=t("its disk does not answer"))


def is_named(workspace: Workspace) -> bool:
    """Was it named by --root or GESSO_ROOT? Then it is the user's word."""
    return workspace.root not in (checkout() / "workspace", kept_root())


def place_question(places: tuple[Place, ...]) -> Question:
    """The present folder is the default if it will do, else the roomiest that will."""
    able = [place for place in places if place.refused is None]
    roomy = sorted(able, key=lambda place: -(place.free_mib or 0))
    default = next((place for place in [*places[:1], *roomy] if place in able), places[0])
    return Question(t("Where shall everything lie?"), tuple(map(_choice, places)), str(default.folder))


def take_place(workspace: Workspace, folder: Path) -> Workspace:
    """Use `folder` from now on: kept beside the launcher, where the next start finds it. What was answered goes along.

    LauncherError `disk-full`, `no-permission`.
    """
    there = Workspace(folder)
    if there == workspace:
        return workspace
    pointer = checkout() / KEPT_ROOT
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in _MOVES:
            if (workspace.root / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                # Another Gesso may have been first.
                with contextlib.suppress(FileNotFoundError):
                    shutil.move(workspace.root / name, folder / name)
        if folder == checkout() / "workspace":
            pointer.unlink(missing_ok=True)
        else:
            write_text(pointer, f"{folder}\n")
    except OSError as error:
        raise not_made(folder, error, t("Choose another one.")) from error
    for left in (workspace.state, workspace.root):
        # only where nothing else lies in it
        with contextlib.suppress(OSError):
            left.rmdir()
    return there


def _choice(place: Place) -> Choice:
    free = t("{size} free", size=in_mib(place.free_mib)) if place.free_mib is not None else t("its room is not known")
    detail = t("disk {disk}, {free}", disk=place.disk, free=free)
    return Choice(
        str(place.folder), Text("{folder}", (("folder", place.folder),)), (detail, *place.warnings), place.refused
    )


def _elsewhere() -> Iterator[Path]:
    """A folder on every other disk that a person may write on."""
    home = Path("~").expanduser()
    yield home / "gesso"
    for part in Inquiry(lambda: psutil.disk_partitions(all=False)).within(_PATIENCE) or ():
        options = part.opts.split(",")
        if "ro" in options or "cdrom" in options or not part.fstype:
            continue
        if sys.platform == "win32" or part.mountpoint.startswith(_PLUGGED):
            yield Path(part.mountpoint) / "gesso"


def _place(folder: Path, needed_mib: int | None) -> Place:
    mounts = mounted()
    place = existing(folder)
    point = point_of(place, mounts)
    disk = volume(point, ("workspace",), mounts, usage(place))
    refused = _refused(place, disk, needed_mib)
    return Place(folder, point, disk.free_mib, tuple(_warnings(folder, disk)), refused)


def _refused(place: Path, disk: Volume, needed_mib: int | None) -> Text | None:
    if disk.read_only or not os.access(place, os.W_OK):
        return t("nothing can be written there")
    if needed_mib and disk.free_mib is not None and disk.free_mib < needed_mib:
        return t("too little room: {needed} are needed", needed=in_mib(needed_mib))
    return None


def _warnings(folder: Path, disk: Volume) -> Iterator[Text]:
    if disk.network:
        yield t("it is on another computer, so everything starts slowly")
    if disk.removable:
        yield t("it is removable")
    if (disk.file_system or "").lower() in _SMALL_FILES:
        yield t("files over 4 GB do not fit on it, and some models are larger")
    if "onedrive" in str(folder).lower():
        yield t("OneDrive would upload everything in it")
    if sys.platform == "win32" and (length := path_too_long(folder)):
        yield t("its path is long: with {length} characters some files pass what Windows allows", length=length)
