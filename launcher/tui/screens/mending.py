"""How a mend goes on a screen: shown, agreed to, done, looked at again, and taken back."""

from __future__ import annotations

from textual import on

from launcher.core.mends.journal import Done as DoneMend
from launcher.core.mends.journal import Mended
from launcher.core.mends.mend import Preview
from launcher.core.text import t
from launcher.tui.asks_trouble import TroubleAsks
from launcher.tui.messages import Done
from launcher.tui.screens.leave import LeaveScreen
from launcher.tui.screens.mend import MendScreen
from launcher.tui.trouble_state import Item
from launcher.tui.working import WorkingScreen

#: mends that are offered to be taken back
_MOST = 8


class MendingScreen(WorkingScreen):
    """Subclasses say what is to be mended, and hear of it in `mended` and `undone`."""

    asks: TroubleAsks

    def __init__(self) -> None:
        super().__init__()
        #: what is being looked at or mended
        self._wanted: Item | None = None

    def mended(self, item: Item) -> None:
        """It was done, and all is well."""

    def undone(self) -> None:
        """Something was taken back."""

    @on(Done)
    def _done(self, message: Done) -> None:
        if message.name == "preview":
            self._previewed(message.value)
        elif message.name == "done":
            self._offer_undo(message.value)
        elif isinstance(message.value, Mended):
            self._told(message.value)
        elif message.name == "undo":
            self.undone()
            self.line.end(self.say, t("It is as it was before."))

    def show_mend(self, item: Item) -> None:
        """What it would change, before anything else."""
        if not self.busy:
            self._wanted = item
            name, values = item.mend or "", item.values
            self.begin("preview", t("Looking at what would change …"), lambda _: self.asks.preview(name, values))

    def _previewed(self, preview: Preview | None) -> None:
        item = self._wanted
        if preview is None or item is None:
            self.line.end(self.say, t("There is nothing here that Gesso could change: follow the steps."))
            return
        self.line.end(self.say)
        name, values = item.mend or "", item.values

        def answered(agreed: bool | None) -> None:
            if agreed:
                self.begin("mend", preview.title, lambda cancel: self.asks.mend(name, values, cancel))

        self.app.push_screen(MendScreen(preview, self.say), answered)

    def _told(self, mended: Mended) -> None:
        if mended.still:
            self.line.end(self.say, t("It is done. Still: {still}", still=mended.still))
            return
        if self._wanted:
            self.mended(self._wanted)
        self.line.end(self.say, t("It is done and looked at again: all is well. u takes it back."))

    def action_undo(self) -> None:
        """What can be taken back is looked up first."""
        self.begin("done", t("Looking …"), lambda _: self.asks.done())

    def _offer_undo(self, done: tuple[DoneMend, ...]) -> None:
        self.line.end(self.say, *(() if done else (t("Nothing was mended that could be taken back."),)))
        if not done:
            return
        choices = {f"undo-{each.number}": t("{number}: {title} ({when})", number=each.number, title=each.title,
                                       when=each.at[:16].replace("T", " ")) for each in done[:_MOST]}  # fmt: skip

        def answered(choice: str | None) -> None:
            if choice in choices:
                number = int(str(choice).removeprefix("undo-"))
                self.begin("undo", t("Taking it back …"), lambda _: self.asks.undo(number))

        question = t("Which one shall be taken back?")
        self.app.push_screen(LeaveScreen(question, {**choices, "stay": t("Leave it as it is")}, self.say), answered)
