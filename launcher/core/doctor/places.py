"""Checks of where Gesso lies: the path itself, the right to write there, and the settings that are kept there."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

from launcher.core.doctor.check import Verdict, sentences, well, wrong
from launcher.core.doctor.ground import Ground
from launcher.core.errors import LauncherError
from launcher.core.hardware.machine import Machine, Volume
from launcher.core.hardware.volumes import existing
from launcher.core.install.trial import INSTEAD, runs_nothing
from launcher.core.network.mirrors import read_mirrors
from launcher.core.paths import Workspace, checkout
from launcher.core.settings import read_settings
from launcher.core.text import Text, t

#: file systems that keep no file of 4 GiB
_SMALL_FILES = ("vfat", "fat", "fat32", "fat16", "msdos")
#: folders of programs that copy every change to the network, in small letters
_SYNCED = ("onedrive", "dropbox", "mobile documents", "nutstore", "坚果云", "我的坚果云", "google drive")
_ELSEWHERE = t("Move Gesso into a folder such as {folder}, or choose a place for its files with --root.")
#: entries of a folder that are looked at, and those that are named
_MOST, _NAMED = 2000, 3


def path(ground: Ground) -> Verdict:
    """Nothing that Gesso itself minds stands in a path; what watches, shares or cuts files short does."""
    found = list(_troubles(ground))
    if found:
        good = r"C:\gesso" if sys.platform == "win32" else "~/gesso"
        return wrong(sentences(found), Text(_ELSEWHERE.template, (("folder", good),)))
    root = ground.workspace.root
    told = [t("{folder} has {count} characters.", folder=root, count=len(str(root)))]
    if " " in str(root) or not str(root).isascii():
        told.append(t("There are spaces or other than English letters in it: Gesso works with them."))
    volume = ground.machine.volume_of("workspace")
    if volume and volume.network:
        told.append(t("It is on another computer, which makes loading models slow."))
    return well(sentences(told))


def _troubles(ground: Ground) -> Iterator[Text]:
    windows = sys.platform == "win32"
    kind = PureWindowsPath if windows else PurePosixPath
    for place in dict.fromkeys((ground.workspace.root, checkout())):
        yield from about_path(kind(place), ground.here.environ, windows=windows)
    yield from about_volume(ground.machine.volume_of("workspace"), ground.machine)


def about_path(place: PurePath, environ: Mapping[str, str], *, windows: bool) -> Iterator[Text]:
    """What the words of a path alone give away."""
    if windows and str(place).startswith("\\\\") and not str(place).startswith("\\\\?\\"):
        yield t("{folder} is a network share: Windows' command line cannot work in it.", folder=place)
    if synced := _synced(place, environ):
        text = t(
            "{folder} is in a folder that {program} keeps in step with the network: it locks files while they are "
            "written, and fills up with models.",
            folder=place,
            program=synced,
        )
        yield text
    temp = environ.get("TEMP") or environ.get("TMP")
    if windows and temp and PureWindowsPath(temp) in (place, *place.parents):
        yield t("{folder} is in the folder of temporary files, which Windows empties.", folder=place)


def _synced(place: PurePath, environ: Mapping[str, str]) -> str | None:
    roots = [value for name, value in environ.items() if name.lower().startswith("onedrive") and value]
    if any(type(place)(root) in (place, *place.parents) for root in roots):
        return "OneDrive"
    # "OneDrive - Company" is one too
    return next((part for part in place.parts if part.lower().partition(" - ")[0] in _SYNCED), None)


def about_volume(volume: Volume | None, machine: Machine) -> Iterator[Text]:
    """What a file system cannot hold."""
    kind = (volume.file_system or "").lower() if volume else ""
    if volume is None or not kind:
        return
    if kind in _SMALL_FILES:
        yield t("{path} has the file system {kind}, which keeps no file of 4 GB: most models are larger.",
                path=volume.path, kind=volume.file_system)  # fmt: skip
    elif kind == "exfat" and machine.os in ("linux", "macos"):
        yield t("{path} has the file system {kind}, which knows no links: no Python environment can be made there.",
                path=volume.path, kind=volume.file_system)  # fmt: skip


def permissions(ground: Ground) -> Verdict:
    """By writing and running: rights alone do not tell how a disk is mounted, and of programs that watch folders."""
    root = ground.workspace.root
    refused = [(folder, why) for folder in _folders(ground.workspace) if (why := _refusal(folder)) is not None]
    if refused:
        folder, reason = refused[0]
        told = t("Nothing can be written in {folder}: {why}.", folder=folder, why=reason)
        return wrong(
            told, t("Take the folder into your own hands, or choose another with --root. {how}", how=_how(root))
        )
    engines = ground.workspace.environments
    if forbidden := runs_nothing(engines if engines.is_dir() else existing(root)):
        return wrong(forbidden, INSTEAD)
    foreign = _foreign(ground.workspace)
    if foreign:
        names = ", ".join(str(each) for each in foreign[:_NAMED])
        told = t("These files in Gesso's folder ({count}) belong to another user, as after a start with sudo: {names}",
                 count=len(foreign), names=names)  # fmt: skip
        return wrong(told, _how(root))
    if not root.exists():
        return well(t("{folder} can be made.", folder=root))
    return well(t("You may write in {folder}, and its files are yours.", folder=root))


def _how(root: Path) -> Text:
    if sys.platform == "win32":
        return t("Right-click on the folder > Properties > Security: your account needs full control of it.")
    user = os.environ.get("USER") or "$USER"
    return t("In a terminal: {command}", command=f'sudo chown -R {user} "{root}"')


def _folders(workspace: Workspace) -> Iterator[Path]:
    """Those in which something is written; for what is not there yet, the nearest that is."""
    root = workspace.root
    for folder in (root, workspace.state, workspace.environments, workspace.models, workspace.outputs, workspace.cache):
        if folder.is_dir():
            yield folder
    if not root.is_dir():
        yield existing(root)


def _refusal(folder: Path) -> str | None:
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".gesso-"):
            return None
    except OSError as error:
        return error.strerror or str(error)


def _foreign(workspace: Workspace) -> list[Path]:
    """What another user owns, two steps deep; Windows' owners say nothing about rights."""
    if sys.platform == "win32" or not workspace.root.is_dir():
        return []
    mine = os.geteuid()
    return [] if mine == 0 else [each for each in _near(workspace.root) if _owner(each) not in (mine, None)]


def _near(root: Path) -> Iterator[Path]:
    looked = 0
    for folder in (root, *(each for each in root.iterdir() if each.is_dir() and not each.is_symlink())):
        for entry in folder.iterdir() if os.access(folder, os.R_OK | os.X_OK) else ():
            looked += 1
            if looked > _MOST:
                return
            yield entry


def _owner(place: Path) -> int | None:
    try:
        return place.lstat().st_uid
    except OSError:
        return None


def settings(ground: Ground) -> Verdict:
    """Every file of settings is read as a start would; LauncherError says what is wrong with one."""
    try:
        chosen = read_settings(ground.workspace)
    except LauncherError as error:
        return wrong(error.message, error.hint, "settings-aside")
    read_mirrors(workspace=ground.workspace)
    profile = ground.proposal.options.profile
    if chosen.unknown:
        told = t("{file} has {keys}, which Gesso does not know; it stays there and does nothing.",
                 file=ground.workspace.config_file.name, keys=", ".join(chosen.unknown))  # fmt: skip
        return well(told, t("Is it a slip of the pen? `gesso mirrors use`, `gesso proxy set` and the settings screen "
                            "write the keys that there are."))  # fmt: skip
    if not ground.workspace.config_file.exists():
        return well(t("Nothing is set; the run profile is {profile}.", profile=profile))
    return well(t("The settings can be read; the run profile is {profile}.", profile=profile))
