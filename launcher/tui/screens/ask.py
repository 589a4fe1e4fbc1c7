"""One question with one field: what it is for stands under it, and what is wrong with it as soon as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from launcher.core.errors import LauncherError
from launcher.core.text import Text, t
from launcher.tui.widgets.card import Say


@dataclass(frozen=True)
class Question:
    """`check` raises LauncherError for what cannot be taken; it must be quick, for every letter asks it."""

    heading: Text
    #: what the field is for, and how it is written
    hint: Text
    check: Callable[[str], object]
    value: str = ""
    #: stands in the empty field
    example: str = ""


class AskScreen(ModalScreen["str | None"]):
    """Answers with what was written, None after Esc."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,ctrl+c", "dismiss", show=False)]

    def __init__(self, question: Question, say: Say) -> None:
        super().__init__()
        self._question, self._say = question, say

    def compose(self) -> ComposeResult:
        """Field, hint, what is wrong."""
        with Vertical(id="field") as frame:
            frame.border_title = self._say(self._question.heading)
            frame.border_subtitle = self._say(t("Enter keeps it, Esc does not"))
            yield Input(self._question.value, placeholder=self._question.example, id="value", compact=True)
            yield Static(Content(self._say(self._question.hint)), id="hint")
            yield Static(id="wrong")

    @on(Input.Changed)
    def _changed(self) -> None:
        value = self.query_one(Input).value.strip()
        self._show(self._wrong(value) if value else None)

    @on(Input.Submitted)
    def _submitted(self) -> None:
        value = self.query_one(Input).value.strip()
        if wrong := self._wrong(value):
            self._show(wrong)
        else:
            self.dismiss(value)

    def _wrong(self, value: str) -> Text | None:
        try:
            self._question.check(value)
        except LauncherError as error:
            return error.message
        return None

    def _show(self, wrong: Text | None) -> None:
        shown = self.query_one("#wrong", Static)
        shown.display = wrong is not None
        shown.update(Content(f"✗ {self._say(wrong)}") if wrong else "")
