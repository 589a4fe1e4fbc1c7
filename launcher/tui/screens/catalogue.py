"""What can be downloaded: size, licence, card; chosen with the space bar, fetched in place, continued later."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from launcher.amounts import in_bytes
from launcher.core.models.catalogue import Entry
from launcher.core.text import Text, t
from launcher.model_words import UNUSED, licence
from launcher.tui.asks_models import ModelsAsks, Offer
from launcher.tui.messages import Done
from launcher.tui.models_table import KINDS
from launcher.tui.speaking import KeyOf
from launcher.tui.untrusted import plain
from launcher.tui.widgets.row_table import Column, Line, RowTable
from launcher.tui.widgets.work_line import WorkLine
from launcher.tui.working import WorkingScreen


class CatalogueScreen(WorkingScreen):
    """A table of offers; below it what should be known before the first byte."""

    heading = t("Models to download")
    about = (
        t("Files that the tutorials name, with their size, licence and the card that they are for. Each is compared "
          "with the hash that its publisher gives, wherever it comes from."),
        t("Space marks one, Enter downloads what is marked, or the one under the cursor. A download that was cancelled "
          "or cut goes on where it stopped."),
    )  # fmt: skip
    keys = (
        KeyOf("enter", "fetch", t("Download")),
        KeyOf("space", "mark", t("Mark"), "Space"),
        KeyOf("f", "all", t("Those for larger cards too")),
        KeyOf("c", "cancel", t("Cancel")),
    )
    offers: reactive[tuple[Offer, ...]] = reactive((), init=False)
    marked: reactive[frozenset[str]] = reactive(frozenset(), init=False)
    every: reactive[bool] = reactive(False, init=False)

    def body(self) -> ComposeResult:
        """Offers, what to know of one, work."""
        yield RowTable(id="offers")
        yield Static(id="offer")
        yield WorkLine()

    def on_mount(self) -> None:
        """Look what is there already."""
        self._asks = self.gesso.ask(ModelsAsks)
        super().on_mount()
        self.query_one(RowTable).focus()
        self.begin("look", t("Looking …"), self._asks.offers)

    def on_resize(self) -> None:
        """The names take what room there is."""
        self._redraw()

    def watch_offers(self) -> None:
        """Something has come."""
        self._redraw()

    def watch_marked(self) -> None:
        """Another mark."""
        self._redraw()

    def watch_every(self) -> None:
        """More, or fewer."""
        self._redraw()

    def retell(self) -> None:
        """The table's words too."""
        super().retell()
        self._redraw()

    def meaning(self, key: KeyOf) -> Text | None:
        """Nothing is begun while something is fetched."""
        busy = self.busy
        if key.action == "cancel":
            return key.meaning if busy else None
        if key.action == "all":
            return t("Only those for this card") if self.every else key.meaning
        return None if busy and key.action == "fetch" else key.meaning

    @property
    def _listed(self) -> tuple[Offer, ...]:
        return tuple(offer for offer in self.offers if self.every or offer.suits)

    @property
    def _picked(self) -> Offer | None:
        name = self.query_one(RowTable).picked
        return next((offer for offer in self.offers if offer.entry.sha256 == name), None)

    def _redraw(self) -> None:
        wide = max(16, self.size.width - 50)
        columns = (
            Column("mark", "", 3), Column("name", self.say(t("Model")), wide), Column("kind", self.say(t("Kind")), 12),
            Column("family", self.say(t("Family")), 7), Column("size", self.say(t("Size")), 8),
            Column("card", self.say(t("Card")), 8),
        )  # fmt: skip
        self.query_one(RowTable).show(columns, [self._line(offer) for offer in self._listed])
        self._redraw_offer()

    def _line(self, offer: Offer) -> Line:
        entry = offer.entry
        mark = "✓" if offer.have else "[x]" if entry.sha256 in self.marked else "[ ]"
        card = self.say(t("any")) if entry.vram_gib == 0 else f"≥ {entry.vram_gib} GB"
        kind = self.say(KINDS[entry.kind])
        return Line(entry.sha256, (mark, entry.stem, kind, entry.family, in_bytes(entry.bytes), card))

    @on(RowTable.Moved)
    def _redraw_offer(self) -> None:
        offer = self._picked
        said = [plain(self.say(line)) for line in _known(offer)] if offer else []
        chosen = [each.entry for each in self.offers if each.entry.sha256 in self.marked]
        if chosen:
            size = in_bytes(sum(entry.bytes for entry in chosen))
            said.append(self.say(t("Marked: {count}, {size}", count=len(chosen), size=size)))
        self.query_one("#offer", Static).update(Content("\n".join(said)))
        self.rekey()

    # What the jobs say

    @on(Done)
    def _done(self, message: Done) -> None:
        if isinstance(message.value, tuple):
            self.offers = message.value
            self.line.pause(self.say)
        else:
            self.marked = frozenset()
            self.line.end(self.say, t("Everything that was marked is there."))

    def ended(self, name: str) -> None:
        """What is there now."""
        if name == "fetch":
            self.jobs.start("look again", self._asks.offers)

    # What the keys do

    @on(RowTable.Taken)
    def action_fetch(self) -> None:
        """What is marked, else the one under the cursor."""
        entries: list[Entry] = [each.entry for each in self.offers if each.entry.sha256 in self.marked]
        picked = self._picked
        if not entries and picked is not None and not picked.have:
            entries = [picked.entry]
        if entries:
            self.begin("fetch", t("Downloading …"), lambda cancel: self._asks.fetch(entries, cancel))

    def action_mark(self) -> None:
        """To be downloaded with others."""
        if (offer := self._picked) and not offer.have:
            self.marked = self.marked ^ {offer.entry.sha256}

    def action_all(self) -> None:
        """For larger cards too, or not."""
        self.every = not self.every


def _known(offer: Offer) -> list[Text]:
    """Before the first byte: licence, remarks, where it goes."""
    entry = offer.entry
    said = [t("Licence: {licence}. It goes into {folder}.", licence=licence(entry), folder=entry.folder)]
    if entry.note:
        said.append(t(entry.note))
    if entry.kind in UNUSED:
        said.append(t("Gesso keeps it in its folder and does not use it yet."))
    if offer.have:
        said.append(t("It is there already."))
    elif not offer.suits:
        said.append(t("It is for a larger card than yours."))
    return said
