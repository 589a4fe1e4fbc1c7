"""The mend `git-path`: git is installed and programs do not find it; Gesso finds it and remembers where."""

from __future__ import annotations

import contextlib
import glob
import shutil
import sys
import threading
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path

from launcher.core.errors import writing
from launcher.core.events import Event, Notice
from launcher.core.hardware.inquiry import answer_of
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
from launcher.core.mends.remembered_git import FILE, RememberedGit, path_with, remembered_git
from launcher.core.records import read_record, write_record
from launcher.core.text import Text, t

TITLE = t("Find the git that is installed")
#: where installers put it, per system, with the variables of the environment; the first that is there counts
PLACES: dict[str, tuple[str, ...]] = {
    "win32": (
        "{ProgramFiles}/Git/cmd/git.exe",
        "{ProgramW6432}/Git/cmd/git.exe",
        "{ProgramFiles(x86)}/Git/cmd/git.exe",
        "{LOCALAPPDATA}/Programs/Git/cmd/git.exe",
        "{USERPROFILE}/scoop/apps/git/current/cmd/git.exe",
        "{ChocolateyInstall}/lib/git.portable/tools/cmd/git.exe",
        "{LOCALAPPDATA}/GitHubDesktop/app-*/resources/app/git/cmd/git.exe",
    ),
    "darwin": (
        "/opt/homebrew/bin/git",
        "/usr/local/bin/git",
        "/opt/local/bin/git",
        "/Library/Developer/CommandLineTools/usr/bin/git",
        "/Applications/Xcode.app/Contents/Developer/usr/bin/git",
        "/Applications/GitHub Desktop.app/Contents/Resources/app/git/bin/git",
    ),
    "linux": (
        "/usr/bin/git",
        "/usr/local/bin/git",
        "/snap/bin/git",
        "/var/lib/flatpak/exports/bin/git",
        "{HOME}/.nix-profile/bin/git",
        "{HOME}/.local/bin/git",
        "{HOME}/miniconda3/bin/git",
        "{HOME}/anaconda3/bin/git",
        "/opt/conda/bin/git",
    ),
}


def _preview(here: Here, values: Values) -> Preview | None:  # noqa: ARG001
    if _works("git", here.environ):
        return None
    found = _found(here)
    change = Change(t("The git that Gesso and what it starts use"), None, found.program)
    return Preview("git-path", TITLE, (change,), t("Nothing but a note in Gesso's own folder is written."))


def _apply(here: Here, values: Values, cancel: threading.Event | None) -> Generator[Event, None, Record]:  # noqa: ARG001
    if _works("git", here.environ):
        raise nothing_to_mend(TITLE)
    found = _found(here)
    before = read_record(_file(here))
    after = vars(found)
    record: Record = {"before": before, "after": after}
    here.begin(record)
    write_record(_file(here), after)
    yield Notice("git-remembered", "info", t("git is at {program}.", program=found.program))
    return record


def _verify(here: Here, values: Values) -> Text | None:  # noqa: ARG001
    kept = remembered_git(here.workspace)
    environ = {**here.environ, "PATH": path_with(kept, here.environ)} if kept else here.environ
    return None if _works("git", environ) else t("git cannot be started even so.")


def _undo(here: Here, record: Record) -> Iterator[Event]:
    now = read_record(_file(here))
    if now not in (record["before"], record["after"]):
        raise changed_since(t("Where git is"))
    if now == record["before"]:
        pass
    elif record["before"] is None:
        with writing(_file(here)):
            _file(here).unlink()
    else:
        write_record(_file(here), record["before"])
    yield Notice("git-remembered", "info", t("Gesso looks for git on the path alone again."))


def usual_places(environ: Mapping[str, str], platform: str = sys.platform) -> Iterator[Path]:
    """Every file that is at one of the places where git is installed."""
    for place in (*_registered(), *PLACES.get(platform, PLACES["linux"])):
        for path in _expanded(place, environ):
            yield from map(Path, sorted(glob.glob(path), reverse=True))  # noqa: PTH207 - the drive may be any


def _expanded(place: str, environ: Mapping[str, str]) -> Iterator[str]:
    """Variables filled in; nothing where one is not set. Windows does not mind how a name is written."""
    if "{" not in place:
        yield place
        return
    name, _, rest = place[1:].partition("}")
    value = environ.get(name) or environ.get(name.upper())
    if value:
        yield glob.escape(value) + rest


def _found(here: Here) -> RememberedGit:
    """Of all places the first whose git works."""
    on_path = shutil.which("git", path=here.environ.get("PATH"))
    for place in usual_places(here.environ):
        if _works(str(place), here.environ):
            return RememberedGit(str(place), before_others=on_path is not None)
    raise cannot_mend(
        t("There is no git on this computer, as far as can be seen."),
        t("Install it: on Windows from git-scm.com, on macOS by `xcode-select --install`, on Linux by its packages."),
    )


def _works(program: str, environ: Mapping[str, str]) -> bool:
    """On macOS there is a git that only says that the developer tools are missing."""
    found = shutil.which(program, path=environ.get("PATH", ""))
    return found is not None and (answer_of([found, "--version"], 5.0, environ) or "").startswith("git version")


def _registered() -> tuple[str, ...]:
    """Where the installer for Windows says that it has put it."""
    found: list[str] = []
    if sys.platform == "win32":
        import winreg

        for root in (winreg.HKEY_CURRENT_USER, winreg.HKEY_LOCAL_MACHINE):
            with contextlib.suppress(OSError), winreg.OpenKey(root, r"SOFTWARE\GitForWindows") as key:
                found.append(glob.escape(str(winreg.QueryValueEx(key, "InstallPath")[0])) + "/cmd/git.exe")
    return tuple(found)


def _file(here: Here) -> Path:
    return here.workspace.state / FILE


MEND = Mend("git-path", TITLE, _preview, _apply, _verify, _undo)
