"""The home screen: what draws, what is installed, the address, the plan or the log, and the keys."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message

from launcher.core.text import Text, t
from launcher.tui import state
from launcher.tui.home_keys import KEYS, WAYS, meanings, screen_of
from launcher.tui.screens import SCREENS
from launcher.tui.screens.home_flow import HomeFlow
from launcher.tui.screens.leave import LeaveScreen
from launcher.tui.speaking import KeyOf
from launcher.tui.state import Home
from launcher.tui.widgets.address import AddressCard
from launcher.tui.widgets.gpu import GpuCard
from launcher.tui.widgets.installed import EnvironmentCard, InstalledCard, ModelCard, ProfileCard
from launcher.tui.widgets.log import LogPane
from launcher.tui.widgets.machine import MachineCard
from launcher.tui.widgets.plan import PlanPane
from launcher.tui.widgets.progress import ProgressLine
from launcher.tui.widgets.qr import QrPane
from launcher.tui.widgets.ways_line import WaysLine

_CARDS = "GpuCard, MachineCard, InstalledCard, EnvironmentCard, ModelCard, ProfileCard, AddressCard, QrPane"


class ProfileChosen(Message):
    """A screen over this one asks for this run profile: what runs is stopped, and it is started."""

    def __init__(self, profile: str) -> None:
        super().__init__()
        self.profile = profile


class HomeScreen(HomeFlow):
    """Turns messages into the next state; every widget draws from that state and from nothing else."""

    heading = t("gets this computer ready for Stable Diffusion")
    about = (
        t("Everything about this computer and what draws on it, and the one key that comes next."),
        t("Enter starts, s stops, o opens the page in the browser. With more room there is more to see."),
        t("Where the page can be opened by others, k shows its address as a QR code for a phone."),
    )
    keys = KEYS
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q,ctrl+c", "leave", show=False, priority=True)]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - as Textual declares it
    VERTICAL_BREAKPOINTS = [(0, "-low"), (34, "-tall")]  # noqa: RUF012

    def body(self) -> ComposeResult:
        """From top to bottom; of plan and log one is shown."""
        with Horizontal(id="facts"):
            yield GpuCard(id="gpu")
            yield MachineCard(id="machine")
            yield InstalledCard(id="installed")
        with Horizontal(id="more-facts"):
            yield EnvironmentCard(id="home-environment")
            yield ModelCard(id="home-model")
            yield ProfileCard(id="home-profile")
        with Horizontal(id="middle"):
            with Vertical():
                yield AddressCard(id="address")
                yield PlanPane(id="plan")
                yield LogPane(id="log")
            yield QrPane(id="qr")
        yield ProgressLine(id="progress")
        yield WaysLine(WAYS, id="ways")

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
        if key in WAYS:
            return key.meaning if screen_of(key) in SCREENS else None
        return meanings(self.home).get(key.action, key.meaning)

    def _redraw(self) -> None:
        planning = (self.home.missing > 0 or self.home.blocked) and self.home.stage in ("ready", "asked")
        self.query_one(PlanPane).display = planning
        self.query_one(LogPane).display = not planning
        for widget in self.query(f"{_CARDS}, PlanPane, ProgressLine"):
            widget.show(self.home, self.say)  # type: ignore[attr-defined]
        self.query_one(WaysLine).show(self.say, self.meaning)
        self.rekey()

    def action_go(self) -> None:
        """Enter: look again, show the plan, confirm it, start: whatever comes next."""
        home, survey = self.home, self.home.survey
        if home.stage not in ("ready", "asked", "failed"):
            return
        if home.offer is not None:
            self._begin(home.offer.survey)
        elif survey is None or home.blocked:
            self.home = Home()
            self._jobs.survey()
        elif home.missing and home.stage != "asked":
            self.home = replace(home, stage="asked", error=None)
        else:
            self._begin(survey)

    def action_take(self) -> None:
        """What is offered instead: at once, or after what runs has been stopped."""
        if self.home.offer is None or self.home.stage not in ("serving", "starting", "failed"):
            return
        if self.home.stage == "failed":
            self.action_go()
        else:
            self.home = state.stopping(self.home, self.home.offer.survey)
            self._jobs.stop()

    def action_again(self) -> None:
        """As it was, though another way is offered."""
        self.home = replace(self.home, offer=None)
        if self.home.stage == "failed":
            self.action_go()

    @on(ProfileChosen)
    def _profile_chosen(self, message: ProfileChosen) -> None:
        home = self.home
        if home.stage in ("serving", "starting"):
            self.home = state.stopping(home, message.profile)
            self._jobs.stop()
        elif home.stage in ("ready", "asked", "failed"):
            self.home = Home()
            self._jobs.choose(message.profile)
        else:
            self.gesso.tell(t("Something is under way here: choose again when it is done."), severity="warning")

    def action_back(self) -> None:
        """Esc: the plan is not carried out."""
        if self.home.stage == "asked":
            self.home = replace(self.home, stage="ready")

    def action_stop(self) -> None:
        """The install is interrupted (the next one continues it), the runtime is ended."""
        if self.home.stage == "installing":
            self._jobs.cancel("install")
        elif self.home.busy:
            self._jobs.stop()
        else:
            return
        self.home = state.stopping(self.home)

    def action_open(self) -> None:
        """The page in the browser."""
        if self.home.stage == "serving" and not self._core.open_page(self.home.url):
            from launcher.tui.browser import way_in

            self._note("info", way_in(self.home.url, self.home.network, os.environ))

    def action_qr(self) -> None:
        """The address for a phone, large."""
        from launcher.tui.screens.qr import QrScreen

        if self.home.network:
            self.app.push_screen(QrScreen(self.home.network, self.say, login=self.home.login in ("made", "own")))

    def action_way(self, name: str) -> None:
        """Another screen."""
        if name in SCREENS:
            self.gesso.go(name)

    def action_leave(self) -> None:
        """Leave, after asking what becomes of what runs."""
        choices = {"keep": t("Leave it running"), "stop": t("Stop it and leave"), "stay": t("Stay here")}
        question = t("Stable Diffusion is running. What shall become of it?")
        if self.home.then is not None or "choose" in self._jobs.running:
            choices = {"stay": t("Stay here"), "drop": t("Leave, and start nothing")}
            question = t("What ran is being stopped, and another start is to follow. Leaving now, it is not started.")
        elif not (self.home.ours and self.home.busy):
            self._go_away()
            return
        elif self.home.stage == "installing":
            del choices["keep"]
            question = t("The installation is not finished. It can be continued later.")
        self.app.push_screen(LeaveScreen(question, choices, self.say), self._leave)

    def _leave(self, choice: str | None) -> None:
        if choice in ("keep", "drop"):
            self._go_away()
        elif choice == "stop":
            self._leaving = True
            self.action_stop()
