"""Step: the folder that everything will lie in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.widgets import Static

from launcher.core.paths import Workspace
from launcher.core.setup.course import ABOUT
from launcher.core.setup.places import Place, place_question
from launcher.core.text import Text, t
from launcher.tui.messages import Done
from launcher.tui.screens.setup import GO, SetupScreen
from launcher.tui.speaking import KeyOf
from launcher.tui.widgets.choices import ChoiceList


class PlaceScreen(SetupScreen):
    """A folder on each disk, with its room and what speaks against it."""

    step = "place"
    about = ABOUT["place"]

    def parts(self) -> ComposeResult:
        """The folders."""
        yield Static(id="said")
        yield ChoiceList(id="choices")

    def on_mount(self) -> None:
        """Ask the disks."""
        self._places: tuple[Place, ...] = ()
        super().on_mount()
        self.jobs.start("places", lambda _: self._find())

    def _find(self) -> tuple[Place, ...]:
        survey = self.course.survey or self.asks.look(self.course.workspace)
        return self.asks.places(self.course.workspace, survey.plan.disk_needed_mib)

    def retell(self) -> None:
        """The choices with what is known of them."""
        super().retell()
        choices = self.query_one(ChoiceList)
        choices.display = bool(self._places)
        if self._places:
            self.tell_lines([t("Environment, models, pictures and caches lie in one folder.")])
            choices.show(place_question(self._places), self.say)
        else:
            self.tell_lines([t("Looking at the disks …")])

    def meaning(self, key: KeyOf) -> Text | None:
        """Nothing to take before the disks have answered, or where none will do."""
        if key == GO and (not self._places or all(place.refused for place in self._places)):
            return None
        return super().meaning(key)

    def action_go(self) -> None:
        """Take the folder; the plan is made for it."""
        chosen = self.query_one(ChoiceList).chosen if self._places else None
        if chosen is not None:
            self.trouble(None)
            self.jobs.start("take", lambda _: self.asks.take_place(self.course.workspace, Path(chosen)))

    @on(Done)
    def _done(self, message: Done) -> None:
        if message.name == "places":
            self._places = message.value
            self.retell()
            self.focus_what_is_there()
        elif isinstance(message.value, Workspace):
            workspace = message.value
            if workspace != self.course.workspace:
                self.gesso.move_to(workspace, self.asks.core(workspace))
            self.forward(replace(self.course, workspace=workspace))
