"""What every screen asks of core: to keep the colours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from launcher.tui.asks import Place


@dataclass(frozen=True)
class FrameAsks:
    """Of the frame around all screens."""

    #: one of themes.NAMES
    save_theme: Callable[[str], None]

    @classmethod
    def real(cls, place: Place) -> FrameAsks:
        """Into config.toml."""
        from launcher.core.settings import change_setting

        return cls(lambda name: change_setting(place.workspace, "theme", name))


def saved_theme(place: Place) -> str | None:
    """The colours kept in config.toml; None if there are none or the file cannot be read: that is said elsewhere."""
    from launcher.core.errors import LauncherError
    from launcher.core.settings import read_settings

    try:
        return read_settings(place.workspace).theme
    except LauncherError:
        return None
