"""The handbook: every failure and every word, searched as one types; it needs no network."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Input, Static

from launcher.core.handbook.entries import Entry
from launcher.core.handbook.search import search
from launcher.core.text import Text, t
from launcher.tui.asks_trouble import HandbookAsks
from launcher.tui.jobs import Jobs
from launcher.tui.messages import Done, Failed, Finished
from launcher.tui.speaking import KeyOf, SpeakingScreen
from launcher.tui.widgets.reading import Reading, numbered, said
from launcher.tui.widgets.row_table import Column, Line, RowTable

_SORTS: dict[str, Text] = {"failure": t("failure"), "harmless": t("harmless"), "term": t("word")}


class HandbookScreen(SpeakingScreen[None]):
    """What is typed is looked for at once; the arrows go from page to page meanwhile."""

    heading = t("Handbook")
    about = (
        t("Type a word, or a part of the message that you see: VRAM, VAE, out of memory, port …"),
        t("The arrows go from page to page while you type; Page Down reads on, Esc empties the field, then goes back."),
    )
    keys = (
        KeyOf("up", "page_before", t("Entry before"), "↑"),
        KeyOf("down", "next_page", t("Next entry"), "↓"),
        KeyOf("pagedown", "read_on", t("Read on"), "Page Down"),
        KeyOf("pageup", "read_back", t("Read back"), "Page Up", in_line=False),
    )
    found: reactive[tuple[Entry, ...]] = reactive((), init=False)

    def __init__(self, first: str = "") -> None:
        """`first`: the name of the page to begin with."""
        super().__init__()
        self._first, self._entries, self._jobs = first, tuple[Entry, ...](), Jobs(self)

    def body(self) -> ComposeResult:
        """What is looked for, what was found, the page."""
        yield Input(id="asked", compact=True)
        yield Static(id="handbook-sum")
        yield RowTable(id="pages")
        yield Reading(id="page")

    def on_mount(self) -> None:
        """The rules are read where nobody waits for it."""
        super().on_mount()
        self.query_one(Input).focus()
        read = self.gesso.ask(HandbookAsks).read
        self._jobs.start("read", lambda _: read())

    def on_unmount(self) -> None:
        """Nothing is waited for."""
        self._jobs.cancel()

    def retell(self) -> None:
        """The pages too."""
        super().retell()
        self.query_one(Input).placeholder = self.say(t("What are you looking for?"))
        self._redraw()

    def on_resize(self) -> None:
        """The titles take what room there is."""
        self._redraw()

    def watch_found(self) -> None:
        """Other pages."""
        self._redraw()

    @on(Done)
    def _done(self, message: Done) -> None:
        self._entries = message.value
        self._look()
        if self._first:
            self.query_one(RowTable).pick(self._first)
            self._redraw_page()

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        self.query_one(Reading).show("", [said(self.say(each)) for each in (message.error.message, message.error.hint)])

    @on(Finished)
    def _finished(self, message: Finished) -> None:
        self._jobs.ended(message.name)
        self._redraw()

    @on(Input.Changed)
    def _look(self) -> None:
        found = tuple(search(self._entries, self.query_one(Input).value))
        self.found = found
        if found:
            self.query_one(RowTable).move_cursor(row=0)

    def _redraw(self) -> None:
        columns = [
            Column("sort", self.say(t("Kind")), 10),
            Column("title", self.say(t("What")), max(20, self.size.width - 18)),
        ]
        lines = [Line(each.name, (self.say(_SORTS[each.sort]), self.say(each.title.text()))) for each in self.found]
        self.query_one(RowTable).show(columns, lines)
        count = t("{count} pages", count=len(self.found)) if self._entries else t("Looking …")
        none = t("Nothing has these words; fewer of them find more.")
        self.query_one("#handbook-sum", Static).update(self.say(none if self._entries and not self.found else count))
        self._redraw_page()

    @on(RowTable.Moved)
    def _redraw_page(self) -> None:
        picked = self.query_one(RowTable).picked
        entry = next((each for each in self.found if each.name == picked), None)
        if entry is not None:
            self.query_one(Reading).show(self.say(entry.title.text()), self._page(entry))
        elif self._entries:
            self.query_one(Reading).show("", ())

    def _page(self, entry: Entry) -> list[Content]:
        lines = [said(self.say(each)) for each in entry.paragraphs()]
        lines += numbered(self.say(step.text()) for step in entry.steps)
        if entry.mend:
            lines.append(said(self.say(t("Gesso can do this by one key, where it has found it.")), "bold"))
        lines += [said(link, "$text-accent") for link in entry.links]
        also = ", ".join(each for each in entry.also if entry.sort == "term")
        return [*lines, said(self.say(t("Also: {words}", words=also)), "$text-muted")] if also else lines

    def action_next_page(self) -> None:
        """The field stays where one types."""
        self.query_one(RowTable).action_cursor_down()

    def action_page_before(self) -> None:
        """Likewise."""
        self.query_one(RowTable).action_cursor_up()

    def action_read_on(self) -> None:
        """Further down the page."""
        self.query_one(Reading).scroll_page_down(animate=False)

    def action_read_back(self) -> None:
        """Further up the page."""
        self.query_one(Reading).scroll_page_up(animate=False)

    def action_back(self) -> None:
        """Esc: first what is typed."""
        field = self.query_one(Input)
        if field.value:
            field.value = ""
        else:
            super().action_back()
