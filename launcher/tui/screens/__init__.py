"""The screens, one a file; each is imported when it is opened."""

from __future__ import annotations

#: name -> where it is
SCREENS: dict[str, str] = {
    "console": "launcher.tui.screens.console:ConsoleScreen",
}
