"""Checks of what Windows alone has: long paths, GPU scheduling, programs that watch every file."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PureWindowsPath

import psutil

from launcher.core.doctor.check import Verdict, not_here, well, wrong
from launcher.core.doctor.ground import Ground
from launcher.core.hardware.machine import Machine, is_nvidia
from launcher.core.paths import Workspace
from launcher.core.plan.findings import path_too_long
from launcher.core.text import t

_GRAPHICS = r"SYSTEM\CurrentControlSet\Control\GraphicsDrivers"
_GUARD = r"SOFTWARE\Microsoft\Windows Defender\Windows Defender Exploit Guard\Controlled Folder Access"
#: folders of a user that "controlled folder access" guards by itself
_GUARDED = ("documents", "pictures", "videos", "music", "desktop", "favorites")
#: process -> the program that it belongs to
_WATCHERS = {
    "360tray.exe": "360", "360sd.exe": "360", "zhudongfangyu.exe": "360", "hipsdaemon.exe": "火绒 (Huorong)",
    "hipstray.exe": "火绒 (Huorong)", "qqpcrtp.exe": "腾讯电脑管家 (Tencent)", "qqpctray.exe": "腾讯电脑管家 (Tencent)",
    "kxetray.exe": "金山毒霸 (Kingsoft)", "avp.exe": "Kaspersky", "avastsvc.exe": "Avast", "avgsvc.exe": "AVG",
    "mcshield.exe": "McAfee", "ekrn.exe": "ESET", "bdagent.exe": "Bitdefender", "nortonsecurity.exe": "Norton",
}  # fmt: skip
_NOT_WINDOWS = t("This is not Windows.")


@dataclass(frozen=True)
class Guard:
    """What Windows' registry says about the programs that watch files."""

    #: Defender's "controlled folder access" keeps unknown programs from writing in the user's folders
    controlled: bool | None = None
    #: programs of other makers that run
    watchers: tuple[str, ...] = ()


def long_paths(ground: Ground) -> Verdict:
    """Only where the longest path would not fit."""
    return of_long_paths(ground.machine, ground.workspace)


def of_long_paths(machine: Machine, workspace: Workspace) -> Verdict:
    """As `long_paths`, for any computer."""
    if machine.os != "windows":
        return not_here(_NOT_WINDOWS)
    if machine.long_paths:
        return well(t("Paths of more than 259 characters work here."))
    longest = path_too_long(workspace.root)
    if longest is None:
        return well(t("Long paths are off, and nothing here comes near 259 characters."))
    told = t("The longest path would have {length} characters, and Windows allows 259.", length=longest)
    fix = t("Choose a shorter folder with --root, such as C:\\gesso, or turn on long paths (as administrator).")
    return wrong(told, fix, "long-paths", folder=workspace.root)


def gpu_scheduling(ground: Ground) -> Verdict:
    """Tutorials promise 10 to 50 % from this switch; those who measured found from nothing to 10 %, either way."""
    if ground.machine.os != "windows":
        return not_here(_NOT_WINDOWS)
    return of_scheduling(ground.machine, _number(_GRAPHICS, "HwSchMode"))


def of_scheduling(machine: Machine, mode: int | None) -> Verdict:
    """HwSchMode: 2 is on, 1 off; None: never set, so it is as this Windows and this driver have it."""
    if not any(is_nvidia(gpu) or gpu.vendor == "amd" for gpu in machine.gpus):
        return not_here(t("There is no graphics card that has it."))
    if mode != 2:
        return well(t("It is off.") if mode == 1 else t("It was never set here, so Windows decides."))
    advice = t(
        "To try it: Settings > System > Display > Graphics > Change default graphics settings, turn it off, restart, "
        "and compare the time of the same picture. Some games need it on (DLSS frame generation)."
    )
    return well(
        t(
            "It is on. Tutorials promise 10 to 50 % from turning it off; people who measured found from nothing to "
            "10 %, and some the opposite."
        ),
        advice,
    )


def antivirus(ground: Ground) -> Verdict:
    """Who may take files away while they are installed."""
    if ground.machine.os != "windows":
        return not_here(_NOT_WINDOWS)
    controlled = _number(_GUARD, "EnableControlledFolderAccess")
    guard = Guard(controlled == 1 if controlled is not None else None, watchers_among(_process_names()))
    return of_guard(guard, PureWindowsPath(ground.workspace.root))


def of_guard(guard: Guard, root: PureWindowsPath) -> Verdict:
    """What the guards mean for a workspace in `root`."""
    if guard.controlled and set(_GUARDED) & {part.lower() for part in root.parts}:
        return wrong(
            t('"Controlled folder access" of Windows keeps programs from writing in {folder}.', folder=root),
            t(
                "Choose a folder outside of Documents, Pictures and Desktop, such as C:\\gesso, with --root; or allow "
                "Python under Windows Security > Virus & threat protection > Ransomware protection."
            ),
        )
    if not guard.watchers:
        return well(t("No program of another maker was found that watches every file."))
    return well(
        t("These programs watch every file: {programs}.", programs=", ".join(guard.watchers)),
        t("If installing is slow or files vanish, put {folder} on their list of trusted folders.", folder=root),
    )


def watchers_among(processes: Iterable[str]) -> tuple[str, ...]:
    """The programs that these processes belong to, each once."""
    return tuple(dict.fromkeys(_WATCHERS[name.lower()] for name in processes if name.lower() in _WATCHERS))


def _process_names() -> Iterable[str]:
    return [str(process.info["name"] or "") for process in psutil.process_iter(["name"])]


def _number(key: str, name: str) -> int | None:
    """A number of the registry; None: it is not there."""
    if sys.platform != "win32":
        return None
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key) as opened:
            found = winreg.QueryValueEx(opened, name)[0]
    except OSError:
        return None
    return int(found) if isinstance(found, int) else None
