"""Checks of the programs that Gesso stands on: its own Python, the engine's, git."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from launcher.core.doctor.asking import Said, ask
from launcher.core.doctor.check import Verdict, not_here, unknown, well, wrong
from launcher.core.doctor.ground import Ground, UntoldError
from launcher.core.environments.environments import interpreter, named, read_stamp
from launcher.core.errors import LauncherError
from launcher.core.git_calls import Git
from launcher.core.git_calls import environment as git_environment
from launcher.core.mends.remembered_git import path_with, remembered_git
from launcher.core.packages.uv import find_uv
from launcher.core.paths import checkout
from launcher.core.text import Text, t
from launcher.core.update.git_calls import OLDEST
from launcher.core.update.git_locks import at_work

_OLDEST_PYTHON = (3, 10)
_AGAIN = t("Run install.sh (install.ps1 on Windows) again: it makes Gesso's own environment anew.")
_REBUILD = t("Build the same environment again: gesso env repair")
_VERSION = "import struct, sys; print('%d.%d' % sys.version_info[:2], 8 * struct.calcsize('P'))"
#: seconds: a git at work makes a lock and takes it away in a moment
_STALE = 30.0


def python(_ground: Ground) -> Verdict:
    """The one that this program runs on."""
    return of_python(sys.version_info[:2], bits=64 if sys.maxsize > 2**32 else 32, folder=Path(sys.prefix))


def of_python(version: tuple[int, int], *, bits: int, folder: Path) -> Verdict:
    """LauncherError `uv-missing`."""
    written = ".".join(map(str, version))
    if bits != 64 or version < _OLDEST_PYTHON:
        told = t("Gesso runs on Python {version} with {bits} bits; PyTorch needs 3.10 or newer with 64.",
                 version=written, bits=bits)  # fmt: skip
        return wrong(told, t("Delete the folder .launcher in Gesso's folder and install Python 3.12 (64-bit). {again}",
                             again=_AGAIN))  # fmt: skip
    home = base_of(folder)
    if home is not None and not home.is_dir():
        return wrong(t("The Python that Gesso was made from is gone: {folder}", folder=home), _AGAIN)
    find_uv()
    return well(t("Python {version}, 64-bit, in {folder}.", version=written, folder=folder))


def base_of(folder: Path) -> Path | None:
    """The folder of the Python that an environment was made from; None: it does not say."""
    try:
        lines = (folder / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    pairs = (line.partition("=") for line in lines)
    return next((Path(value.strip()) for key, _, value in pairs if key.strip() == "home" and value.strip()), None)


def environment(ground: Ground) -> Verdict:
    """The engine's: finished, its Python there and still what it was."""
    folder = named(ground.workspace)
    if folder is None:
        return unknown(t("Nothing is installed yet: gesso install"))
    if not folder.is_dir():
        return _broken(folder, t("The environment {name} is gone.", name=folder.name))
    stamp = read_stamp(folder)
    if stamp is None:
        return _broken(
            folder, t("The environment {name} was never finished, or its stamp is damaged.", name=folder.name)
        )
    program = interpreter(folder)
    if not program.exists():
        base = base_of(folder)
        return _broken(
            folder, t("Its Python is gone: {python}", python=base if base and not base.is_dir() else program)
        )
    if stamp.interpreter is None and not (folder / "pyvenv.cfg").is_file():
        return _broken(folder, t("{file} is missing in {name}.", file="pyvenv.cfg", name=folder.name))
    said = ask([str(program), "-I", "-c", _VERSION], ground.left, ground.here.environ)
    return _as_stamped(folder, stamp.python, said)


def _as_stamped(folder: Path, version: str, said: Said) -> Verdict:
    if said.code is None:
        raise UntoldError
    found, _, bits = said.first.partition(" ")
    if said.code != 0 or not re.fullmatch(r"\d+\.\d+", found):
        return _broken(folder, t("The Python of {name} does not start: {why}", name=folder.name, why=said.last))
    if found != version:
        return _broken(folder, t("{name} was made with Python {before}, and finds {now} now.", name=folder.name,
                                 before=version, now=found))  # fmt: skip
    if bits != "64":
        return wrong(
            t("The engine's Python has {bits} bits; PyTorch needs 64.", bits=bits),
            t("Make another one: gesso env create"),
        )
    return well(t("{name}: Python {version}, 64-bit.", name=folder.name, version=version))


def _broken(folder: Path, told: Text) -> Verdict:
    return wrong(told, _REBUILD, "rebuild-environment", environment=folder.name)


@dataclass(frozen=True)
class _Clone:
    """A folder that git looks after, and the git that is there for it."""

    folder: Path
    git: Git

    def ask(self, words: Sequence[str], seconds: float) -> Said:
        """As `asking.ask`."""
        try:
            answer = self.git.call(*words, seconds=seconds)
        except LauncherError as error:
            return Said(127, (), (str(error.message),))
        return Said(None if answer.code == 124 else answer.code, answer.out, answer.err)


def git(ground: Ground) -> Verdict:
    """Only updates of Gesso itself need it."""
    environ = ground.here.environ
    if kept := remembered_git(ground.workspace):
        environ = {**environ, "PATH": path_with(kept, environ)}
    return of_git(checkout(), environ, ground.left)


def of_git(folder: Path, environ: Mapping[str, str], seconds: float) -> Verdict:
    """For the clone in `folder`."""
    if not os.path.lexists(folder / ".git"):
        return not_here(t("This copy of Gesso was not cloned with git, and nothing else needs it."))
    wanted = environ.get("GIT") or environ.get("GIT_PYTHON_GIT_EXECUTABLE") or "git"
    program = shutil.which(wanted.strip('"'), path=environ.get("PATH"))
    if program is None:
        told = t("There is no git on the search path, and Gesso was cloned with it: it cannot be updated.")
        return wrong(told, t("Install git, or name it in the variable GIT."), "git-path")
    clone = _Clone(folder, Git(program, folder, git_environment(environ), trusted=False))
    version = clone.ask(["version"], seconds)
    if version.code is None:
        raise UntoldError
    numbers = re.search(r"(\d+)\.(\d+)", version.first)
    if version.code != 0 or numbers is None:
        return wrong(t("{program} is no git that works: {said}", program=program, said=version.last),
                     t("Install git afresh, or name another in the variable GIT."), "git-path")  # fmt: skip
    if (int(numbers[1]), int(numbers[2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        return wrong(t("{said} is too old for updates of Gesso.", said=version.first),
                     t("Install git {oldest} or newer.", oldest=oldest))  # fmt: skip
    return _of_clone(clone, version.first, seconds)


def _of_clone(clone: _Clone, version: str, seconds: float) -> Verdict:
    inside = clone.ask(["rev-parse", "--absolute-git-dir"], seconds)
    if inside.code is None:
        raise UntoldError
    if "dubious ownership" in " ".join(inside.err) or "unsafe repository" in " ".join(inside.err):
        told = t("git does not trust {folder}, because another user owns it, or its disk knows no owners.",
                 folder=clone.folder)  # fmt: skip
        command = f'git config --global --add safe.directory "{clone.folder.as_posix()}"'
        return wrong(
            told, t("Trust this one folder: {command}", command=command), "safe-directory", folder=clone.folder
        )
    if inside.code != 0:
        return wrong(t("git cannot read Gesso's folder: {why}", why=inside.last),
                     t("Fetch Gesso afresh beside it, and go on with the same workspace by --root."))  # fmt: skip
    lock = Path(inside.first) / "index.lock"
    if lock.exists() and _age(lock) > _STALE and not at_work(lock, clone.folder):
        told = t("A git that was cut off has left its lock: {file}", file=lock)
        return wrong(told, t("Delete that file."), "git-unlock", path=lock, folder=clone.folder)
    return well(t("{version}; it trusts Gesso's folder.", version=version))


def _age(file: Path) -> float:
    try:
        return time.time() - file.stat().st_mtime
    except OSError:
        return 0.0
