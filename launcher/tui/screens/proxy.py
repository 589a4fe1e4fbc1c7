"""The proxy: what is set where, which of it counts, and which way each service goes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from launcher.core.errors import LauncherError
from launcher.core.text import Text, t
from launcher.tui.asks_network import ProxiesSeen, ProxyAsks
from launcher.tui.jobs import Jobs
from launcher.tui.messages import Done, Failed, Finished
from launcher.tui.network_state import KINDS
from launcher.tui.screens.ask import AskScreen, Question
from launcher.tui.speaking import KeyOf, SpeakingScreen
from launcher.tui.untrusted import plain
from launcher.tui.widgets.card import Say
from launcher.tui.widgets.row_table import Column, Line, RowTable

if TYPE_CHECKING:
    from launcher.core.network.proxy_check import Checked


@dataclass(frozen=True)
class Ways:
    """The whole state of the screen."""

    seen: ProxiesSeen | None = None
    #: None: not tried yet
    checked: tuple[Checked, ...] | None = None
    testing: bool = False
    error: LauncherError | None = None


class ProxyScreen(SpeakingScreen[None]):
    """Nobody is asked before the user says so; what is set is never changed anywhere but in Gesso's own settings."""

    heading = t("Network: the proxy")
    about = (
        t(
            "A proxy is another computer, or a program on this one such as Clash, through which everything goes out. "
            "Gesso takes what the environment or the system says, unless you choose here."
        ),
        t(
            "Each service goes the way that works: a mirror near you directly, the others through the proxy; a proxy "
            "that has died is gone round. What you choose here is not gone round."
        ),
    )
    keys = (
        KeyOf("t", "test", t("Try every way")),
        KeyOf("s", "set", t("Set one")),
        KeyOf("o", "offer", t("Take it")),
        KeyOf("x", "none", t("None at all")),
        KeyOf("m", "system", t("As the system says")),
    )
    ways: reactive[Ways] = reactive(Ways(), init=False)

    def __init__(self) -> None:
        super().__init__()
        self._jobs = Jobs(self)

    @property
    def _asks(self) -> ProxyAsks:
        return self.gesso.ask(ProxyAsks)

    def body(self) -> ComposeResult:
        """What is set over what goes which way."""
        with VerticalScroll(id="proxy-sources"):
            yield Static(id="proxy-said")
        yield RowTable(id="proxy-ways")

    def on_mount(self) -> None:
        """Look at what is set."""
        super().on_mount()
        self._jobs.start("look", lambda _: self._asks.look())
        self.query_one(RowTable).focus()

    def on_unmount(self) -> None:
        """Nobody waits any longer."""
        self._jobs.cancel()

    def watch_ways(self) -> None:
        """The state has changed."""
        self._redraw()

    def retell(self) -> None:
        """All of it."""
        super().retell()
        self._redraw()

    def meaning(self, key: KeyOf) -> Text | None:
        """What can be done now."""
        seen = self.ways.seen
        if key.action in ("test", "set", "offer", "none", "system") and (seen is None or self.ways.testing):
            return None
        if key.action == "offer":
            offers = seen.offers if seen else ()
            return t("Take 127.0.0.1:{port}", port=offers[0]) if offers else None
        if key.action == "system":
            return key.meaning if self._own else None
        return key.meaning

    @property
    def _own(self) -> bool:
        seen = self.ways.seen
        return seen is not None and any(each.source == "settings" for each in seen.proxies.sources)

    def _redraw(self) -> None:
        said = Content("\n").join(Content(plain(self.say(line))) for line in sources(self.ways))
        self.query_one("#proxy-said", Static).update(said)
        self.query_one("#proxy-sources").border_title = self.say(t("What is set where"))
        titles = [
            ("service", t("for")),
            ("way", t("goes")),
            ("direct", t("directly")),
            ("through", t("through the proxy")),
        ]
        columns = [Column(key, self.say(title)) for key, title in titles]
        self.query_one(RowTable).show(columns, services(self.ways, self.say))
        self.rekey()

    # What the jobs say

    @on(Done)
    def _done(self, message: Done) -> None:
        if isinstance(message.value, ProxiesSeen):
            # What was tried was tried with other settings.
            self.ways = Ways(message.value)
        elif message.name == "test":
            self.ways = replace(self.ways, checked=message.value, error=None)

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        self.ways = replace(self.ways, error=message.error)

    @on(Finished)
    def _finished(self, message: Finished) -> None:
        self._jobs.ended(message.name)
        if message.name == "test":
            self.ways = replace(self.ways, testing=False)

    # What the keys do

    def action_test(self) -> None:
        """Every service, directly and through the proxy, all at once."""
        if not self.ways.testing:
            self.ways = replace(self.ways, testing=True, checked=None, error=None)
            self._jobs.start("test", lambda _: self._asks.test())

    def action_set(self) -> None:
        """Gesso's own."""
        question = Question(
            t("A proxy for Gesso"),
            t(
                "Such as 127.0.0.1:7890, where Clash listens, or socks5://host:port; with a name and password: "
                "http://name:password@host:port. It is kept in Gesso's own settings alone."
            ),
            self._asks.check,
            example="127.0.0.1:7890",
        )
        self.app.push_screen(AskScreen(question, self.say), lambda answer: self._set(answer) if answer else None)

    def action_offer(self) -> None:
        """What listens on this computer."""
        if self.ways.seen and self.ways.seen.offers:
            self._set(f"127.0.0.1:{self.ways.seen.offers[0]}")

    def action_none(self) -> None:
        """Whatever the system says."""
        self._set("none")

    def action_system(self) -> None:
        """Gesso's own setting is taken back."""
        if self._own:
            self._set(None)

    def _set(self, address: str | None) -> None:
        if not self.ways.testing:
            self._jobs.start("change", lambda _: self._asks.set(address))


def sources(ways: Ways) -> list[Text]:
    """What is set where, line by line."""
    from launcher.proxy_words import source_lines

    said: list[Text] = []
    if ways.error is not None:
        said += [t("✗ {problem}", problem=ways.error.message), ways.error.hint]
    seen = ways.seen
    if seen is None:
        return said or [t("Looking …")]
    for source in seen.proxies.sources:
        said += source_lines(source, counts=source is seen.proxies.chosen)
    if not seen.proxies.sources:
        said.append(t("No proxy is set: everything goes directly."))
    if seen.direct:
        said.append(t("Always directly: {services}", services=", ".join(seen.direct)))
    if seen.offers:
        ports = ", ".join(f"127.0.0.1:{port}" for port in seen.offers)
        said.append(t("Something listens at {ports}; if it is your proxy, take it with o or s.", ports=ports))
    if ways.checked and not any(each.works for each in ways.checked):
        said.append(t("Nothing was reached: look whether this computer is online, or set a proxy with s."))
    return said


def services(ways: Ways, say: Say) -> list[Line]:
    """A row for each service."""
    if ways.seen is None:
        return []
    if ways.checked is not None:
        return [_tried(each, say) for each in ways.checked]
    waiting = say(t("trying …") if ways.testing else t("not tried yet"))
    return [
        Line(service, (_name(service, say), _planned(ways.seen, url, say), waiting, waiting))
        for service, url in ways.seen.services
    ]


def _tried(each: Checked, say: Say) -> Line:
    way = t("directly") if each.way.proxy is None else t("through the proxy")
    goes = say(t("{mark} {way}: {why}", mark="✓" if each.works else "✗", way=way, why=each.way.reason))
    through = say(each.through.sentence) if each.through else "-"
    return Line(each.service, (_name(each.service, say), goes, say(each.direct.sentence), through))


def _planned(seen: ProxiesSeen, url: str, say: Say) -> str:
    return say(t("through the proxy") if seen.proxies.of(url) else t("directly"))


def _name(service: str, say: Say) -> str:
    return next((say(title) for kind, title in KINDS.items() if kind == service), service)
