"""Step: which model draws first: the demo now, one of the catalogue, or what another program has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from textual import on
from textual.app import ComposeResult
from textual.widgets import Static

from launcher.core.events import Event, Progress
from launcher.core.models.other_installs import OtherInstall
from launcher.core.setup.course import ABOUT
from launcher.core.setup.first_model import DEMO, LINK
from launcher.core.setup.found import vram_of
from launcher.core.setup.question import Question
from launcher.core.text import Text, t
from launcher.tui.jobs import Cancel
from launcher.tui.messages import Done, Failed, Happened
from launcher.tui.screens.setup import GO, SetupScreen
from launcher.tui.speaking import BACK, KeyOf
from launcher.tui.state import Survey
from launcher.tui.widgets.choices import ChoiceList
from launcher.tui.widgets.whole import WholeBar


@dataclass(frozen=True)
class _Offered:
    survey: Survey
    installs: tuple[OtherInstall, ...]
    question: Question


class ModelScreen(SetupScreen):
    """What is chosen is fetched in place; the demo model needs nothing."""

    step = "model"
    about = ABOUT["model"]

    def parts(self) -> ComposeResult:
        """The models; a bar while one is fetched."""
        yield Static(id="said")
        yield WholeBar(id="whole")
        yield ChoiceList(id="choices")

    def on_mount(self) -> None:
        """Look for other programs' installs, and for what the card is."""
        self._offered: _Offered | None = None
        self._taking = ""
        self._progress: Progress | None = None
        super().on_mount()
        self.jobs.start("offers", lambda _: self._look())

    def _look(self) -> _Offered:
        work = self.course.workspace
        survey = self.course.survey or self.asks.look(work)
        installs = self.asks.other_installs(work)
        return _Offered(survey, installs, self.asks.models(work, vram_of(survey.machine, survey.plan), installs))

    def retell(self) -> None:
        """The choices, or how far the one that is fetched has come."""
        super().retell()
        choices, bar = self.query_one(ChoiceList), self.query_one(WholeBar)
        choices.display = self._offered is not None and not self._taking
        bar.display = bool(self._taking)
        if self._offered is None:
            self.tell_lines([t("Looking for models on this computer …")])
        elif self._taking:
            self.tell_lines([t("Fetching {name}. What has come is kept if it is stopped.", name=self._taking)])
            self._draw_bar()
        else:
            self.tell_lines([])
            choices.show(self._offered.question, self.say)

    def _draw_bar(self) -> None:
        progress = self._progress
        share = progress.done / progress.total if progress and progress.total else 0.0
        self.query_one(WholeBar).show(share, progress, progress.seconds_left if progress else None, self.say)

    def meaning(self, key: KeyOf) -> Text | None:
        """While it is fetched Esc stops that."""
        if key == GO and (self._offered is None or self._taking):
            return None
        if key == BACK and self._taking:
            return t("Stop; it can be continued")
        return super().meaning(key)

    def action_go(self) -> None:
        """Take it."""
        chosen = self.query_one(ChoiceList).chosen
        if self._offered is None or self._taking or chosen is None:
            return
        self.trouble(None)
        if chosen == DEMO:
            self._taken(chosen)
            return
        self._taking, self._progress = chosen, None
        self.jobs.start("take", lambda cancel: self._take(chosen, cancel))
        self.retell()

    def _take(self, chosen: str, cancel: Cancel) -> Iterator[Event]:
        # What runs keeps its settings in memory and would write over those that linking changes.
        if chosen.startswith(LINK) and self.course.url:
            self.asks.stop(self.course.workspace)
            self.course = replace(self.course, url="")
        yield from self.asks.take_model(self.course.workspace, chosen, cancel)

    def action_back(self) -> None:
        """Stop fetching, or one step back."""
        if self._taking:
            self.jobs.cancel()
        else:
            super().action_back()

    def _taken(self, chosen: str) -> None:
        answers = replace(self.course.answers, model=chosen)
        # A linked install changes how the runtime is started, so the plan is looked at again.
        survey = None if chosen.startswith(LINK) or self._offered is None else self._offered.survey
        self.forward(replace(self.course, answers=answers, survey=survey))

    @on(Happened)
    def _happened(self, message: Happened) -> None:
        for event in message.inbox.take():
            if isinstance(event, Progress) and event.unit == "bytes":
                self._progress = event
        if self._taking:
            self._draw_bar()

    @on(Done)
    def _done(self, message: Done) -> None:
        if isinstance(message.value, _Offered):
            self._offered = message.value
            self.retell()
            self.focus_what_is_there()
        elif message.name == "take":
            self._taken(self._taking)

    @on(Failed)
    def _not_taken(self, _message: Failed) -> None:
        self._taking = ""
        self.retell()
        self.focus_what_is_there()
