"""The report to attach to a question: everything that would be in it, shown before it is written."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.reactive import reactive

from launcher.amounts import in_bytes
from launcher.core.report.report import Report
from launcher.core.text import Text, t
from launcher.tui.asks_trouble import ReportAsks
from launcher.tui.messages import Done
from launcher.tui.screens.ask import Question
from launcher.tui.speaking import KeyOf
from launcher.tui.untrusted import plain
from launcher.tui.widgets.reading import Reading, said
from launcher.tui.widgets.row_table import Column, Line, RowTable
from launcher.tui.widgets.work_line import WorkLine
from launcher.tui.working import WorkingScreen


class ReportScreen(WorkingScreen):
    """A table of the files in it, and the whole text of the one under the cursor."""

    heading = t("Report")
    about = (
        t("One file to attach to a question: what there is on this computer and what went wrong."),
        t("Your name, the home folder, addresses, passwords and tokens are taken out where they are recognised; "
          "prompts, names of models and folders and other people's names are not. Look it through: what you see here "
          "is exactly what will be written, and nothing is sent to anybody."),
    )  # fmt: skip
    keys = (
        KeyOf("s", "save", t("Write it")),
        KeyOf("r", "gather", t("Gather again")),
        KeyOf("space", "scroll", t("Read on")),
        KeyOf("c", "cancel", t("Cancel")),
    )
    report: reactive[Report | None] = reactive(None, init=False)

    def body(self) -> ComposeResult:
        """The files, the text, work."""
        yield RowTable(id="parts")
        yield Reading(id="part")
        yield WorkLine()

    def on_mount(self) -> None:
        """Gather at once: nothing is written by that."""
        self._asks = self.gesso.ask(ReportAsks)
        super().on_mount()
        self.query_one(RowTable).focus()
        self.action_gather()

    def on_resize(self) -> None:
        """The texts take what room there is."""
        self._redraw()

    def watch_report(self) -> None:
        """It is there."""
        self._redraw()

    def retell(self) -> None:
        """The table's words too."""
        super().retell()
        self._redraw()

    def meaning(self, key: KeyOf) -> Text | None:
        """Written is what was gathered."""
        can = {"save": not self.busy and self.report is not None, "gather": not self.busy, "cancel": self.busy}
        return key.meaning if can.get(key.action, True) else None

    def _redraw(self) -> None:
        columns = [Column("name", self.say(t("File")), 28), Column("size", self.say(t("Size")), 8),
                   Column("what", self.say(t("What")), max(20, self.size.width - 44))]  # fmt: skip
        parts = self.report.parts if self.report else ()
        lines = [Line(each.name, (each.name, in_bytes(each.size), self.say(each.what))) for each in parts]
        self.query_one(RowTable).show(columns, lines)
        self._redraw_text()

    @on(RowTable.Moved)
    def _redraw_text(self) -> None:
        picked = self.query_one(RowTable).picked
        part = next((each for each in self.report.parts if each.name == picked), None) if self.report else None
        self.query_one(Reading).show(plain(part.name) if part else "", [said(part.text)] if part else [])
        self.rekey()

    @on(Done)
    def _done(self, message: Done) -> None:
        if isinstance(message.value, Report):
            self.report = message.value
            self.line.end(self.say, t("This would be written, and nothing else. s writes it."))
        else:
            self.line.end(self.say, t("The report is in {path}", path=message.value))

    def action_gather(self) -> None:
        """Reads everything anew."""
        self.begin("gather", t("Gathering what there is …"), self._asks.gather)

    @on(RowTable.Taken)
    def action_save(self) -> None:
        """Where to is shown and may be changed."""
        report = self.report
        if report is None or self.busy:
            return
        hint = t("A new zip file; nothing is ever written over.")
        question = Question(t("Write the report to …"), hint, lambda _: None, value=self._asks.free_path())
        self.ask_for(
            question, lambda path: self.begin("save", t("Writing …"), lambda _: self._asks.write(report, path))
        )

    def action_scroll(self) -> None:
        """The text, without leaving the table."""
        self.query_one(Reading).scroll_page_down(animate=False)
