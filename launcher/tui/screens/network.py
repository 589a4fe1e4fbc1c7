"""The mirrors: where files come from, how fast each place is here, and which one counts."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from launcher.core.errors import LauncherError
from launcher.core.text import Text, t
from launcher.tui import network_state
from launcher.tui.asks_network import MirrorsSeen, NetworkAsks
from launcher.tui.jobs import Jobs
from launcher.tui.messages import Done, Failed, Finished, Happened
from launcher.tui.network_state import KINDS, Network
from launcher.tui.screens.ask import AskScreen, Question
from launcher.tui.speaking import KeyOf, SpeakingScreen
from launcher.tui.untrusted import plain
from launcher.tui.widgets.row_table import Column, RowTable

if TYPE_CHECKING:
    from launcher.core.network.mirrors import Kind

#: from so many columns on there is room for all that is known
_WIDE = 110


class NetworkScreen(SpeakingScreen[None]):
    """Draws from one frozen state; what takes longer than a moment is a job."""

    heading = t("Network: where files come from")
    about = (
        t(
            "Every file that Gesso needs lies at several places. What is fetched is checked by its hash wherever it "
            "comes from, so the fastest place is as good as the official one."
        ),
        t(
            "Measuring asks each place for the first megabyte of the very file that this computer needs, all at once. "
            "The row with ● counts; if it fails, a place of another group is asked."
        ),
        t("Enter takes the row for good, m lets measurements decide again, a is for an address of your own."),
    )
    keys = (
        KeyOf("t", "test", t("Measure")),
        KeyOf("enter", "use", t("Use")),
        KeyOf("a", "own", t("Address")),
        KeyOf("m", "measured", t("Automatic")),
        KeyOf("p", "proxy", t("Proxy"), in_line=False),
        KeyOf("d", "limit", t("Limit"), in_line=False),
        KeyOf("f", "filter", t("Kind"), in_line=False),
        KeyOf("s", "sort", t("Order"), in_line=False),
    )
    network: reactive[Network] = reactive(Network(), init=False)

    def __init__(self) -> None:
        super().__init__()
        self._jobs = Jobs(self)

    @property
    def _asks(self) -> NetworkAsks:
        return self.gesso.ask(NetworkAsks)

    def body(self) -> ComposeResult:
        """What is shown of what, the table, and what there is to know of the row."""
        yield Static(id="network-shown")
        yield RowTable(id="mirrors")
        yield Static(id="network-about")

    def on_mount(self) -> None:
        """Look first; nobody on the network is asked before the user says so."""
        super().on_mount()
        self._jobs.start("look", lambda _: self._asks.look())
        self.query_one(RowTable).focus()

    def on_unmount(self) -> None:
        """Nobody waits for the mirrors any longer."""
        self._jobs.cancel()

    def on_resize(self) -> None:
        """More columns or fewer."""
        self._redraw()

    def watch_network(self) -> None:
        """The state has changed."""
        self._redraw()

    def retell(self) -> None:
        """The table too."""
        super().retell()
        self._redraw()

    def meaning(self, key: KeyOf) -> Text | None:
        """While it is measured only the end of that can be asked for."""
        if key.action == "test":
            return t("Stop measuring") if self.network.measuring else key.meaning
        if key.action in ("use", "own", "measured", "limit"):
            return None if self.network.seen is None or self.network.measuring else key.meaning
        return key.meaning

    def _redraw(self) -> None:
        wide = self.size.width >= _WIDE
        # What is left of the others, so that nothing is pushed out of sight.
        rest = max(16, self.size.width - (86 if wide else 58))
        titles = [("kind", t("for"), 15), ("name", t("place"), 14), ("group", t("group"), 13),
                  ("speed", t("speed"), 10), ("delay", t("delay"), 8), ("fared", t("how it fared"), rest),
                  ("when", t("measured"), 12)]  # fmt: skip
        shown = [each for each in titles if wide or each[0] not in ("group", "when")]
        columns = [Column(key, self.say(title), width) for key, title, width in shown]
        self.query_one(RowTable).show(columns, network_state.lines(self.network, self.say, wide=wide))
        shown_line = self.query_one("#network-shown", Static)
        shown_line.update(Content(plain(self.say(network_state.headline(self.network)))))
        shown_line.set_class(self.network.error is not None, "-wrong")
        self._explain()
        self.rekey()

    def _explain(self) -> None:
        said = network_state.about(self.network, self.query_one(RowTable).picked)
        self.query_one("#network-about", Static).update(
            Content("\n").join(Content(plain(self.say(each))) for each in said)
        )

    @on(RowTable.Moved)
    def _moved(self) -> None:
        self._explain()

    # What the jobs say

    @on(Happened)
    def _happened(self, message: Happened) -> None:
        self.network = network_state.after(self.network, message.inbox.take())

    @on(Done)
    def _done(self, message: Done) -> None:
        if isinstance(message.value, MirrorsSeen):
            self.network = replace(self.network, seen=message.value, error=None)

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        if message.error.code == "interrupted":
            # What was measured before it was stopped counts.
            self._jobs.start("look", lambda _: self._asks.look())
        else:
            self.network = replace(self.network, error=message.error)

    @on(Finished)
    def _finished(self, message: Finished) -> None:
        self._jobs.ended(message.name)
        if message.name == "measure":
            self.network = network_state.rested(self.network)

    # What the keys do

    def action_test(self) -> None:
        """Measure what is shown, or stop that."""
        if self.network.measuring:
            self._jobs.cancel("measure")
        else:
            kinds = (self.network.kind,) if self.network.kind else tuple(KINDS)
            self.network = network_state.begun(self.network)
            self._jobs.start("measure", partial(self._asks.measure, kinds))

    @on(RowTable.Taken)
    def action_use(self) -> None:
        """The row under the cursor, for good."""
        found = self.network.at(self.query_one(RowTable).picked)
        if found is not None and not self.network.measuring:
            table, mirror = found
            # An address of the user's own stands in the list under its host.
            own = mirror.group.startswith("own:") and mirror.url is not None
            self._use(table.kind, mirror.url if own else mirror.name)

    def action_measured(self) -> None:
        """Measurements decide for this kind."""
        if (found := self.network.at(self.query_one(RowTable).picked)) and not self.network.measuring:
            self._use(found[0].kind, None)

    def action_own(self) -> None:
        """An address for the kind of the row."""
        found = self.network.at(self.query_one(RowTable).picked)
        if found is None or self.network.measuring:
            return
        kind = found[0].kind
        question = Question(
            t("An address of your own for {kind}", kind=KINDS[kind]),
            t("It begins with https://, and everything of this kind is asked for there, and nowhere else."),
            partial(self._asks.check, kind),
            example="https://",
        )
        self.app.push_screen(AskScreen(question, self.say), lambda answer: self._use(kind, answer) if answer else None)

    def action_limit(self) -> None:
        """How fast all downloads together may be."""
        if self.network.seen is None or self.network.measuring:
            return
        question = Question(
            t("How fast may Gesso download?"),
            t("In KiB per second, for everything together; empty: as fast as it goes. 1024 is 1 MiB per second."),
            _whole,
            value=str(self.network.seen.limit_kib or ""),
        )
        self.app.push_screen(AskScreen(question, self.say), self._limit)

    def action_filter(self) -> None:
        """The next kind alone."""
        self.network = network_state.filtered(self.network)

    def action_sort(self) -> None:
        """The next order."""
        self.network = network_state.sorted_next(self.network)

    def action_proxy(self) -> None:
        """The other half of the network."""
        self.gesso.go("proxy")

    def _use(self, kind: Kind, wanted: str | None) -> None:
        self._jobs.start("change", lambda _: self._asks.use(kind, wanted))

    def _limit(self, answer: str | None) -> None:
        if answer is not None:
            self._jobs.start("change", lambda _: self._asks.limit(int(answer or 0) or None))


def _whole(text: str) -> None:
    if text and not (text.isascii() and text.isdigit()):
        raise LauncherError("not-a-number", t("A whole number is needed here, 0 or more."), t("Such as 2048."))
