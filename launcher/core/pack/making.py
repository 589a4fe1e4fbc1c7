"""Makes a pack of an environment: its wheels, the launcher's, a Python, Gesso's own files, chosen models."""

from __future__ import annotations

import os
import tarfile
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from launcher.core.environments.environments import interpreter
from launcher.core.environments.recipes import LOCK, Recipe, read_recipe
from launcher.core.errors import LauncherError, writing
from launcher.core.events import Event, Notice
from launcher.core.file_hash import sha256
from launcher.core.git_calls import Git, environment
from launcher.core.hardware.machine import Machine
from launcher.core.install.lock import install_lock
from launcher.core.install.packages import collect
from launcher.core.install.repair import plan_again
from launcher.core.install.sources import package_sources, python_variables, torch_sources
from launcher.core.install.work import Work, scratch, uv
from launcher.core.network.mirrors import PYTHON_BUILDS
from launcher.core.pack.contents import written
from launcher.core.pack.folder import PackFolder, not_written, open_folder
from launcher.core.pack.manifest import (
    DESCRIPTION,
    FORMAT,
    GESSO,
    INTERPRETERS,
    MODELS,
    PYTHON,
    WHEELS,
    Pack,
    write_description,
    write_sums,
)
from launcher.core.packages.pip_settings import read_pip_settings
from launcher.core.packages.requirements import written as written_requirements
from launcher.core.paths import Workspace, checkout, child_environment
from launcher.core.plan.plan import Plan
from launcher.core.process import CancelledError
from launcher.core.text import t

LAUNCHER_LOCK = Path(__file__).resolve().parents[2] / "data/locks/launcher.txt"
#: what a copy of Gesso has in its folder; whatever else lies there is the user's and never packed
OURS = (
    ".gitignore", "LICENSE", "README.md", "README.zh.md", "SECURITY.md",
    "SECURITY.zh.md", "benchmarks", "docs", "gesso", "gesso.cmd", "install.ps1",
    "install.sh", "launcher", "mirrors.toml", "profiles", "pyproject.toml", "runtime", "tests", "tools",
)  # fmt: skip


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

    LauncherError `pack-folder` for a folder with something else in it, `no-such-model`, `recipe-missing`,
    `install-running`, and what downloads raise.
    """
    models = [_model(workspace, name) for name in wish.models]
    again = plan_again(wish.folder, plan)
    recipe = read_recipe(wish.folder)
    variables = child_environment(workspace, environ)
    source, lock = gesso or checkout(), wish.folder / LOCK
    # Nothing else may change environments and caches while they are read.
    with install_lock(workspace):
        folder = open_folder(wish.target, (source, workspace.root), cancel)
        temporary = Path(variables["TMPDIR"])
        with writing(temporary):
            temporary.mkdir(parents=True, exist_ok=True)
        work = Work(again, workspace, read_pip_settings(environ), variables, cancel, lock, (), wish.folder)
        yield from _wheels(work, recipe, folder)
        has_python = yield from _python(work, folder)
        for name in _tracked(source, variables) or _all_ours(source, workspace.root):
            if (source / name).is_file():
                folder.copy(source / name, f"{GESSO}/{name}")
        for name, path in zip(wish.models, models, strict=True):
            folder.copy(path, f"{MODELS}/{name}")
        folder.remove_stale()
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
        # Another run begins by making the pack unfinished: this one has to be through.
        try:
            write_description(wish.target, pack)
            yield from write_sums(wish.target, (*folder.names(), DESCRIPTION, PYTHON), folder.copied, cancel)
        except OSError as error:
            raise not_written(wish.target, error) from error


def _wheels(work: Work, recipe: Recipe | None, folder: PackFolder) -> Iterator[Event]:
    """torch's family, the engine's packages, the launcher's: all in one folder, for their names differ."""
    wanted: list[Path] = []
    family = recipe.family if recipe else {}
    if recipe and recipe.wheel:
        wanted.append(_users_wheel(Path(recipe.wheel), family))
    libraries = {name: list(hashes) for name, hashes in family.items() if "==" in name}
    if libraries:
        file = scratch(work, "torch.txt", written_requirements(libraries))
        wanted += yield from collect(work, "torch", file, torch_sources(work))
    for name, lock in (("packages", work.lock), ("launcher", LAUNCHER_LOCK)):
        wanted += yield from collect(work, name, lock, package_sources(work))
    for path in wanted:
        folder.copy(path, f"{WHEELS}/{path.name}")


def _users_wheel(path: Path, family: Mapping[str, Sequence[str]]) -> Path:
    if sha256(path) in family.get(path.name, ()):
        return path
    raise LauncherError(
        "wheel-unreadable",
        t("The wheel that torch was installed from is gone or has changed: {file}", file=path),
        t("Put it back, or make a new environment with `gesso env create`."),
    )


def _python(work: Work, folder: PackFolder) -> Generator[Event, None, bool]:
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
        return False
    _archive(home, folder, f"{INTERPRETERS}/{home.name}.tar.gz")
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
            yield from uv(work, "python", arguments, more, PYTHON_BUILDS)
        except LauncherError as error:
            if error.code == "interrupted":
                raise
            continue
        named = f"cpython-{work.plan.python}."
        found = sorted(each for each in store.iterdir() if each.name.startswith(named) and not each.is_symlink())
        return next((each for each in found if each not in before), found[-1] if found else None)
    return None


def _archive(home: Path, folder: PackFolder, name: str) -> None:
    def unless_stopped(member: tarfile.TarInfo) -> tarfile.TarInfo:
        if folder.cancel is not None and folder.cancel.is_set():
            raise CancelledError
        return member

    try:
        with written(folder.own(name)) as file, tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as archive:
            archive.add(home, home.name, filter=unless_stopped)
    except OSError as error:
        raise not_written(folder.target / name, error) from error


def _tracked(source: Path, variables: Mapping[str, str]) -> list[str]:
    if not (source / ".git").exists():
        return []
    try:
        answer = Git("git", source, environment(variables)).call("ls-files")
    except LauncherError:
        return []
    return [] if answer.code else list(answer.out)


def _all_ours(source: Path, workspace: Path) -> Iterator[str]:
    """Of a copy that is no clone, or whose git does not answer."""
    for name in OURS:
        if (source / name).is_file():
            yield name
        for folder, folders, files in os.walk(source / name):
            below = (each for each in folders if each != "__pycache__")
            folders[:] = [each for each in below if not workspace.is_relative_to(Path(folder) / each)]
            yield from (str((Path(folder) / file).relative_to(source)) for file in files)


def _model(workspace: Workspace, name: str) -> Path:
    path = workspace.models / name
    if ".." in Path(name).parts or Path(name).is_absolute() or not path.is_file():
        raise LauncherError(
            "no-such-model",
            t("There is no model {name} in the models folder.", name=name),
            t("Write it as it lies there, for instance Stable-diffusion/mine.safetensors."),
        )
    return path
