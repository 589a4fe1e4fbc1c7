"""A framed part of the home screen that is drawn anew from the state."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from textual.content import Content
from textual.widgets import Static

from launcher.core.text import Text, t
from launcher.tui.state import Home
from launcher.tui.untrusted import plain

Say = Callable[[Text], str]
# A line of a card: its label, its text, and the text's style.
Row = tuple[str, str, str]


class Card(Static):
    """Shows `heading` in its frame and `draw()` inside; what it shows comes from the state alone."""

    heading: ClassVar[Text]

    def show(self, home: Home, say: Say) -> None:
        """Draw the state in the language of `say`."""
        self.border_title = say(self.heading)
        self.update(self.draw(home, say))

    def draw(self, home: Home, say: Say) -> Content:
        """What stands in the frame."""
        raise NotImplementedError


def without_survey(home: Home, say: Say) -> Content:
    """What a card says of a computer that nobody has looked at, or could look at."""
    return Content(say(t("not known") if home.stage == "failed" else t("Looking …")))


def rows(found: Iterable[Row]) -> Content:
    """Labels in a column as wide as the widest (counted in cells: a Chinese character takes two), texts beside them."""
    found = list(found)
    wide = max((Content(label).cell_length for label, _, _ in found), default=0) + 2
    lines = [
        Content.assemble((label + " " * (wide - Content(label).cell_length), "$secondary"), (plain(text), style))
        for label, text, style in found
    ]
    return Content("\n").join(lines)
