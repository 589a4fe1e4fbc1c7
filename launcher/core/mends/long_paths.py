"""The mend `long-paths`: Windows and git take paths of more than 259 signs.

Windows' own switch is the whole computer's and needs an administrator: without his rights it is said step by step how
to turn it on; git's is the user's own.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path

from launcher.core.errors import NotWrittenError
from launcher.core.events import Event, Notice
from launcher.core.mends.git_door import ask_git, refused
from launcher.core.mends.mend import (
    Change,
    Here,
    Mend,
    Preview,
    Record,
    Values,
    cannot_mend,
    changed_since,
    nothing_to_mend,
)
from launcher.core.text import Text, t

TITLE = t("Let Windows and git use long paths")
#: the switch. Source: Microsoft, "Maximum Path Length Limitation"
REGISTRY, VALUE = r"SYSTEM\CurrentControlSet\Control\FileSystem", "LongPathsEnabled"
GIT = "core.longpaths"
_STEP = t(
    "Right-click the Start button, choose Terminal (Admin) or PowerShell (Admin), enter this line, and restart the "
    "computer: "
    "reg add HKLM\\SYSTEM\\CurrentControlSet\\Control\\FileSystem /v LongPathsEnabled /t REG_DWORD /d 1 /f"
)


def _preview(here: Here, values: Values) -> Preview | None:  # noqa: ARG001
    if not _applies():
        return None
    switch, git = read_switch(), _git(here)
    changes: list[Change] = []
    if not switch and may_write():
        changes.append(Change(t("Windows' switch for long paths ({value})", value=VALUE), _shown(switch), "1"))
    if git is not None and git != "true":
        changes.append(Change(t("git's setting {key}, for your user", key=GIT), git or None, "true"))
    if not changes and not switch:
        raise cannot_mend(t("Windows' switch for long paths needs an administrator."), _STEP)
    if not changes:
        return None
    return Preview("long-paths", TITLE, tuple(changes), None if switch or may_write() else _STEP)


def _apply(here: Here, values: Values, cancel: threading.Event | None) -> Generator[Event, None, Record]:  # noqa: ARG001
    if not _applies():
        raise nothing_to_mend(TITLE)
    record: Record = {}
    switch, git = read_switch(), _git(here)
    if git is not None and git != "true":
        record["git"] = git
    if not switch and may_write():
        record["switch"] = switch
    here.begin(record)
    if "git" in record:
        _set_git(here, "true")
        yield _told(t("git takes long paths now."))
    if "switch" in record:
        try:
            _write(1)
        except NotWrittenError:
            if "git" in record:
                _set_git(here, record["git"])
            raise
        yield _told(t("Windows takes long paths in programs that are started from now on."))
    return record


def _verify(here: Here, values: Values) -> Text | None:  # noqa: ARG001
    if _applies() and not read_switch():
        return t("Windows' switch for long paths is still off. {step}", step=_STEP)
    return t("git still refuses long paths.") if _applies() and _git(here) not in (None, "true") else None


def _undo(here: Here, record: Record) -> Iterator[Event]:
    git, switch = _git(here), read_switch()
    if ("git" in record and git not in ("true", record["git"])) or (
        "switch" in record and switch not in (1, record["switch"])
    ):
        raise changed_since(t("The setting for long paths"))
    if "switch" in record and switch != record["switch"]:
        _write(record["switch"])
    if "git" in record and git != record["git"]:
        _set_git(here, record["git"])
    yield _told(t("Long paths are as they were before."))


def _git(here: Here) -> str | None:
    """What the user's own settings say, "" nothing; None: there is no git that works."""
    answer = ask_git(here, "config", "--global", "--get", GIT) if _has_git(here) else None
    return None if answer is None else (answer.out[-1].strip().lower() if answer.out else "")


def _has_git(here: Here) -> bool:
    import shutil

    return shutil.which("git", path=here.environ.get("PATH")) is not None


def _set_git(here: Here, value: str) -> None:
    words = (GIT, value) if value else ("--unset-all", GIT)
    answer = ask_git(here, "config", "--global", *words)
    if answer.code:
        raise refused(answer)


def _write(value: int | None) -> None:
    try:
        write_switch(value)
    except OSError as error:
        raise NotWrittenError(Path("HKEY_LOCAL_MACHINE") / REGISTRY, error) from error


def _shown(value: int | None) -> str | None:
    return None if value is None else str(value)


def _applies() -> bool:
    return sys.platform == "win32"


def _told(text: Text) -> Notice:
    return Notice("long-paths", "info", text)


def read_switch() -> int | None:
    """Windows' switch; None: it is not set, which means off."""
    if sys.platform == "win32":
        import winreg

        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, REGISTRY) as key:
                return int(winreg.QueryValueEx(key, VALUE)[0])
        except OSError:
            return None
    return None


def write_switch(value: int | None) -> None:
    """Set it, or with None take it away. Raises OSError without an administrator's rights."""
    if sys.platform == "win32":
        import winreg

        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, REGISTRY, 0, winreg.KEY_SET_VALUE) as key:
            if value is None:
                winreg.DeleteValue(key, VALUE)
            else:
                winreg.SetValueEx(key, VALUE, 0, winreg.REG_DWORD, value)


def may_write() -> bool:
    """Has this program an administrator's rights?"""
    if sys.platform == "win32":
        import ctypes

        return bool(ctypes.windll.shell32.IsUserAnAdmin())
    return False


MEND = Mend("long-paths", TITLE, _preview, _apply, _verify, _undo)
