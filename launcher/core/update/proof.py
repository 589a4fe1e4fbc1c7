"""A new Gesso, laid out beside the present one, is started once before it takes its place."""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from launcher.core.errors import LauncherError
from launcher.core.events import Event, Line
from launcher.core.paths import FOREIGN
from launcher.core.process import Exit, Output, run
from launcher.core.project import version_in
from launcher.core.text import t

LAUNCHER_LOCK = "launcher/data/locks/launcher.txt"
ENGINE_LOCK = "launcher/data/locks/engine.txt"
#: without these it could not be started or repaired
_NEEDED = ("install.sh", "pyproject.toml", "launcher/__main__.py", "launcher/bootstrap.py", "runtime/__main__.py",
           LAUNCHER_LOCK, ENGINE_LOCK)  # fmt: skip
#: starts the launcher of the folder given first, in whatever environment
_START = "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); runpy.run_module('launcher', run_name='__main__')"


@dataclass(frozen=True)
class Rebuilds:
    """What has to be made anew after a change of version."""

    #: the launcher's own environment, by itself at its next start
    launcher: bool
    #: the engine's, by the next `gesso up`
    engine: bool


def rebuilds(old: Path, new: Path) -> Rebuilds:
    """By the locks in the two folders."""
    return Rebuilds(_differ(old, new, LAUNCHER_LOCK), _differ(old, new, ENGINE_LOCK))


def check_whole(folder: Path, version: str | None) -> None:
    """Does `folder` hold all of a Gesso, and of this version? LauncherError `update-incomplete`."""
    missing = [name for name in _NEEDED if not (folder / name).is_file()]
    found = None if missing else version_in(folder)
    if missing or (version is not None and found is not None and Version(found) != Version(version)):
        what = ", ".join(missing) if missing else f"{found} ≠ {version}"
        raise LauncherError(
            "update-incomplete",
            t("The new version is not whole: {what}", what=what),
            t("Nothing was changed. Try again later, or choose another mirror: gesso mirrors use github NAME"),
        )


def prove(
    new: Path, present: Path, environ: Mapping[str, str], *, base_python: str | None = None,
    cancel: threading.Event | None = None,
) -> Iterator[Event]:  # fmt: skip
    """Start the launcher of `new` until it has told its version; LauncherError `update-does-not-start`.

    With another lock it makes its own environment beside for that, so what it needs is fetched (into the cache that
    its next start takes it from) before the present version is given up.
    """
    if rebuilds(present, new).launcher:
        python = base_python or str(getattr(sys, "_base_executable", None) or sys.executable)
        command = [python, "-I", str(new / "launcher" / "bootstrap.py"), "--as-gesso", "--version"]
    else:
        command = [sys.executable, "-I", "-c", _START, str(new), "--version"]
    said: list[str] = []
    code = yield from _through(command, _variables(present, environ), new, said, cancel)
    if code != 0 or not any(line.startswith("gesso") for line in said):
        raise LauncherError(
            "update-does-not-start",
            t("The new version does not start here: {line}", line=said[-1] if said else code),
            t("Nothing was changed: the present version stays in use."),
        )


def _through(
    command: Sequence[str], variables: Mapping[str, str], folder: Path, said: list[str], cancel: threading.Event | None
) -> Generator[Event, None, int]:
    code = 1
    for event in run(command, environment=variables, cwd=folder, cancel=cancel):
        if isinstance(event, Output):
            said.append(event.text)
            # its answer is the present environment's number, which would only puzzle
            if event.channel == "err":
                yield Line("update", event.text)
        elif isinstance(event, Exit):
            code = event.code
    return code


def _variables(present: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Nothing of another Python's; no compiled files in what is about to be looked through."""
    kept = {name: value for name, value in environ.items() if name not in FOREIGN}
    cache = kept.get("PIP_CACHE_DIR") or str(present / ".launcher-tools" / "cache")
    return {**kept, "PIP_CACHE_DIR": cache, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1", "PYTHONNOUSERSITE": "1"}


def _differ(old: Path, new: Path, name: str) -> bool:
    return _digest(old / name) != _digest(new / name)


def _digest(file: Path) -> str | None:
    """By its lines: git may give them Windows' ends."""
    try:
        return hashlib.sha256(file.read_bytes().replace(b"\r\n", b"\n")).hexdigest()
    except OSError:
        return None
