"""Step: what this computer is, and what that is good for."""

from __future__ import annotations

from dataclasses import replace

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from launcher.core.setup.course import ABOUT
from launcher.core.setup.found import good_for
from launcher.core.text import Text, t
from launcher.machine_description import of_machine
from launcher.tui.messages import Done
from launcher.tui.screens.setup import GO, SetupScreen
from launcher.tui.speaking import KeyOf
from launcher.tui.state import Survey
from launcher.tui.untrusted import plain


class MachineScreen(SetupScreen):
    """Looks by itself; nothing is to be answered."""

    step = "machine"
    about = ABOUT["machine"]

    def parts(self) -> ComposeResult:
        """Lines."""
        yield Static(id="said")

    def on_mount(self) -> None:
        """Look, unless that was done."""
        super().on_mount()
        self._look()

    def retell(self) -> None:
        """What was found, and the sentence on what it is good for."""
        super().retell()
        survey = self.course.survey
        if survey is None:
            self.tell_lines([t("Looking at this computer …")])
            return
        sentence = Content.styled(plain(self.say(good_for(survey.machine, survey.plan))), "bold")
        self.tell_lines([*of_machine(survey.machine), Content(""), sentence])

    def meaning(self, key: KeyOf) -> Text | None:
        """Enter waits until everything was looked at; after a failure it looks again."""
        if key == GO and self.course.survey is None:
            return None if self.jobs.running else t("Look again")
        return super().meaning(key)

    def action_go(self) -> None:
        """Go on."""
        if self.course.survey is not None:
            self.forward()
        elif not self.jobs.running:
            self._look()

    def _look(self) -> None:
        if self.course.survey is None:
            self.trouble(None)
            self.jobs.start("look", lambda _: self.asks.look(self.course.workspace))
            self.rekey()

    @on(Done)
    def _done(self, message: Done) -> None:
        if isinstance(message.value, Survey):
            self.course = replace(self.course, survey=message.value)
            self.retell()
