"""Step: which places the files come from, measured while one looks on, and proxies."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from launcher.core.errors import LauncherError
from launcher.core.events import Event
from launcher.core.network.mirror_choice import Choice as Mirrored
from launcher.core.network.mirrors import TITLES
from launcher.core.setup.course import ABOUT
from launcher.core.setup.network import Network, network_question
from launcher.core.text import Text, t
from launcher.core.web_address import shown
from launcher.tui.asks_setup import Course
from launcher.tui.jobs import Cancel
from launcher.tui.messages import Done, Happened
from launcher.tui.screens.setup import GO, SetupScreen
from launcher.tui.speaking import KeyOf
from launcher.tui.state import Survey
from launcher.tui.untrusted import plain
from launcher.tui.widgets.card import Say
from launcher.tui.widgets.choices import ChoiceList
from launcher.tui.widgets.mirror_bars import MirrorBars


@dataclass(frozen=True)
class _Measured:
    survey: Survey
    choices: tuple[Mirrored, ...]


class NetworkScreen(SetupScreen):
    """Enter goes on at any time: what was not measured by then is measured when it is needed."""

    step = "network"
    about = ABOUT["network"]
    keys = (*SetupScreen.keys, KeyOf("r", "again", t("Measure again")))

    def __init__(self, course: Course) -> None:
        super().__init__(course)
        self._network: Network | None = None
        self._decided: tuple[Mirrored, ...] = ()

    def parts(self) -> ComposeResult:
        """Proxies, bars, what was decided; a question only where there is one."""
        yield Static(id="said")
        yield MirrorBars(id="bars")
        yield Static(id="decided")
        yield ChoiceList(id="choices")

    def on_mount(self) -> None:
        """Proxies first: everything else may go through them."""
        super().on_mount()
        self._measure()

    def _measured(self, cancel: Cancel) -> Generator[Event, None, _Measured]:
        # The plan says which files are to be asked for; after a restart nobody has looked yet.
        survey = self.course.survey or self.asks.look(self.course.workspace)
        choices = yield from self.asks.measure(self.course.workspace, survey.plan, cancel)
        return _Measured(survey, choices)

    def _measure(self) -> None:
        self.trouble(None)
        self.jobs.start("proxies", lambda _: self.asks.proxies(self.course.workspace))

    def retell(self) -> None:
        """All of it."""
        super().retell()
        network = self._network
        self.tell_lines([t("Looking for proxies …")] if network is None else _proxy_lines(network))
        self.query_one(MirrorBars).show(self.say)
        decided: list[Text | Content] = [_decided(each, self.say) for each in self._decided]
        self.tell_lines(decided, "#decided")
        question, choices = network_question(network) if network else None, self.query_one(ChoiceList)
        choices.display = question is not None
        if question:
            choices.show(question, self.say)

    def meaning(self, key: KeyOf) -> Text | None:
        """While it is measured Enter does not wait."""
        if key == GO and self.jobs.running:
            return t("Go on without waiting")
        if key.action == "again" and not self._unanswered:
            return None
        return super().meaning(key)

    def action_go(self) -> None:
        """Keep the answer, if there was a question."""
        choices = self.query_one(ChoiceList)
        if choices.display and choices.chosen:
            try:
                self.asks.use_proxy(self.course.workspace, choices.chosen)
            except LauncherError as error:
                self.trouble(error)
                return
        self.forward()

    def action_again(self) -> None:
        """Where nobody has answered: ask once more, through the proxy that counts by now."""
        if self._unanswered:
            self._decided = ()
            self._measure()

    @property
    def _unanswered(self) -> bool:
        return not self.jobs.running and any(each.basis == "official" for each in self._decided)

    @on(Done)
    def _done(self, message: Done) -> None:
        if isinstance(message.value, Network):
            self._network = message.value
            self.jobs.start("measure", self._measured)
        elif isinstance(message.value, _Measured):
            self._decided = message.value.choices
            self.course = replace(self.course, survey=message.value.survey)
        self.retell()
        self.focus_what_is_there()

    @on(Happened)
    def _happened(self, message: Happened) -> None:
        bars = self.query_one(MirrorBars)
        bars.hear(message.inbox.take())
        bars.show(self.say)


def _proxy_lines(network: Network) -> list[Text | Content]:
    if network.proxy:
        found = t("Proxy: {proxy}", proxy=shown(network.proxy))
    else:
        found = t("Proxy: none is set, everything goes directly.")
    return [found, *network.problems]


def _decided(choice: Mirrored, say: Say) -> Content:
    return Content.assemble((say(t("{kind}: ", kind=TITLES[choice.kind])), "bold"), plain(say(choice.reason)))
