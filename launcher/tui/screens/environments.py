"""The environments: what each holds and takes, which one is current, and the ways back."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from launcher.amounts import in_bytes
from launcher.core.environments.listing import Listed
from launcher.core.install.repair import Health
from launcher.core.text import Text, moment, t
from launcher.tui.asks_environments import EnvironmentsAsks, EnvironmentsSeen
from launcher.tui.jobs import Job
from launcher.tui.messages import Done
from launcher.tui.screens.leave import LeaveScreen
from launcher.tui.speaking import KeyOf
from launcher.tui.untrusted import plain
from launcher.tui.widgets.row_table import Column, Line, RowTable
from launcher.tui.widgets.work_line import WorkLine
from launcher.tui.working import WorkingScreen

_STATES: dict[str, Text] = {
    "current": t("current"), "previous": t("the one before"), "kept": t("kept"), "unusable": t("unusable"),
    "unfinished": t("unfinished"),
}  # fmt: skip
_BROKEN_SHOWN = 4


class EnvironmentsScreen(WorkingScreen):
    """A table; what changes something asks first."""

    heading = t("Environments")
    about = (
        t("An environment holds one PyTorch and the engine's packages. A new one is built beside the old one, proves "
          "itself by drawing, and only then takes its place; the one before is one key away."),
        t("What two environments share lies on the disk once: removing one frees what it has for itself."),
        t("Check compares every file with what its package brought; repair builds the very same again beside it."),
    )  # fmt: skip
    keys = (
        KeyOf("enter", "switch", t("Make it current")),
        KeyOf("b", "rollback", t("Back to the one before")),
        KeyOf("h", "check", t("Check")),
        KeyOf("f", "repair", t("Repair")),
        KeyOf("n", "create", t("New")),
        KeyOf("delete,x", "remove", t("Remove"), "x"),
        KeyOf("r", "look", t("Look again"), in_line=False),
        KeyOf("c", "cancel", t("Cancel")),
    )
    seen: reactive[EnvironmentsSeen] = reactive(EnvironmentsSeen((), None), init=False)

    def __init__(self) -> None:
        super().__init__()
        #: of those that were checked
        self._health: dict[Path, Health] = {}

    def body(self) -> ComposeResult:
        """Table, details, work."""
        yield RowTable(id="environments")
        yield Static(id="environment")
        yield WorkLine()

    def on_mount(self) -> None:
        """Look at once."""
        self._asks = self.gesso.ask(EnvironmentsAsks)
        super().on_mount()
        self.query_one(RowTable).focus()
        self.action_look()

    def on_resize(self) -> None:
        """The names take what room there is."""
        self._redraw()

    def watch_seen(self) -> None:
        """Another look."""
        self._redraw()

    def retell(self) -> None:
        """The table's words too."""
        super().retell()
        self._redraw()

    def meaning(self, key: KeyOf) -> Text | None:
        """What can be done with the one under the cursor, while nothing else is done."""
        busy, one = self.busy, self._picked
        can = {
            "cancel": busy,
            "switch": not busy and one is not None and one.state in ("previous", "kept"),
            "rollback": not busy and any(each.state == "previous" for each in self.seen.listed),
            "check": not busy and one is not None and one.stamp is not None,
            "repair": not busy and one is not None and one.folder in self._health,
            "remove": not busy and one is not None and one.state != "current",
            "create": not busy,
            "look": not busy,
        }
        return key.meaning if can.get(key.action, True) else None

    @property
    def _picked(self) -> Listed | None:
        name = self.query_one(RowTable).picked
        return next((each for each in self.seen.listed if each.folder.name == name), None)

    def _redraw(self) -> None:
        wide = max(12, self.size.width - 66)
        titles = (("name", t("Environment"), wide), ("state", t("State"), 14), ("torch", Text("PyTorch"), 14),
                  ("python", Text("Python"), 7), ("size", t("Size"), 8), ("shared", t("shared"), 8))  # fmt: skip
        columns = [Column(key, self.say(title), width) for key, title, width in titles]
        self.query_one(RowTable).show(columns, [self._line(each) for each in self.seen.listed])
        self._redraw_details()

    def _line(self, one: Listed) -> Line:
        stamp = one.stamp
        cells = (
            one.folder.name, self.say(_STATES[one.state]), stamp.torch if stamp else "-",
            stamp.python if stamp else "-", in_bytes(one.size.total), in_bytes(one.size.shared),
        )  # fmt: skip
        style = {"current": "bold", "unusable": "yellow", "unfinished": "yellow"}.get(one.state, "")
        return Line(one.folder.name, cells, style)

    @on(RowTable.Moved)
    def _redraw_details(self) -> None:
        said = [plain(self.say(line)) for line in self._details()]
        self.query_one("#environment", Static).update(Content("\n".join(said)))
        self.rekey()

    def _details(self) -> list[Text]:
        one, drift = self._picked, self.seen.drift
        if one is None and "look" in self.jobs.running:
            return [t("Looking …")]
        if one is None:
            return [t("There is no environment yet: Enter on the home screen makes one.")]
        said = []
        if one.stamp:
            said.append(
                t("Proven {when}, from {source}", when=moment(one.stamp.verified_at), source=one.stamp.source or "-")
            )
        if one.folder in self._health:
            said += _told(self._health[one.folder])
        if one.state == "current" and drift and drift.changes:
            said.append(t("Since the engine last started well ({when}):", when=moment(drift.since)))
            said += [change.sentence for change in drift.changes]
        return said

    # What the jobs say

    @on(Done)
    def _done(self, message: Done) -> None:
        line, value = self.line, message.value
        if isinstance(value, EnvironmentsSeen):
            self.seen = value
            return
        if isinstance(value, Health) and (one := self._picked):
            self._health[one.folder] = value
        ends = {
            "check": t("Checked."), "repair": t("It is built again, and proven."), "remove": t("It is removed."),
            "switch": t("It counts from the next start on."), "rollback": t("It counts from the next start on."),
            "create": t("It is made and proven; Enter makes it current."),
        }  # fmt: skip
        line.end(self.say, ends[message.name])

    def ended(self, name: str) -> None:
        """Look again where something has changed."""
        self._redraw_details()
        if name in ("repair", "create", "switch", "rollback", "remove"):
            self.jobs.start("look", lambda _: self._asks.look())

    # What the keys do

    def _agreed(self, question: Text, yes: Text, then: partial[None]) -> None:
        """Asks first."""

        def answered(answer: str | None) -> None:
            if answer == "yes":
                then()

        self.app.push_screen(LeaveScreen(question, {"yes": yes, "stay": t("Leave it as it is")}, self.say), answered)

    def action_look(self) -> None:
        """Measure the folders again."""
        if not self.busy:
            self.jobs.start("look", lambda _: self._asks.look())

    @on(RowTable.Taken)
    def action_switch(self) -> None:
        """The one under the cursor becomes the current one."""
        one = self._picked
        if one is not None and one.state in ("previous", "kept"):
            self.begin("switch", t("Switching …"), lambda _: self._asks.switch(one.folder))

    def action_rollback(self) -> None:
        """One key back."""
        self.begin("rollback", t("Switching …"), lambda _: self._asks.rollback())

    def action_check(self) -> None:
        """Every file against its package's list."""
        if one := self._picked:
            title = t("Checking {name} …", name=one.folder.name)
            self.begin("check", title, lambda cancel: self._asks.check(one.folder, cancel))

    def action_repair(self) -> None:
        """The same again, beside it."""
        one = self._picked
        if one is not None and one.folder in self._health:
            job: Job = partial(self._asks.repair, one.folder, self._health[one.folder])
            then = partial(self.begin, "repair", t("Repairing {name} …", name=one.folder.name), job)
            self._agreed(t("Shall the same environment be built again beside it?"), t("Build it"), then)

    def action_create(self) -> None:
        """As the plan of today says."""
        then = partial(self.begin, "create", t("Making an environment …"), self._asks.create)
        self._agreed(t("Make another environment beside the others, as the plan says?"), t("Make it"), then)

    def action_remove(self) -> None:
        """Frees what it has for itself."""
        one = self._picked
        if one is not None and one.state != "current":
            freed = in_bytes(one.size.total - one.size.shared)
            question = t("Remove {name}? {freed} become free.", name=one.folder.name, freed=freed)
            job: Job = lambda _: self._asks.remove(one.folder)  # noqa: E731 - typed
            self._agreed(question, t("Remove it"), partial(self.begin, "remove", t("Removing …"), job))


def _told(health: Health) -> list[Text]:
    """What a check found."""
    if health.whole:
        return [t("Every file is as its package brought it.")]
    said = [t("Its Python is gone: {python}", python=health.python_gone)] if health.python_gone else []
    said += [t("{file} of {package} is broken", file=each.file, package=each.package)
             for each in health.broken[:_BROKEN_SHOWN]]  # fmt: skip
    said += [t("{package} is another version, or gone", package=each.name) for each in health.differing[:_BROKEN_SHOWN]]
    more = len(health.broken) + len(health.differing) - 2 * _BROKEN_SHOWN
    return [*said, t("… and {count} more", count=more)] if more > 0 else said
