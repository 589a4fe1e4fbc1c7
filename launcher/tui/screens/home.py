"""The home screen: this computer, what is installed, the address, the plan or the log, and the keys."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.reactive import reactive

from launcher.core.events import Notice, Ready
from launcher.core.text import Text, t
from launcher.tui import state
from launcher.tui.home_jobs import Core, HomeJobs
from launcher.tui.messages import Done, Failed, Finished, Happened
from launcher.tui.screens.leave import LeaveScreen
from launcher.tui.speaking import BACK, KeyOf, SpeakingScreen
from launcher.tui.state import Home, Survey
from launcher.tui.widgets.address import AddressCard
from launcher.tui.widgets.installed import InstalledCard
from launcher.tui.widgets.log import LogPane
from launcher.tui.widgets.machine import MachineCard
from launcher.tui.widgets.plan import PlanPane
from launcher.tui.widgets.progress import ProgressLine


class HomeScreen(SpeakingScreen[None]):
    """Turns messages into the next state; every widget draws from that state and from nothing else."""

    heading = t("gets this computer ready for Stable Diffusion")
    about = (t("Everything about this computer and what draws on it, and the one key that comes next."),)
    keys = (
        KeyOf("enter", "go", t("Start")),
        KeyOf("s", "stop", t("Stop")),
        KeyOf("o", "open", t("Open the page")),
        KeyOf("l", "language", t("中文")),
        KeyOf("q", "leave", t("Leave")),
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q,ctrl+c", "leave", show=False, priority=True)]
    home: reactive[Home] = reactive(Home(), init=False)

    def __init__(self, core: Core) -> None:
        super().__init__()
        self._core, self._jobs, self._leaving = core, HomeJobs(core, self), False

    def body(self) -> ComposeResult:
        """From top to bottom; of plan and log one is shown."""
        with Horizontal(id="facts"):
            yield MachineCard(id="machine")
            yield InstalledCard(id="installed")
        yield AddressCard(id="address")
        yield PlanPane(id="plan")
        yield LogPane(id="log")
        yield ProgressLine(id="progress")

    def on_mount(self) -> None:
        """Say what there is to say already, then look around."""
        super().on_mount()
        self._jobs.survey()

    def on_unmount(self) -> None:
        """However the app ends: a thread that went on watching the runtime would keep the process alive."""
        self._jobs.cancel()

    def watch_home(self) -> None:
        """The state has changed."""
        self._redraw()

    def retell(self) -> None:
        """Everything, the log too."""
        super().retell()
        self._redraw()
        self.query_one(LogPane).show(self.home, self.say)

    def meaning(self, key: KeyOf) -> Text | None:
        """Which keys do what in this state."""
        home = self.home
        does = {
            "go": _enter(home),
            "stop": key.meaning if home.busy else None,
            "open": key.meaning if home.stage == "serving" and home.page else None,
            "back": BACK.meaning if home.stage == "asked" else None,
        }
        return does.get(key.action, key.meaning)

    def _redraw(self) -> None:
        planning = (self.home.missing > 0 or self.home.blocked) and self.home.stage in ("ready", "asked")
        self.query_one(PlanPane).display = planning
        self.query_one(LogPane).display = not planning
        for widget in self.query("MachineCard, InstalledCard, AddressCard, PlanPane, ProgressLine"):
            widget.show(self.home, self.say)  # type: ignore[attr-defined]
        self.rekey()

    # What the jobs say

    @on(Done)
    def _done(self, message: Done) -> None:
        if not isinstance(message.value, Survey):
            return
        before, survey = self.home, message.value
        self.home = state.surveyed(before, survey)
        if message.name == "install" or (before.stage == "looking" and self.home.busy):
            self._jobs.launch(survey)

    @on(Happened)
    def _happened(self, message: Happened) -> None:
        events = message.inbox.take()
        home = self.home
        for event in events:
            home = state.after(home, event)
        self.home = home
        if home.ours and any(isinstance(event, Ready) and event.page for event in events):
            self.action_open()

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        if message.error.code == "interrupted" and self.home.stage == "stopping":
            return
        self._leaving = False
        self.home = state.failed(self.home, message.error)
        self._note("error", message.error.message)

    @on(Finished)
    def _finished(self, message: Finished) -> None:
        self._jobs.ended(message.name)
        if self._leaving and not self._jobs.running:
            self.app.exit(0)
        elif message.name != "survey" and not self._jobs.running - {"survey"}:
            self.home = state.rested(self.home)
            self._jobs.survey()

    # What the keys do

    def action_go(self) -> None:
        """Enter: look again, show the plan, confirm it, start: whatever comes next."""
        home, survey = self.home, self.home.survey
        if home.stage not in ("ready", "asked", "failed"):
            return
        if survey is None or home.blocked:
            self.home = Home()
            self._jobs.survey()
        elif home.missing and home.stage != "asked":
            self.home = replace(home, stage="asked", error=None)
        else:
            self.home = state.begun(home)
            begin = self._jobs.install if home.missing else self._jobs.launch
            begin(survey)

    def action_back(self) -> None:
        """Esc: the plan is not carried out."""
        if self.home.stage == "asked":
            self.home = replace(self.home, stage="ready")

    def action_stop(self) -> None:
        """The install is interrupted (the next one continues it), the runtime is ended."""
        if self.home.stage == "installing":
            self._jobs.cancel()
        elif self.home.busy:
            self._jobs.stop()
        else:
            return
        self.home = replace(self.home, stage="stopping")

    def action_open(self) -> None:
        """The page in the browser."""
        if self.home.stage == "serving" and not self._core.open_page(self.home.url):
            url = self.home.url
            self._note("info", t("There is no screen here: open {url} in the browser of your computer.", url=url))

    def action_language(self) -> None:
        """Chinese or English."""
        self.gesso.switch_language()

    def action_leave(self) -> None:
        """Leave, after asking what becomes of what runs."""
        if not (self.home.ours and self.home.busy):
            self._go_away()
            return
        choices = {"stop": t("Stop it and leave"), "keep": t("Leave it running"), "stay": t("Stay here")}
        question = t("Stable Diffusion is running. What shall become of it?")
        if self.home.stage == "installing":
            del choices["keep"]
            question = t("The installation is not finished. It can be continued later.")
        self.app.push_screen(LeaveScreen(question, choices, self.say), self._leave)

    def _leave(self, choice: str | None) -> None:
        if choice == "keep":
            self._go_away()
        elif choice == "stop":
            self._leaving = True
            self.action_stop()

    def _go_away(self) -> None:
        self._leaving = True
        self._jobs.cancel()
        self.app.exit(0)

    def _note(self, severity: str, sentence: Text) -> None:
        self.query_one(LogPane).add([Notice("interface", severity, sentence)])


def _enter(home: Home) -> Text | None:
    match home.stage:
        case "ready" | "failed" if home.blocked or home.survey is None:
            return t("Look again")
        case "ready" | "failed":
            return t("Install and start") if home.missing else t("Start")
        case "asked":
            return t("Begin")
        case _:
            return None
