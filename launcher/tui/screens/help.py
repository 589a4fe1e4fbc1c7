"""Help in place: what the screen underneath is for, and every key of it."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from launcher.core.text import t
from launcher.tui.speaking import SpeakingScreen
from launcher.tui.widgets.card import rows


class HelpScreen(ModalScreen[None]):
    """Any of the usual keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,f1,enter,q", "dismiss", show=False)]

    def __init__(self, of: SpeakingScreen[Any]) -> None:
        super().__init__()
        self._of = of

    def compose(self) -> ComposeResult:
        """The paragraphs, then the keys."""
        say = self._of.say
        keys = rows([(key.label, say(meaning), "") for key, meaning in self._of.keys_now()])
        paragraphs = [Content(say(each)) for each in self._of.about]
        with VerticalScroll(id="help") as pane:
            pane.border_title = say(t("Help: {what}", what=self._of.heading))
            pane.border_subtitle = say(t("Esc closes"))
            yield Static(Content("\n\n").join([*paragraphs, keys]))

    def on_mount(self) -> None:
        """The arrows scroll."""
        self.query_one("#help").focus()
