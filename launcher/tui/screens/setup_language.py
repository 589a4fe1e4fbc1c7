"""Step: the language."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.widgets import Static

from launcher.core.errors import LauncherError
from launcher.core.setup.course import ABOUT, language_question
from launcher.core.text import Text, t
from launcher.tui.screens.setup import SetupScreen
from launcher.tui.widgets.choices import ChoiceList

_WELCOME: tuple[Text, ...] = (
    t("Welcome. A few questions, then a first picture. Enter takes what is proposed; Esc goes back."),
    t("Until you have seen the plan and agreed, Gesso keeps nothing but your answers and what it measures."),
)


class LanguageScreen(SetupScreen):
    """The screen itself speaks the language that is highlighted."""

    step = "language"
    about = ABOUT["language"]

    def parts(self) -> ComposeResult:
        """A welcome over the two."""
        yield Static(id="said")
        yield ChoiceList(id="choices")

    def on_mount(self) -> None:
        """The language of the moment is the default."""
        self.query_one(ChoiceList).show(language_question(self.gesso.language), self.say)
        super().on_mount()

    def retell(self) -> None:
        """The welcome."""
        super().retell()
        self.tell_lines(list(_WELCOME))

    @on(ChoiceList.OptionHighlighted)
    def _highlighted(self, message: ChoiceList.OptionHighlighted) -> None:
        if message.option_id:
            self.gesso.language = message.option_id

    def action_go(self) -> None:
        """Keep it."""
        chosen = self.query_one(ChoiceList).chosen
        if chosen is None:
            return
        self.gesso.language = chosen
        try:
            self.asks.save_language(self.course.workspace, chosen)
        except LauncherError as error:
            self.gesso.tell(t("The language could not be kept: {reason}", reason=error.message), severity="warning")
        self.forward()
