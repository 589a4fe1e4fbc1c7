"""The mend `safe-directory`: git refuses one folder because somebody else owns it; this one folder is allowed."""

from __future__ import annotations

import re
import threading
from collections.abc import Generator, Iterator
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice
from launcher.core.mends.git_door import ask_git, refused
from launcher.core.mends.mend import Change, Here, Mend, Preview, Record, Values, nothing_to_mend
from launcher.core.paths import checkout, written_path
from launcher.core.text import Text, t

KEY = "safe.directory"
TITLE = t("Let git work in this one folder")
#: git says itself what would be to be said to it
_WANTED = re.compile(r"git config --global --add safe\.directory (?P<quote>['\"]?)(?P<folder>.+?)(?P=quote)\s*$")
_REFUSED = re.compile(r"dubious ownership|unsafe repository|is owned by (someone|anyone) else", re.IGNORECASE)


def _preview(here: Here, values: Values) -> Preview | None:
    wanted = _wanted(here, values)
    if wanted is None:
        return None
    what = t("Folders that git may work in though another user owns them, in {file}", file=_where(here))
    remark = t("It counts for every program of yours that uses git. Agree if you know where the folder comes from.")
    return Preview("safe-directory", TITLE, (Change(what, None, wanted),), remark)


def _apply(here: Here, values: Values, cancel: threading.Event | None) -> Generator[Event, None, Record]:  # noqa: ARG001
    wanted = _wanted(here, values)
    if wanted is None:
        raise nothing_to_mend(TITLE)
    here.begin({"folder": wanted})
    _set(here, "--add", KEY, wanted)
    yield Notice("git-setting", "info", t("git may work in {folder}.", folder=wanted))
    return {"folder": wanted}


def _verify(here: Here, values: Values) -> Text | None:
    still = _wanted(here, values)
    return t("git still refuses {folder}.", folder=still) if still else None


def _undo(here: Here, record: Record) -> Iterator[Event]:
    folder = str(record["folder"])
    same = f"^{re.escape(folder)}$"
    count = ask_git(here, "config", "--global", "--get-all", KEY).out.count(folder)
    if count > 1:
        # Of several that say the same one is the user's own.
        _set(here, "--replace-all", KEY, folder, same)
    elif count:
        _set(here, "--unset", KEY, same)
    yield Notice("git-setting", "info", t("{folder} is no longer in git's list.", folder=folder))


def _wanted(here: Here, values: Values) -> str | None:
    """The folder as git wants it named; None: git does not refuse it."""
    named = values.get("folder") or values.get("path")
    folder = written_path(named) if named else checkout()
    if not folder.is_dir():
        return None
    said = ask_git(here, "rev-parse", "--git-dir", folder=folder).err
    if not any(_REFUSED.search(line) for line in said):
        return None
    return next((found["folder"] for line in said if (found := _WANTED.search(line))), folder.as_posix())


def _where(here: Here) -> str:
    """The file that git writes such a setting to."""
    named = here.environ.get("GIT_CONFIG_GLOBAL")
    home = Path(here.environ.get("HOME") or here.environ.get("USERPROFILE") or "~").expanduser()
    other = Path(here.environ.get("XDG_CONFIG_HOME") or home / ".config") / "git" / "config"
    usual = home / ".gitconfig"
    return named or str(other if other.exists() and not usual.exists() else usual)


def _set(here: Here, *words: str) -> None:
    answer = ask_git(here, "config", "--global", *words)
    if answer.code:
        raise _read_only(answer.said) if "could not lock" in answer.said else refused(answer)


def _read_only(why: str) -> LauncherError:
    return LauncherError(
        "no-permission",
        t("git's settings cannot be written: {why}", why=why),
        t("Look at the rights of the file, and whether a file with .lock at its end lies beside it."),
    )


MEND = Mend("safe-directory", TITLE, _preview, _apply, _verify, _undo, asks=True)
