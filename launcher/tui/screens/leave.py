"""Asks what becomes of what this interface has started."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import DescendantFocus
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from launcher.core.text import Text, t
from launcher.tui.widgets.card import Say


class LeaveScreen(ModalScreen[str]):
    """Answers with the id of the choice; Esc is the choice to stay."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+q,ctrl+c", "stay", show=False),
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
    ]

    def __init__(self, question: Text, choices: dict[str, Text], say: Say) -> None:
        super().__init__()
        self._question, self._choices, self._say = question, choices, say

    def compose(self) -> ComposeResult:
        """The question over one button for each choice."""
        with Vertical(id="ask") as frame:
            frame.border_subtitle = self._say(t("↑ ↓ choose, Enter takes it, Esc changes nothing"))
            yield Static(Content(self._say(self._question)))
            for name, meaning in self._choices.items():
                yield Button(Content(f"  {self._say(meaning)}"), id=name, compact=True)

    @on(DescendantFocus)
    def _mark(self) -> None:
        """What Enter takes: the colour alone must not say it."""
        for button in self.query(Button):
            mark = "▶" if button.has_focus else " "
            button.label = Content(f"{mark} {self._say(self._choices[button.id or ''])}")

    @on(Button.Pressed)
    def answer(self, pressed: Button.Pressed) -> None:
        """A button was pressed."""
        self.dismiss(pressed.button.id)

    def action_stay(self) -> None:
        """Esc."""
        self.dismiss("stay")
