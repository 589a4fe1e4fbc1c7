"""What the settings' and the update's screens ask of core."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from launcher.core.events import Event
from launcher.core.process import CancelledError
from launcher.core.settings import Value
from launcher.core.text import Text
from launcher.tui.asks import Place
from launcher.tui.jobs import Cancel

if TYPE_CHECKING:
    from launcher.core.update.find import Update


@dataclass(frozen=True)
class SettingsSeen:
    """One look at config.toml."""

    file: Path
    #: key with dots -> what is chosen; None or (): nothing
    values: tuple[tuple[str, object], ...]
    #: keys in the file that nobody knows
    unknown: tuple[str, ...]
    #: key -> what counts instead of it now, or could
    stronger: tuple[tuple[str, Text], ...]


@dataclass(frozen=True)
class Use:
    """What lies in the workspace, counted so far."""

    root: Path
    #: folder or file -> bytes, in the order in which it was counted; what is linked twice is counted once
    sizes: tuple[tuple[str, int], ...] = ()
    #: of the volume, in bytes
    free: int | None = None
    done: bool = False


@dataclass(frozen=True)
class SettingsAsks:
    """The settings' screen."""

    look: Callable[[], SettingsSeen]
    #: None takes the choice back; looks again. LauncherError as `change_setting`
    change: Callable[[str, Value | None], SettingsSeen]
    #: yields Use after each folder
    count: Callable[[Cancel], Generator[Use, None, None]]

    @classmethod
    def real(cls, place: Place) -> SettingsAsks:
        """Core itself."""
        from launcher.core.settings import change_setting

        def change(key: str, value: Value | None) -> SettingsSeen:
            change_setting(place.workspace, key, value)
            return _seen(place)

        return cls(lambda: _seen(place), change, lambda cancel: _count(place, cancel))


@dataclass(frozen=True)
class VersionSeen:
    """This Gesso, and the one that the last update came from."""

    present: str
    before: str | None


@dataclass(frozen=True)
class UpdateAsks:
    """The update's screen."""

    look: Callable[[], VersionSeen]
    #: asks for a newer release and lays it out beside
    find: Callable[[Cancel], Generator[Event, None, Update]]
    carry_out: Callable[[Update, Cancel], Generator[Event, None, None]]
    #: the version that is there then
    back: Callable[[], Generator[Event, None, str]]

    @classmethod
    def real(cls, place: Place) -> UpdateAsks:
        """Core itself."""
        from launcher.core.project import version_in
        from launcher.core.update.find import Wish, place_of
        from launcher.core.update.memory import recall
        from launcher.core.update.update import carry_out, find_update, go_back

        where = place_of(place.workspace)

        def look() -> VersionSeen:
            before = recall(where.root)
            return VersionSeen(version_in(where.root), before.version_before if before else None)

        return cls(
            look,
            lambda cancel: find_update(where, Wish(), cancel),
            lambda update, cancel: carry_out(where, update, cancel),
            lambda: go_back(where),
        )


def _seen(place: Place) -> SettingsSeen:
    from launcher.core.settings import read_settings, setting_names
    from launcher.setting_words import WORDS, what_wins

    settings = read_settings(place.workspace)

    def value(key: str) -> object:
        found: object = settings
        for name in key.split("."):
            found = getattr(found, name)
        return found

    values = tuple((key, value(key)) for key in setting_names())
    stronger = tuple((key, what_wins(WORDS[key], os.environ)) for key in WORDS)
    return SettingsSeen(place.workspace.config_file, values, settings.unknown, stronger)


def _count(place: Place, cancel: Cancel) -> Generator[Use, None, None]:
    import shutil

    from launcher.core.environments.listing import measure

    root = place.workspace.root
    try:
        # It is made by the first thing that is kept in it.
        free: int | None = shutil.disk_usage(next(each for each in (root, *root.parents) if each.exists())).free
        there = sorted(root.iterdir()) if root.exists() else []
    except OSError:
        yield Use(root, done=True)
        return
    sizes: list[tuple[str, int]] = []
    seen: set[tuple[int, int]] = set()
    for each in there:
        if cancel.is_set():
            raise CancelledError
        if each.is_dir() and not each.is_symlink():
            sizes.append((each.name, measure(each, seen).total))
            yield Use(root, tuple(sizes), free)
    yield Use(root, tuple(sizes), free, done=True)
