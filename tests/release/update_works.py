"""Gesso's own update from an archive and the way back, each as one piece of work that can be cut off anywhere."""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

from launcher.core.paths import Workspace
from launcher.core.update.find import Place, Wish
from launcher.core.update.unfinished import end_unfinished
from launcher.core.update.update import carry_out, find_update, go_back
from tests.launcher.update.conftest import environ, through, tree, write, zipped
from tests.release.kill_points import Work
from tests.release.launcher_works import a_user, put

ARCHIVE = {**tree("0.2.0"), "launcher/new file.py": "new"}


def _wait(handle: int) -> None:
    fcntl.flock(handle, fcntl.LOCK_EX)


def a_copy(folder: Path) -> None:
    """Gesso without git, and the archive of the next version."""
    write(folder / "gesso", tree("0.1.0"))
    put(folder / "gesso", "我的/mine.txt", "mine")
    a_user(folder / "w")
    zipped(folder / "新 0.2.0.zip", ARCHIVE)


def updating(folder: Path) -> list[str]:
    place = Place(Workspace(folder / "w"), folder / "gesso", environ())
    ended = end_unfinished(place.root, _wait)
    if "0.2.0" not in (place.root / "pyproject.toml").read_text():
        through(carry_out(place, through(find_update(place, Wish(archive=str(folder / "新 0.2.0.zip"))))))
    else:
        through(find_update(place, Wish(archive=str(folder / "新 0.2.0.zip"))))
    return ["ended"] if ended else []


def an_updated_copy(folder: Path) -> None:
    a_copy(folder)
    updating(folder)


def going_back(folder: Path) -> list[str]:
    place = Place(Workspace(folder / "w"), folder / "gesso", environ())
    ended = end_unfinished(place.root, _wait)
    if "0.2.0" in (place.root / "pyproject.toml").read_text():
        through(go_back(place))
    return ["ended"] if ended else []


def one_version(folder: Path) -> None:
    """What starts next ends it first; then all files are of one version."""
    copy = folder.with_name("looked at")
    shutil.copytree(folder, copy, symlinks=True)
    try:
        end_unfinished(copy / "gesso", lambda _: None)
        old, new = tree("0.1.0"), ARCHIVE
        found = {each.relative_to(copy / "gesso").as_posix(): each.read_text() for each in (copy / "gesso").rglob("*")
                 if each.is_file() and ".launcher-tools" not in each.parts}  # fmt: skip
        found.pop("我的/mine.txt")
        assert found in (old, new), sorted(found)
    finally:
        shutil.rmtree(copy)


WORKS = (
    Work("update-copy", a_copy, updating, one_version, dear=True, own=("*.lock", "w/state/*"), says="ended",
         full="disk-full|update-not-moved",
         varies=("*.launcher-tools/update/*",)),
    Work("update-undone", an_updated_copy, going_back, one_version, dear=True, own=("*.lock", "w/state/*"),
         says="ended", full="disk-full|update-not-moved", over=("update-nothing-before",),
         varies=("*.launcher-tools/update/*",)),
)  # fmt: skip
