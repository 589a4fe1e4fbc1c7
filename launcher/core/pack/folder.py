"""The folder that a pack is made in: which names in it are ours, so that nothing else is ever removed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.pack.manifest import MARK, MODELS, SUMS
from launcher.core.text import t


class PackFolder:
    """Writes below `target`; what earlier runs wrote there and this one does not, `remove_stale` takes away."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self._before = set(_noted(target / MARK))
        self._now: set[str] = set()

    def own(self, name: str) -> Path:
        """The place of `name` ("wheels/x.whl"), noted as ours before anything is written there."""
        self._now.add(name)
        path = self.target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name not in self._before:
            with (self.target / MARK).open("a", encoding="utf-8", newline="\n") as file:
                file.write(json.dumps(name) + "\n")
            self._before.add(name)
        return path

    def copy(self, source: Path, name: str) -> None:
        """Beside, then renamed; what is there already in the same size and of the same time is not copied again."""
        try:
            target = self.own(name)
            there, here = target.stat() if target.exists() else None, source.stat()
            if there and (there.st_size, int(there.st_mtime)) == (here.st_size, int(here.st_mtime)):
                return
            beside = target.with_name(target.name + ".part")
            shutil.copy2(source, beside)
            beside.replace(target)
        except OSError as error:
            raise not_written(self.target / name, error) from error

    def remove_stale(self) -> None:
        """What an earlier run made and this one did not; models stay."""
        ours = [Path(name) for name in sorted(self._before - self._now)]
        stale = [path for path in ours if not path.is_absolute() and ".." not in path.parts and path.parts[0] != MODELS]
        try:
            for path in (self.target / name for name in stale):
                for each in (path, path.with_name(path.name + ".part")):
                    if each.is_file():
                        each.unlink()
        except OSError as error:
            raise not_written(self.target, error) from error


def open_folder(target: Path, apart: Sequence[Path]) -> PackFolder:
    """An empty folder, or one that was begun as a pack; `apart` are the folders that it may neither hold nor lie in.

    LauncherError `pack-folder`, `pack-not-written`.
    """
    for other in apart:
        if _holds(target, other) or _holds(other, target):
            raise LauncherError(
                "pack-folder",
                t("{folder} holds {other} or lies in it.", folder=target, other=other),
                t("Name a new folder."),
            )
    try:
        target.mkdir(parents=True, exist_ok=True)
        if not (target / MARK).is_file():
            if any(target.iterdir()):
                raise LauncherError(
                    "pack-folder",
                    t("{folder} is not empty, and what lies there is no pack.", folder=target),
                    t("Name a new folder."),
                )
            (target / MARK).touch()
        (target / SUMS).unlink(missing_ok=True)
    except OSError as error:
        raise not_written(target, error) from error
    return PackFolder(target)


def _holds(folder: Path, other: Path) -> bool:
    return other.resolve().is_relative_to(folder.resolve())


def _noted(mark: Path) -> Iterator[str]:
    """A kill may have cut the last line short; what it was to name is then left alone."""
    for line in mark.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            name = json.loads(line)
        except ValueError:
            continue
        if isinstance(name, str) and Path(name).name:
            yield name


def not_written(target: Path, error: OSError) -> LauncherError:
    """LauncherError `pack-not-written`."""
    return LauncherError(
        "pack-not-written",
        t("The pack cannot be written: {file}: {why}.", file=target, why=error.strerror or error),
        t("Look at the free space and the rights of the folder, then run the same command again: it continues."),
    )
