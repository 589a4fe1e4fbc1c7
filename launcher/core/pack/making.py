"""Makes a pack of an environment: its wheels, the launcher's, a Python, Gesso's own files, chosen models."""

from __future__ import annotations

import os
import shutil
import tarfile
import threading
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from launcher.core.environments.environments import interpreter
from launcher.core.environments.recipes import LOCK, Recipe, read_recipe
from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice, Progress
from launcher.core.file_hash import sha256
from launcher.core.hardware.machine import Machine
from launcher.core.install.packages import collect
from launcher.core.install.repair import plan_again
from launcher.core.install.sources import package_sources, python_variables, torch_sources
from launcher.core.install.work import Work, scratch, uv
from launcher.core.pack.manifest import (
    DESCRIPTION,
    FORMAT,
    GESSO,
    INTERPRETERS,
    MODELS,
    SUMS,
    WHEELS,
    Pack,
    write_description,
    write_sums,
)
from launcher.core.packages.pip_settings import read_pip_settings
from launcher.core.packages.requirements import written
from launcher.core.paths import Workspace, checkout, child_environment
from launcher.core.plan.plan import Plan
from launcher.core.process import Exit, Output, run
from launcher.core.text import t

LAUNCHER_LOCK = Path(__file__).resolve().parents[2] / "data/locks/launcher.txt"
#: of a copy that is no clone: what is not Gesso's
_NOT_OURS = {".git", ".launcher", ".launcher-tools", ".launcher.lock", "workspace", "build", "__pycache__"}


@dataclass(frozen=True)
class Wish:
    """What is to be packed."""

    #: the environment
    folder: Path
    #: the pack
    target: Path
    #: below the models folder: "Stable-diffusion/mine.safetensors"
    models: tuple[str, ...] = ()


def make_pack(
    wish: Wish,
    workspace: Workspace,
    plan: Plan,
    machine: Machine,
    *,
    environ: Mapping[str, str] = os.environ,
    cancel: threading.Event | None = None,
    gesso: Path | None = None,
) -> Iterator[Event]:
    """Fill `wish.target`; a run that was interrupted is continued by the next. `plan` is the present one.

    LauncherError `pack-folder` for a folder with something else in it, `no-such-model`, `recipe-missing`, and what
    downloads raise.
    """
    models = [_model(workspace, name) for name in wish.models]
    again = plan_again(wish.folder, plan)
    recipe = read_recipe(wish.folder)
    variables = child_environment(workspace, environ)
    _open(wish.target, Path(variables["TMPDIR"]))
    lock = wish.folder / LOCK
    work = Work(again, workspace, read_pip_settings(environ), variables, cancel, lock, (), wish.folder)
    yield from _wheels(work, recipe, wish.target / WHEELS)
    has_python = yield from _python(work, wish.target / INTERPRETERS)
    yield from _own_files(gesso or checkout(), wish.target / GESSO, variables)
    for name, path in zip(wish.models, models, strict=True):
        _copy(path, wish.target / MODELS / name)
    pack = Pack(
        FORMAT,
        machine.os,
        machine.arch,
        again.python,
        again.torch.build or again.torch.version,
        sha256(lock),
        sha256(LAUNCHER_LOCK),
        has_python,
        datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )
    write_description(wish.target, pack)
    yield from write_sums(wish.target)


def _open(target: Path, temporary: Path) -> None:
    """An empty folder, or a pack of ours that is made anew."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        temporary.mkdir(parents=True, exist_ok=True)
        mine = (target / DESCRIPTION).exists() or (target / WHEELS).is_dir()
        if any(target.iterdir()) and not mine:
            raise LauncherError(
                "pack-folder",
                t("{folder} is not empty, and what lies there is no pack.", folder=target),
                t("Name a new folder."),
            )
        (target / SUMS).unlink(missing_ok=True)
    except OSError as error:
        raise _not_written(target, error) from error


def _wheels(work: Work, recipe: Recipe | None, house: Path) -> Iterator[Event]:
    """torch's family, the engine's packages, the launcher's: all in one folder, for their names differ."""
    wanted: list[Path] = []
    family = recipe.family if recipe else {}
    if recipe and recipe.wheel:
        wanted.append(_users_wheel(Path(recipe.wheel), family))
    libraries = {name: hashes for name, hashes in family.items() if "==" in name}
    if libraries:
        file = scratch(work, "torch.txt", written(libraries))
        wanted += yield from collect(work, "torch", file, torch_sources(work))
    for name, lock in (("packages", work.lock), ("launcher", LAUNCHER_LOCK)):
        wanted += yield from collect(work, name, lock, package_sources(work))
    for path in wanted:
        _copy(path, house / path.name)
    stale = {path.name for path in house.iterdir()} - {path.name for path in wanted}
    for name in stale:
        (house / name).unlink()


def _users_wheel(path: Path, family: Mapping[str, Sequence[str]]) -> Path:
    if sha256(path) in family.get(path.name, ()):
        return path
    raise LauncherError(
        "wheel-unreadable",
        t("The wheel that torch was installed from is gone or has changed: {file}", file=path),
        t("Put it back, or make a new environment with `gesso env create`."),
    )


def _python(work: Work, target: Path) -> Generator[Event, None, bool]:
    """The Python below the environment, if it is one that uv installed, else one that uv installs now."""
    home = _home_of(work.folder)
    store = Path(work.variables["UV_PYTHON_INSTALL_DIR"])
    if home is None or not home.is_relative_to(store.resolve()):
        home = yield from _fetch_python(work, store)
    if home is None:
        text = t(
            "No Python is in the pack: the other computer needs Python {version} itself.", version=work.plan.python
        )
        yield Notice("pack-without-python", "warning", text)
        shutil.rmtree(target, ignore_errors=True)
        return False
    _archive(home, target / f"{home.name}.tar.gz")
    return True


def _home_of(folder: Path) -> Path | None:
    """The folder of the Python that an environment stands on."""
    real = interpreter(folder).resolve()
    return real.parent.parent if real.parent.name == "bin" else real.parent


def _fetch_python(work: Work, store: Path) -> Generator[Event, None, Path | None]:
    before = set(store.iterdir()) if store.is_dir() else set()
    for more in python_variables(work):
        arguments = ["python", "install", work.plan.python, "--no-config", "--no-bin", "--quiet"]
        try:
            yield from uv(work, "python", arguments, more, "https://github.com/")
        except LauncherError as error:
            if error.code == "interrupted":
                raise
            continue
        named = f"cpython-{work.plan.python}."
        found = sorted(each for each in store.iterdir() if each.name.startswith(named) and not each.is_symlink())
        return next((each for each in found if each not in before), found[-1] if found else None)
    return None


def _archive(home: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for other in target.parent.iterdir():
            other.unlink()
        beside = target.with_name(target.name + ".part")
        with tarfile.open(beside, "w:gz", compresslevel=6) as archive:
            archive.add(home, home.name)
        beside.replace(target)
    except OSError as error:
        raise _not_written(target, error) from error


def _own_files(source: Path, target: Path, variables: Mapping[str, str]) -> Iterator[Event]:
    """Gesso as it lies here: of a clone what git keeps, else everything that is not made by an install."""
    shutil.rmtree(target, ignore_errors=True)
    for name in _tracked(source, variables) or _all_ours(source):
        if (source / name).is_file():
            _copy(source / name, target / name)
    yield Progress("pack", 0, None)


def _tracked(source: Path, variables: Mapping[str, str]) -> list[str]:
    if not (source / ".git").exists():
        return []
    said: list[str] = []
    try:
        for event in run(["git", "-c", "core.quotepath=off", "ls-files"], environment=variables, cwd=source):
            if isinstance(event, Output) and event.channel == "out":
                said.append(event.text)
            elif isinstance(event, Exit) and event.code:
                return []
    except LauncherError:
        return []
    return said


def _all_ours(source: Path) -> Iterable[str]:
    for folder, folders, files in os.walk(source):
        folders[:] = [name for name in folders if name not in _NOT_OURS]
        yield from (str((Path(folder) / name).relative_to(source)) for name in files if name not in _NOT_OURS)


def _model(workspace: Workspace, name: str) -> Path:
    path = workspace.models / name
    if ".." in Path(name).parts or Path(name).is_absolute() or not path.is_file():
        raise LauncherError(
            "no-such-model",
            t("There is no model {name} in the models folder.", name=name),
            t("Write it as it lies there, for instance Stable-diffusion/mine.safetensors."),
        )
    return path


def _copy(source: Path, target: Path) -> None:
    """Beside, then renamed; what is there already in the same size and of the same time is not copied again."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        there, here = target.stat() if target.exists() else None, source.stat()
        if there and (there.st_size, int(there.st_mtime)) == (here.st_size, int(here.st_mtime)):
            return
        beside = target.with_name(target.name + ".part")
        shutil.copy2(source, beside)
        beside.replace(target)
    except OSError as error:
        raise _not_written(target, error) from error


def _not_written(target: Path, error: OSError) -> LauncherError:
    return LauncherError(
        "pack-not-written",
        t("The pack cannot be written: {file}: {why}.", file=target, why=error.strerror or error),
        t("Look at the free space and the rights of the folder, then run the same command again: it continues."),
    )
