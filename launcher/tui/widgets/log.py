"""The running log: what children print, and our own notices."""

from __future__ import annotations

from collections import deque

import rich.text
from textual.events import Resize
from textual.widgets import RichLog

from launcher.core.events import Line, Notice
from launcher.core.text import t
from launcher.tui.state import Home
from launcher.tui.untrusted import plain
from launcher.tui.widgets.card import Say

KEPT = 2000
_STYLES = {"warning": "yellow", "error": "bold red"}


class LogPane(RichLog):
    """Keeps the last lines as events, so that our own sentences can be said again in another language."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, max_lines=KEPT, wrap=True, min_width=1, markup=False, highlight=False)
        self._entries: deque[Line | Notice] = deque(maxlen=KEPT)
        self._say: Say = str
        # The width that everything written so far is wrapped to; 0 when it has to be written anew.
        self._wrapped_to = 0

    def show(self, _home: Home, say: Say) -> None:
        """Say everything again: the language may have changed."""
        self._say = say
        self.border_title = say(t("Log"))
        self._write_all()

    def add(self, entries: list[Line | Notice]) -> None:
        """Write new entries; of a flood only what would still be on the screen."""
        self._entries.extend(entries)
        if self._wrapped_to and self._wrapped_to == self.scrollable_content_region.width:
            self._write(entries[-KEPT:])
        else:
            # Hidden behind the plan, or about to get another size: the resize that follows writes it.
            self._wrapped_to = 0

    def on_resize(self, _event: Resize) -> None:
        """Wrap everything to the new width."""
        if self._wrapped_to != self.scrollable_content_region.width:
            self._write_all()

    def _write_all(self) -> None:
        self._wrapped_to = self.scrollable_content_region.width
        self.clear()
        if self._wrapped_to:
            self._write(list(self._entries))

    def _write(self, entries: list[Line | Notice]) -> None:
        for entry in entries:
            text = entry.text if isinstance(entry, Line) else self._say(entry.text)
            style = "" if isinstance(entry, Line) else _STYLES.get(entry.severity, "bold")
            self.write(rich.text.Text(plain(text), style=style), width=self._wrapped_to)
