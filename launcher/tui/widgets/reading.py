"""A pane of text that is longer than the screen: paragraphs, numbered steps, addresses."""

from __future__ import annotations

from collections.abc import Iterable

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from launcher.tui.untrusted import plain


class Reading(VerticalScroll):
    """Shows what it is given from its beginning; Tab goes to it, the arrows scroll it."""

    def compose(self) -> ComposeResult:
        """One text."""
        yield Static(classes="text")

    def show(self, title: str, lines: Iterable[Content]) -> None:
        """`title` in the frame, then the lines."""
        self.border_title = title
        self.query_one(".text", Static).update(Content("\n").join(lines))
        self.scroll_home(animate=False)


def said(text: str, style: str = "") -> Content:
    """A text of one or several lines, from whoever it comes."""
    return Content.styled("\n".join(map(plain, text.split("\n"))), style)


def numbered(steps: Iterable[str]) -> list[Content]:
    """Each on a line of its own."""
    return [said(f"{number}. {step}") for number, step in enumerate(steps, 1)]
