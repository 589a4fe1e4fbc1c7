"""What is wrong and how it is put right: findings of the logs, checks, mends with preview and undo."""

from __future__ import annotations

from dataclasses import replace

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from launcher.core.text import Text, t
from launcher.tui.asks_trouble import Found, TroubleAsks
from launcher.tui.log_store import DIAGNOSIS, GESSO
from launcher.tui.messages import Done, Happened
from launcher.tui.screens.handbook import HandbookScreen
from launcher.tui.screens.mending import MendingScreen
from launcher.tui.screens.report import ReportScreen
from launcher.tui.speaking import KeyOf
from launcher.tui.trouble_state import STATES, STYLES, Item, Trouble, only, told
from launcher.tui.untrusted import plain
from launcher.tui.widgets.reading import Reading, numbered, said
from launcher.tui.widgets.row_table import Column, Line, RowTable
from launcher.tui.widgets.work_line import WorkLine

#: jobs that look and change nothing: other work need not wait for them
LOOKING = frozenset({"findings", "checks"})
#: lines of the console that are looked through besides the logs
_LINES = 20_000


class TroubleshootingScreen(MendingScreen):
    """A table of what was found, and what is known of the row under the cursor."""

    heading = t("Troubleshooting")
    about = (
        t("First what the logs of this run and the one before show, the cause before what follows from it; then "
          "checks of everything that pictures need."),
        t("Enter mends what Gesso can mend: what would change is shown first, and u takes it back afterwards. What "
          "only you can do is said step by step; Tab goes to the text, the arrows scroll it."),
        t("The handbook explains every failure and every word; it works without a network. A report is one file to "
          "attach to a question, without names and passwords; it is shown before it is written."),
    )  # fmt: skip
    keys = (
        KeyOf("enter", "mend", t("Mend")),
        KeyOf("u", "undo", t("Undo")),
        KeyOf("h", "handbook", t("Handbook")),
        KeyOf("p", "report", t("Report")),
        KeyOf("r", "look", t("Look again"), in_line=False),
        KeyOf("space", "scroll", t("Read on"), in_line=False),
        KeyOf("c", "cancel", t("Cancel")),
    )
    trouble: reactive[Trouble] = reactive(Trouble(), init=False)

    def __init__(self) -> None:
        super().__init__()
        #: the logs that were heard of in this look
        self._logs: set[str] = set()
        #: the user has gone to another row than the first: from then on the cursor stays
        self._gone_to = False
        #: something was changed while it was looked
        self._look_again = False

    def body(self) -> ComposeResult:
        """What was found, its text, work."""
        yield Static(id="trouble-sum")
        yield RowTable(id="troubles")
        yield Reading(id="trouble-text")
        yield WorkLine()

    def on_mount(self) -> None:
        """Look at once."""
        self.asks = self.gesso.ask(TroubleAsks)
        super().on_mount()
        self.query_one(RowTable).focus()
        self.action_look()

    def on_resize(self) -> None:
        """The texts take what room there is."""
        self._redraw()

    @property
    def busy(self) -> bool:
        """Something is being changed."""
        return bool(self.jobs.running - LOOKING)

    def watch_trouble(self) -> None:
        """Something was found."""
        self._redraw()

    def retell(self) -> None:
        """The table's words too."""
        super().retell()
        self._redraw()

    def meaning(self, key: KeyOf) -> Text | None:
        """A mend where there is one, while nothing else is changed."""
        item = self._picked
        can = {
            "mend": not self.busy and item is not None and item.mend in self.asks.mends,
            "undo": not self.busy,
            "look": not self.busy and not self.jobs.running,
            "cancel": self.busy,
        }
        return key.meaning if can.get(key.action, True) else None

    @property
    def _picked(self) -> Item | None:
        key = self.query_one(RowTable).picked
        return next((each for each in self.trouble.items if each.key == key), None)

    def _redraw(self) -> None:
        wide = max(20, min(40, self.size.width // 3))
        columns = [Column("state", self.say(t("State")), 11), Column("title", self.say(t("What")), wide),
                   Column("short", self.say(t("Why")), max(20, self.size.width - wide - 21))]  # fmt: skip
        items = self.trouble.items
        table = self.query_one(RowTable)
        table.show(columns, [self._line(each) for each in items])
        if not self._gone_to and items:
            table.pick(items[0].key)
        self.query_one("#trouble-sum", Static).update(Content(plain(self.say(self._sum()))))
        self._redraw_text()

    def _line(self, item: Item) -> Line:
        cells = (self.say(STATES[item.state]), self.say(item.title), self.say(item.short).split("\n")[0])
        return Line(item.key, cells, STYLES.get(item.state, ""))

    def _sum(self) -> Text:
        trouble = self.trouble
        wrong, well = trouble.count("error", "warning", "wrong"), trouble.count("well")
        if self.jobs.running & LOOKING:
            return t("Looking … {wrong} to see to, {well} well so far", wrong=wrong, well=well)
        if not wrong:
            return t("Nothing is wrong: {well} checks are well, and the logs show no failure.", well=well)
        return t("{wrong} to see to, {well} well", wrong=wrong, well=well)

    @on(RowTable.Moved)
    def _moved(self) -> None:
        items, item = self.trouble.items, self._picked
        self._gone_to = self._gone_to or (item is not None and item != items[0])
        self._redraw_text()

    def _redraw_text(self) -> None:
        item, pane = self._picked, self.query_one(Reading)
        pane.show(plain(self.say(item.title)) if item else "", self._text(item) if item else ())
        self.rekey()

    def _text(self, item: Item) -> list[Content]:
        lines = [said(self.say(each)) for each in item.paragraphs]
        if item.mend in self.asks.mends:
            lines.append(said(self.say(t("Enter: Gesso can mend this; what would change is shown first.")), "bold"))
        steps = [self.say(step) for step in item.steps]
        lines += numbered(steps) if len(steps) > 1 else [said(f"→ {step}") for step in steps]
        return [*lines, *(said(link, "$text-accent") for link in item.links)]

    # What the jobs say

    @on(Happened)
    def _heard(self, message: Happened) -> None:
        """Findings and checks are rows; what a mend says is told in the line of the work."""
        if message.name not in LOOKING:
            return
        message.prevent_default()
        trouble = self.trouble
        for news in message.inbox.take():
            trouble = told(trouble, news)
            self._logs.update([news.log] if isinstance(news, Found) else [])
        self.trouble = trouble

    @on(Done)
    def _looked(self, message: Done) -> None:
        if message.name == "findings":
            self.trouble = only(self.trouble, self._logs)

    def mended(self, item: Item, number: int) -> None:
        """The log goes on telling of it."""
        self.trouble = replace(self.trouble, mended=(*self.trouble.mended, (item.key, number)))

    def undone(self, number: int) -> None:
        """The others stay mended."""
        self.trouble = replace(self.trouble, mended=tuple(each for each in self.trouble.mended if each[1] != number))

    def refused(self, item: Item, said: tuple[Text, ...]) -> None:
        """The row promises nothing more."""
        self.trouble = replace(self.trouble, refused=(*self.trouble.refused, (item.key, said)))

    def ended(self, name: str) -> None:
        """Look again where something has changed; a look that began before saw what was before."""
        if name in ("mend", "undo"):
            self._look_again = True
        if self._look_again and not self.jobs.running & LOOKING:
            self.action_look()
        self._redraw()

    # What the keys do

    def action_look(self) -> None:
        """Read the logs again, and ask every check."""
        self._look_again = False
        self.trouble = replace(self.trouble, refused=())
        store = self.gesso.log_store
        numbers = range(max(store.first, store.end - _LINES), store.end)
        lines = [store.text(n) for n in numbers if store.source(n) not in (GESSO, DIAGNOSIS, "runtime")]
        self._logs = set()
        self.jobs.start("findings", lambda cancel: self.asks.findings(lines, cancel))
        self.jobs.start("checks", lambda _: self.asks.checks())
        self._redraw()

    @on(RowTable.Taken)
    def action_mend(self) -> None:
        """Shows what would change; only then it is asked for."""
        item = self._picked
        if item is not None and item.mend in self.asks.mends:
            self.show_mend(item)

    def action_handbook(self) -> None:
        """At the page of what is under the cursor."""
        item = self._picked
        self.app.push_screen(HandbookScreen(item.slug if item else ""))

    def action_report(self) -> None:
        """It is shown before it is written."""
        self.app.push_screen(ReportScreen())

    def action_scroll(self) -> None:
        """The text, without leaving the table."""
        self.query_one(Reading).scroll_page_down(animate=False)
