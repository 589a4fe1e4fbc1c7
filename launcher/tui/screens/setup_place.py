"""Step: the folder that everything will lie in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.widgets import Static

from launcher.core.paths import Workspace
from launcher.core.setup.course import ABOUT
from launcher.core.setup.places import Place, place_question, written_place
from launcher.core.text import Text, t
from launcher.tui.messages import Done
from launcher.tui.screens.ask import AskScreen, Question
from launcher.tui.screens.setup import GO, SetupScreen
from launcher.tui.speaking import KeyOf
from launcher.tui.widgets.choices import ChoiceList

FOLDER = KeyOf("f", "folder", t("Another folder"))


class PlaceScreen(SetupScreen):
    """A folder on each disk, with its room and what speaks against it; or one that the user writes."""

    step = "place"
    about = ABOUT["place"]
    keys: ClassVar[tuple[KeyOf, ...]] = (SetupScreen.keys[0], FOLDER, *SetupScreen.keys[1:])

    def parts(self) -> ComposeResult:
        """The folders."""
        yield Static(id="said")
        yield ChoiceList(id="choices")

    def on_mount(self) -> None:
        """Ask the disks."""
        self._places: tuple[Place, ...] = ()
        self._written: Place | None = None
        super().on_mount()
        self.jobs.start("places", lambda _: self._find())

    def _find(self) -> tuple[Place, ...]:
        return self.asks.places(self.course.workspace, self._needed())

    def _needed(self) -> int | None:
        survey = self.course.survey or self.asks.look(self.course.workspace)
        return survey.plan.disk_needed_mib

    def retell(self) -> None:
        """The choices with what is known of them."""
        super().retell()
        choices = self.query_one(ChoiceList)
        choices.display = bool(self._places)
        if self._places:
            self.tell_lines([t("Environment, models, pictures and caches lie in one folder.")])
            choices.show(place_question(self._places), self.say)
            if self._written is not None and self._written.refused is None:
                choices.highlighted = self._places.index(self._written)
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

    def action_folder(self) -> None:
        """A folder of the user's own."""
        hint = t("Written in full, such as D:\\gesso or ~/gesso. It is made if it is not there.")
        self.app.push_screen(AskScreen(Question(t("Another folder"), hint, written_place), self.say), self._judge)

    def _judge(self, written: str | None) -> None:
        if written:
            self.jobs.start("place", lambda _: self.asks.place_at(written_place(written), self._needed()))

    def _show(self, places: tuple[Place, ...]) -> None:
        self._places = places
        self.retell()
        self.focus_what_is_there()

    @on(Done)
    def _done(self, message: Done) -> None:
        if message.name == "places":
            self._show(message.value)
        elif message.name == "place":
            self._written = message.value
            known = (place for place in self._places if place.folder != message.value.folder)
            self._show((*known, message.value))
        elif isinstance(message.value, Workspace):
            workspace = message.value
            if workspace != self.course.workspace:
                self.gesso.move_to(workspace, self.asks.core(workspace))
            self.forward(replace(self.course, workspace=workspace))
