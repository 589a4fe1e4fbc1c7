"""The Python that the user wishes for the engine: a version, an interpreter, or that interpreter's own packages."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.paths import Workspace, checkout, child_environment, written_path
from launcher.core.process import Exit, Output, python_in, run
from launcher.core.text import t

#: seconds are not counted: a Python that does not answer ends with the user's patience, as any program does
_ASK = (
    "import json, os, sys, sysconfig; print(json.dumps(["
    "'%d.%d' % sys.version_info[:2], sys.executable, sys.prefix != sys.base_prefix, "
    "os.path.exists(os.path.join(sysconfig.get_path('stdlib'), 'EXTERNALLY-MANAGED'))]))"
)


@dataclass(frozen=True)
class OwnPython:
    """What was wished; `interpreter` None: uv finds one of that version, or fetches it."""

    #: "3.12"
    version: str
    #: absolute path
    interpreter: str | None = None
    #: an environment outside the workspace to install into
    venv: Path | None = None
    #: install into the interpreter's own packages, without an environment
    itself: bool = False

    @property
    def engine(self) -> str | None:
        """The Python outside the workspace that will draw."""
        return self.interpreter if self.itself else str(python_in(self.venv)) if self.venv else None

    @property
    def outside(self) -> bool:
        """What Gesso changes there it cannot take back."""
        return self.itself or self.venv is not None


def own_python(
    workspace: Workspace, environ: Mapping[str, str], *, wanted: str | None = None, setting: str | None = None
) -> OwnPython | None:
    """`wanted` (--python), else PYTHON, else `setting`: a version or an interpreter; VENV_DIR as AUTOMATIC1111's
    webui-user knows it: a folder, or "-" for no environment at all. None: nothing was wished.

    Raises LauncherError `python-not-found`, `python-managed` for "-" with a Python that belongs to the system,
    `venv-dir-taken` for a folder of other things.
    """
    python = (wanted or environ.get("PYTHON") or setting or "").strip().strip('"')
    place = (environ.get("VENV_DIR") or "").strip().strip('"')
    if not python and not place:
        return None
    if re.fullmatch(r"\d+(\.\d+){2,}\S*", python):
        raise LauncherError(
            "python-not-found",
            t("{python} is no Python that can be named: its first two numbers are enough.", python=python),
            t("Write {version}, or the path of an interpreter.", version=".".join(python.split(".")[:2])),
        )
    is_version = re.fullmatch(r"3\.\d+", python) is not None
    if is_version and not place:
        return OwnPython(python)
    if is_version:
        python = f"python{python}"
    asked = python or shutil.which("python3") or shutil.which("python") or "python"
    version, interpreter, is_venv, managed = _ask(workspace, environ, asked)
    if place == "-":
        if managed and not is_venv:
            raise LauncherError(
                "python-managed",
                t("The Python {python} belongs to the system, which allows no packages in it.", python=interpreter),
                t("Leave VENV_DIR out, or name a Python of your own (conda's, for instance) with PYTHON."),
            )
        return OwnPython(version, interpreter, itself=True)
    return OwnPython(version, interpreter, venv=_place(place) if place else None)


def _place(folder: str) -> Path:
    """A relative VENV_DIR is meant from the checkout, as the old starter meant it from its own folder."""
    place = checkout() / written_path(folder)
    try:
        is_free = not place.exists() or (place.is_dir() and not any(place.iterdir()))
        # conda's have no pyvenv.cfg
        is_ready = is_free or any((place / sign).exists() for sign in ("pyvenv.cfg", "conda-meta"))
    except OSError as error:
        raise LauncherError(
            "venv-dir-taken",
            t(
                "VENV_DIR names {folder}, which cannot be looked into: {why}.",
                folder=place,
                why=error.strerror or error,
            ),
            t("Name a new folder, or one that was made with `python -m venv`."),
        ) from None
    if not is_ready:
        raise LauncherError(
            "venv-dir-taken",
            t("VENV_DIR names {folder}, which holds other things and is no environment of Python.", folder=place),
            t("Name a new folder, or one that was made with `python -m venv`."),
        )
    return place


def _ask(workspace: Workspace, environ: Mapping[str, str], python: str) -> tuple[str, str, bool, bool]:
    """Version, path, whether it is an environment, whether the system manages it; as the interpreter says itself."""
    named = str(written_path(python)) if python.startswith("~") else python
    program = shutil.which(named, path=environ.get("PATH")) or named
    said = ""
    try:
        for event in run(
            [program, "-I", "-c", _ASK], environment=child_environment(workspace, environ), cwd=checkout()
        ):
            if isinstance(event, Output) and event.channel == "out":
                said = event.text
            elif isinstance(event, Exit) and event.code:
                raise _not_found(python)
        version, interpreter, is_venv, managed = json.loads(said)
    except (LauncherError, ValueError) as error:
        raise _not_found(python) from error
    return str(version), str(interpreter), bool(is_venv), bool(managed)


def _not_found(python: str) -> LauncherError:
    return LauncherError(
        "python-not-found",
        t("{python} is no Python that runs on this computer.", python=python),
        t("Correct --python, or PYTHON in the environment or in config.toml; or leave it out."),
    )
