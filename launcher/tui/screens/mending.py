"""How a mend goes on a screen: shown, agreed to, done, looked at again, and taken back."""

from __future__ import annotations

from textual import on

from launcher.core.mends.journal import Done as DoneMend
from launcher.core.mends.journal import Mended
from launcher.core.mends.mend import Preview
from launcher.core.text import Text, moment, t
from launcher.tui.asks_trouble import TroubleAsks
from launcher.tui.jobs import Job
from launcher.tui.messages import Done, Failed
from launcher.tui.screens.leave import LeaveScreen
from launcher.tui.screens.mend import MendScreen
from launcher.tui.trouble_state import Item
from launcher.tui.working import WorkingScreen

#: mends that are offered to be taken back
_MOST = 8
#: what is asked before anything changes, and all the work there is
_ASKING = frozenset({"preview", "done"})
_WORK = _ASKING | {"mend", "undo"}


class MendingScreen(WorkingScreen):
    """Subclasses say what is to be mended, and hear of it in `mended` and `undone`."""

    asks: TroubleAsks

    def __init__(self) -> None:
        super().__init__()
        #: what is being looked at or mended
        self._wanted: Item | None = None
        #: the number that is being taken back
        self._number = 0
        #: what was begun last is to end: its answer is not waited for
        self._given_up = False

    def mended(self, item: Item, number: int) -> None:
        """It was done, and all is well."""

    def undone(self, number: int) -> None:
        """It was taken back."""

    def refused(self, item: Item, said: tuple[Text, ...]) -> None:
        """The mend can do nothing here."""

    def begin(self, name: str, title: Text, job: Job) -> None:
        """Unless something else is being done."""
        if not self.busy:
            self._given_up = False
        super().begin(name, title, job)

    def action_cancel(self) -> None:
        """What looks only need not be waited for; what changes something ends where it can."""
        working = self.jobs.running & _WORK
        for name in working:
            self.jobs.cancel(name)
        self._given_up = bool(working)
        if working & _ASKING:
            self.line.end(self.say, t("Cancelled; nothing was changed."))

    def action_back(self) -> None:
        """Esc: first what is being done."""
        if self.jobs.running & _WORK and not self._given_up:
            self.action_cancel()
        else:
            super().action_back()

    @on(Failed)
    def _cannot(self, message: Failed) -> None:
        """Esc has ended the asking, or the mend says why it can do nothing."""
        if message.name in _ASKING and self._given_up:
            message.prevent_default()
        elif message.name == "preview" and self._wanted is not None and message.error.code != "interrupted":
            self.refused(self._wanted, (message.error.message, message.error.hint))

    @on(Done)
    def _done(self, message: Done) -> None:
        if message.name in _ASKING and self._given_up:
            return
        if message.name == "preview":
            self._previewed(message.value)
        elif message.name == "done":
            self._offer_undo(message.value)
        elif isinstance(message.value, Mended):
            self._told(message.value)
        elif message.name == "undo":
            self.undone(self._number)
            self.line.end(self.say, t("It is as it was before."))

    def show_mend(self, item: Item) -> None:
        """What it would change, before anything else."""
        if not self.busy:
            self._wanted = item
            name, values = item.mend or "", item.values
            self.begin("preview", t("Looking at what would change …"), lambda _: self.asks.preview(name, values))

    def _previewed(self, preview: Preview | None) -> None:
        item = self._wanted
        if item is None:
            return
        if preview is None:
            said = t("There is nothing here that Gesso could change: follow the steps.")
            self.line.end(self.say, said)
            self.refused(item, (said,))
            return
        self.line.end(self.say)
        values = item.values

        def answered(agreed: bool | None) -> None:
            if agreed:
                self.begin("mend", preview.title, lambda cancel: self.asks.mend(preview, values, cancel))

        self.app.push_screen(MendScreen(preview, self.say), answered)

    def _told(self, mended: Mended) -> None:
        if mended.still:
            self.line.end(self.say, t("It is done. Still: {still}", still=mended.still))
            return
        if self._wanted:
            self.mended(self._wanted, mended.number)
        self.line.end(self.say, t("It is done and looked at again: all is well. u takes it back."))

    def action_undo(self) -> None:
        """What can be taken back is looked up first."""
        self.begin("done", t("Looking …"), lambda _: self.asks.done())

    def _offer_undo(self, done: tuple[DoneMend, ...]) -> None:
        self.line.end(self.say, *(() if done else (t("Nothing was mended that could be taken back."),)))
        if not done:
            return
        choices = {f"undo-{each.number}": t("{number}: {title} ({when})", number=each.number, title=each.title,
                                       when=moment(each.at)) for each in done[:_MOST]}  # fmt: skip

        def answered(choice: str | None) -> None:
            if choice in choices:
                self._number = number = int(str(choice).removeprefix("undo-"))
                self.begin("undo", t("Taking it back …"), lambda _: self.asks.undo(number))

        question = t("Which one shall be taken back?")
        self.app.push_screen(LeaveScreen(question, {**choices, "stay": t("Leave it as it is")}, self.say), answered)
