"""The folder that a pack is made in: which names in it are ours, so that nothing else is ever removed."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.pack.contents import in_silence, read_through, written
from launcher.core.pack.manifest import MARK, MODELS, SUMS
from launcher.core.text import t


class PackFolder:
    """Writes below `target`; what earlier runs wrote there and this one does not, `remove_stale` takes away."""

    def __init__(self, target: Path, cancel: threading.Event | None = None) -> None:
        self.target, self.cancel = target, cancel
        self._before = set(_noted(target / MARK))
        self._now: set[str] = set()
        #: SHA-256 of what was copied, as it lies at its source
        self.copied: dict[str, str] = {}

    def own(self, name: str) -> Path:
        """The place of `name` ("wheels/x.whl"), noted as ours before anything is written there."""
        self._now.add(name)
        path = self.target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name not in self._before:
            with (self.target / MARK).open("a", encoding="utf-8", newline="\n") as file:
                # A line that a kill has cut off ends here.
                file.write("\n" + json.dumps(name))
            self._before.add(name)
        return path

    def copy(self, source: Path, name: str) -> None:
        """Beside, then renamed; what is there already, byte for byte, stays as it is."""
        try:
            target = self.own(name)
            if target.is_file() and target.stat().st_size == source.stat().st_size:
                self.copied[name] = in_silence(read_through(source, self.cancel))
                if in_silence(read_through(target, self.cancel)) == self.copied[name]:
                    return
            with written(target) as file:
                self.copied[name] = in_silence(read_through(source, self.cancel, file))
                file.flush()
                shutil.copystat(source, file.name)
        except OSError as error:
            raise not_written(self.target / name, error) from error

    def names(self) -> tuple[str, ...]:
        """What belongs to the pack: what this run made, and the models of earlier ones."""
        return tuple(
            sorted(name for name in self._before if name not in self._stale() and (self.target / name).is_file())
        )

    def remove_stale(self) -> None:
        """What an earlier run made and this one did not, and what a kill left half written; models stay."""
        halves = {f"{name}.part" for name in self._before} - self._now
        try:
            for path in (self.target / name for name in self._stale() | halves):
                if path.is_file():
                    path.unlink()
        except OSError as error:
            raise not_written(self.target, error) from error

    def _stale(self) -> set[str]:
        return {name for name in self._before - self._now if Path(name).parts[0] != MODELS}


def open_folder(target: Path, apart: Sequence[Path], cancel: threading.Event | None = None) -> PackFolder:
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
    return PackFolder(target, cancel)


def _holds(folder: Path, other: Path) -> bool:
    return other.resolve().is_relative_to(folder.resolve())


def _noted(mark: Path) -> Iterator[str]:
    """A kill may have cut a line short; what it was to name is then left alone."""
    for line in mark.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            name = json.loads(line)
        except ValueError:
            continue
        if isinstance(name, str) and Path(name).name and not Path(name).is_absolute() and ".." not in Path(name).parts:
            yield name


def not_written(target: Path, error: OSError) -> LauncherError:
    """LauncherError `pack-not-written`."""
    return LauncherError(
        "pack-not-written",
        t("The pack cannot be written: {file}: {why}.", file=target, why=error.strerror or error),
        t("Look at the free space and the rights of the folder, then run the same command again: it continues."),
    )
