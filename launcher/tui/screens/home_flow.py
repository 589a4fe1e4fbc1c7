"""How the home screen's work goes on: what the jobs say becomes the next state, and what is to follow is begun."""

from __future__ import annotations

from dataclasses import replace

from textual import on
from textual.reactive import reactive

from launcher.core.events import Line, Notice, Ready
from launcher.core.text import Text
from launcher.tui import state
from launcher.tui.home_jobs import ASIDE, Core, HomeJobs
from launcher.tui.log_store import DIAGNOSIS, GESSO
from launcher.tui.messages import Done, Failed, Finished, Happened
from launcher.tui.speaking import SpeakingScreen
from launcher.tui.state import Home, Survey
from launcher.tui.widgets.gpu import GpuCard
from launcher.tui.widgets.log import LogPane

#: of what was said, the part in which the cause of a failure is looked for
_LINES = 20_000


class HomeFlow(SpeakingScreen[None]):
    """The state and its changes; what it looks like and which key does what stands in HomeScreen."""

    home: reactive[Home] = reactive(Home(), init=False)

    def __init__(self, core: Core) -> None:
        super().__init__()
        self._core, self._jobs, self._leaving = core, HomeJobs(core, self), False
        #: the number of the log's line at which the last job began
        self._begun_at = 0

    def on_mount(self) -> None:
        """Say what there is to say already, then look around."""
        super().on_mount()
        # an answer may come before the widgets are whole that it is drawn in
        self.call_after_refresh(self._look_around)

    def _look_around(self) -> None:
        self._jobs.survey()
        self._jobs.figures()

    def on_unmount(self) -> None:
        """However the app ends: a thread that went on watching the runtime would keep the process alive."""
        self._jobs.cancel()

    @on(Done)
    def _done(self, message: Done) -> None:
        if message.name == "explain":
            self.home = state.explained(self.home, message.value)
        if not isinstance(message.value, Survey):
            return
        before, survey = self.home, message.value
        self.home = state.surveyed(before, survey)
        if message.name == "install" or (before.stage == "looking" and self.home.busy):
            self._jobs.launch(survey)

    @on(Happened)
    def _happened(self, message: Happened) -> None:
        events = message.inbox.take()
        if message.name == "figures":
            self.query_one(GpuCard).add(events)
            return
        home = self.home
        for event in events:
            # A line changes nothing, and there may be very many.
            if type(event) is not Line:
                home = state.after(home, event)
        self.home = home
        if home.ours and any(isinstance(event, Ready) and event.page for event in events):
            self.action_open()

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        if message.name == "explain" or (message.error.code == "interrupted" and self.home.stage == "stopping"):
            return
        self._leaving = False
        self.home = state.failed(self.home, message.error)
        self._note("error", message.error.message)

    @on(Finished)
    def _finished(self, message: Finished) -> None:
        self._jobs.ended(message.name)
        if self.home.stage == "failed" and message.name in ("install", "launch"):
            # by way of the app, which is still to hear what was said last
            self.app.call_later(self._explain)
        if not self._jobs.idle:
            return
        if self._leaving:
            self._go_away()
        elif message.name == "choose":
            self._start_chosen()
        elif message.name not in ASIDE:
            self.home = state.rested(self.home)
            self._follow_up()

    def _explain(self) -> None:
        """By what was said since it began."""
        store = self.gesso.log_store
        start = max(self._begun_at, store.first, store.end - _LINES)
        said = range(start, store.end)
        self._jobs.explain([store.text(number) for number in said if store.source(number) not in (GESSO, DIAGNOSIS)])

    def _follow_up(self) -> None:
        """What was to come after the end: another start, a start with another profile, else a look around."""
        then, self.home = self.home.then, replace(self.home, then=None)
        if isinstance(then, Survey):
            self._begin(then)
        elif then is not None:
            self._jobs.choose(then)
        else:
            self._jobs.survey()

    def _start_chosen(self) -> None:
        """With the new profile: as after Enter; what is missing is shown first."""
        if self.home.stage == "ready" and not self.home.blocked:
            self.action_go()

    def _begin(self, survey: Survey) -> None:
        self.home = state.begun(self.home, survey)
        self._begun_at = self.gesso.log_store.end
        begin = self._jobs.install if self.home.missing else self._jobs.launch
        begin(survey)

    def action_go(self) -> None:
        """Enter."""
        raise NotImplementedError

    def action_open(self) -> None:
        """The page in the browser."""
        raise NotImplementedError

    def _go_away(self) -> None:
        self._leaving = True
        self._jobs.cancel()
        self.app.exit(0)

    def _note(self, severity: str, sentence: Text) -> None:
        self.query_one(LogPane).add([Notice("interface", severity, sentence)])
