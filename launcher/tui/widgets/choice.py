"""A field that chooses among a few values: the arrows to the sides change it, and nothing covers the form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from launcher.tui.untrusted import plain


class Choice(Static, can_focus=True):
    """Shows one of `options` (value, what is shown); the first is usually "not set"."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,space,enter", "turn(1)", show=False),
        Binding("left", "turn(-1)", show=False),
        Binding("backspace,delete", "clear", show=False),
    ]

    class Changed(Message):
        """Another value."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._options: tuple[tuple[str, str], ...] = (("", ""),)
        self.value = ""

    def offer(self, options: Sequence[tuple[str, str]], value: str) -> None:
        """What there is to choose; a value that is not among them is shown as it is written."""
        known = tuple(options)
        self._options = known if value in dict(known) else (*known, (value, value))
        self.value = value
        self._draw()

    def action_turn(self, by: int) -> None:
        """The next one, or the one before."""
        values = [value for value, _ in self._options]
        self.value = values[(values.index(self.value) + by) % len(values)]
        self._draw()
        self.post_message(self.Changed())

    def action_clear(self) -> None:
        """Not set."""
        self.value = self._options[0][0]
        self._draw()
        self.post_message(self.Changed())

    def on_click(self) -> None:
        """As the arrow to the right."""
        self.action_turn(1)

    def _draw(self) -> None:
        shown = plain(dict(self._options)[self.value])
        style = "" if self.value else "$text-muted"
        self.update(Content.assemble(("‹ ", "$secondary"), (shown, style), (" ›", "$secondary")))
