"""Sets a damaged download aside and fetches it again, from whichever source has the right bytes: wheels of packages."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from launcher.core.environments.environments import current
from launcher.core.environments.recipes import LOCK, read_recipe
from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice
from launcher.core.install.lock import install_lock
from launcher.core.install.packages import collect
from launcher.core.install.repair import plan_again
from launcher.core.install.sources import package_sources, torch_sources
from launcher.core.install.wheelhouse import damaged, wheelhouse
from launcher.core.install.work import Work, scratch
from launcher.core.mends.aside import (
    FOLDER,
    Moved,
    from_record,
    move_all,
    put_record,
    set_aside,
    swap_back,
    to_come,
    to_record,
)
from launcher.core.mends.mend import Change, Here, Mend, Preview, Record, Values, nothing_to_mend
from launcher.core.mends.rebuild_environment import plan_of
from launcher.core.packages.pip_settings import read_pip_settings
from launcher.core.packages.requirements import written
from launcher.core.packages.wheels import WheelFile
from launcher.core.paths import Workspace, child_environment
from launcher.core.text import Text, t

NAME, TITLE = "retry-download", t("Fetch what was damaged on the way again")


@dataclass(frozen=True)
class Damaged:
    """Wheels that are not what they should be, and what uv has unpacked of them and of the package that is named."""

    wheels: tuple[WheelFile, ...]
    unpacked: tuple[Path, ...]

    def paths(self, workspace: Workspace) -> tuple[Path, ...]:
        return (*(wheelhouse(workspace) / each.name for each in self.wheels), *self.unpacked)


def find_damaged(here: Here, values: Values) -> Damaged:
    """Of the package that is named, else of all of them."""
    named = _package(values)
    wheels = damaged(wheelhouse(here.workspace), named)
    packages = dict.fromkeys([*(each.package for each in wheels), *([named] if named else [])])
    return Damaged(wheels, tuple(path for name in packages for path in _unpacked(here, name)))


def _package(values: Values) -> str | None:
    """By its own name, or that of a wheel: "torch-2.13.0-cp311-cp311-linux_x86_64.whl"."""
    name = values.get("package") or ""
    file = (values.get("file") or values.get("path") or "").replace("\\", "/").rpartition("/")[2]
    if not name and file.endswith(".whl"):
        name = file.partition("-")[0]
    return str(canonicalize_name(name.partition("==")[0].strip())) if name else None


def _unpacked(here: Here, package: str) -> Iterator[Path]:
    """In uv's cache, as long as that is the workspace's own."""
    cache = Path(child_environment(here.workspace, here.environ)["UV_CACHE_DIR"])
    if cache.is_relative_to(here.workspace.root):
        for pattern in (f"wheels-v*/*/{package}", f"wheels-v*/*/*/{package}"):
            yield from sorted(cache.glob(pattern))


def _preview(here: Here, values: Values) -> Preview | None:
    found = find_damaged(here, values)
    if not found.paths(here.workspace):
        return None
    root = here.workspace.root
    changes = tuple(
        Change(t("what was downloaded"), path.relative_to(root).as_posix(), f"{FOLDER}/…/{path.name}")
        for path in found.paths(here.workspace)
    )
    remark = t(
        "It is fetched again from whichever source gives the right bytes: at once where there is an environment, else "
        "by the next install."
    )
    return Preview(NAME, TITLE, changes, remark)


def _apply(here: Here, values: Values, cancel: threading.Event | None) -> Generator[Event, None, Record]:
    workspace = here.workspace
    with install_lock(workspace):
        found = find_damaged(here, values)
        if not found.paths(workspace):
            raise nothing_to_mend(TITLE)
        count = len(found.wheels)

        def record(moved: Sequence[Moved], put: list[list[object]]) -> Record:
            return {
                "moved": to_record(workspace, moved[:count]),
                "cache": to_record(workspace, moved[count:]),
                "put": put,
            }

        def begin(moved: Sequence[Moved]) -> None:
            here.begin(record(moved, to_come(workspace, [each.before for each in moved[:count]])))

        wheels = set_aside(workspace, NAME, found.paths(workspace), begin)
        try:
            fetched = yield from _fetched(here, found.wheels, cancel)
        except BaseException:
            # as it was: also if nobody reads on
            with contextlib.suppress(LauncherError):
                swap_back(workspace, NAME, {"moved": to_record(workspace, wheels)})
            raise
    done = record(wheels, put_record(workspace, fetched))
    yield Notice(
        "set-aside", "info", t("Set aside: {count}; fetched again: {new}.", count=len(wheels), new=len(fetched))
    )
    return done


def _fetched(
    here: Here, wheels: tuple[WheelFile, ...], cancel: threading.Event | None
) -> Generator[Event, None, list[Path]]:
    """Where there is an environment: without one nobody can say which files suit it."""
    folder = current(here.workspace)
    recipe = read_recipe(folder) if folder else None
    if folder is None or recipe is None:
        return []
    plan, variables = plan_again(folder, plan_of(here)), child_environment(here.workspace, here.environ)
    Path(variables["TMPDIR"]).mkdir(parents=True, exist_ok=True)
    pip = read_pip_settings(here.environ)
    work = Work(plan, here.workspace, pip, variables, cancel, folder / LOCK, (), folder)
    found: list[Path] = []
    for each in wheels:
        is_torchs = each.requirement in recipe.family
        step, sources = ("torch", torch_sources(work)) if is_torchs else ("packages", package_sources(work))
        wanted = scratch(work, "again.txt", written({each.requirement: [each.sha256]}))
        found += yield from collect(work, step, wanted, sources)
    # one of the user's own wheels stays where it is
    return [path for path in found if path.is_relative_to(wheelhouse(here.workspace))]


def _verify(here: Here, values: Values) -> Text | None:
    still = find_damaged(here, values).wheels
    return t("Still damaged: {names}", names=", ".join(each.name for each in still)) if still else None


def _undo(here: Here, record: Record) -> Iterator[Event]:
    with install_lock(here.workspace):
        swap_back(here.workspace, NAME, record)
        for each in from_record(here.workspace, record.get("cache", [])):
            # what uv has unpacked anew meanwhile is the better one
            if each.after.exists() and not each.before.exists():
                move_all([Moved(each.after, each.before)])
    yield Notice("set-aside", "info", t("Everything lies where it lay."))


MEND = Mend(NAME, TITLE, _preview, _apply, _verify, _undo)
