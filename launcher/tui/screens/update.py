"""Gesso's own update: what a newer version would change, the move to it, and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from launcher.amounts import in_bytes
from launcher.core.errors import LauncherError
from launcher.core.events import Notice, Progress, Step
from launcher.core.text import Text, t
from launcher.tui.asks_settings import UpdateAsks, VersionSeen
from launcher.tui.jobs import Jobs
from launcher.tui.messages import Done, Failed, Finished, Happened
from launcher.tui.speaking import KeyOf, SpeakingScreen
from launcher.tui.untrusted import plain

if TYPE_CHECKING:
    from launcher.core.update.find import Update

Stage = Literal["resting", "finding", "found", "moving", "moved"]


@dataclass(frozen=True)
class Newer:
    """The whole state of the screen."""

    stage: Stage = "resting"
    seen: VersionSeen | None = None
    update: Update | None = None
    #: after the move: the version that is there now
    now: str = ""
    step: Step | None = None
    progress: Progress | None = None
    notices: tuple[Text, ...] = ()
    error: LauncherError | None = None

    @property
    def possible(self) -> bool:
        """A newer version was found and nothing stands in the way."""
        return self.stage == "found" and self.update is not None and self.update.newer and self.update.obstacle is None

    @property
    def busy(self) -> bool:
        """Something runs that can be stopped."""
        return self.stage in ("finding", "moving")


class UpdateScreen(SpeakingScreen[None]):
    """Enter is always the next thing: look, change, leave."""

    heading = t("A newer Gesso")
    about = (
        t(
            "Looks for a newer release where this copy came from, by way of the GitHub mirror that counts, fetches it "
            "beside this one and shows what would change. Nothing is changed before you agree."
        ),
        t("The new version has to start once where it lies before this one makes room; b leads back, without network."),
    )
    keys = (
        KeyOf("enter", "go", t("Look for one")),
        KeyOf("b", "before", t("Back to the version before")),
        KeyOf("s", "stop", t("Stop")),
    )
    newer: reactive[Newer] = reactive(Newer(), init=False)

    def __init__(self) -> None:
        super().__init__()
        self._jobs = Jobs(self)

    @property
    def _asks(self) -> UpdateAsks:
        return self.gesso.ask(UpdateAsks)

    def body(self) -> ComposeResult:
        """What was found, and how far the work is."""
        with VerticalScroll(id="update-said"):
            yield Static(id="update-lines")
        yield Static(id="update-progress")

    def on_mount(self) -> None:
        """Which version this is; nobody is asked yet."""
        super().on_mount()
        self._jobs.start("look", lambda _: self._asks.look())

    def on_unmount(self) -> None:
        """What was fetched is cleared away by the next look."""
        self._jobs.cancel()

    def watch_newer(self) -> None:
        """The state has changed."""
        self._redraw()

    def retell(self) -> None:
        """All of it."""
        super().retell()
        self._redraw()

    def meaning(self, key: KeyOf) -> Text | None:
        """One thing comes next."""
        newer = self.newer
        if key.action == "go":
            return _enter(newer)
        if key.action == "stop":
            return key.meaning if newer.busy else None
        if key.action == "before":
            return (
                key.meaning if newer.seen and newer.seen.before and not newer.busy and newer.stage != "moved" else None
            )
        # The files under a running program have changed: it can only be left.
        return None if newer.stage in ("moving", "moved") and key.action == "back" else key.meaning

    def _redraw(self) -> None:
        lines = [Content(plain(self.say(line))) for line in said(self.newer)]
        self.query_one("#update-lines", Static).update(Content("\n").join(lines))
        self.query_one("#update-progress", Static).update(Content(plain(self.say(doing(self.newer)))))
        self.rekey()

    # What the jobs say

    @on(Happened)
    def _happened(self, message: Happened) -> None:
        newer = self.newer
        for event in message.inbox.take():
            if isinstance(event, Step):
                newer = replace(newer, step=event, progress=None)
            elif isinstance(event, Progress):
                newer = replace(newer, progress=event)
            elif isinstance(event, Notice):
                newer = replace(newer, notices=(*newer.notices, event.text))
        self.newer = newer

    @on(Done)
    def _done(self, message: Done) -> None:
        newer = replace(self.newer, step=None, progress=None, error=None)
        if message.name == "look":
            self.newer = replace(newer, seen=message.value)
        elif message.name == "find":
            self.newer = replace(newer, stage="found", update=message.value)
        elif message.name == "move" and newer.update is not None:
            self.newer = replace(newer, stage="moved", now=newer.update.version or "")
        elif message.name == "back":
            self.newer = replace(newer, stage="moved", now=message.value)

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        error = None if message.error.code == "interrupted" else message.error
        self.newer = Newer(seen=self.newer.seen, error=error)

    @on(Finished)
    def _finished(self, message: Finished) -> None:
        self._jobs.ended(message.name)

    # What the keys do

    def action_go(self) -> None:
        """Look, then change, then leave."""
        newer = self.newer
        if newer.stage == "moved":
            self.app.exit(0)
        elif newer.possible and newer.update is not None:
            update = newer.update
            self.newer = replace(newer, stage="moving", notices=(), error=None)
            self._jobs.start("move", lambda cancel: self._asks.carry_out(update, cancel))
        elif not newer.busy:
            self.newer = Newer("finding", newer.seen)
            self._jobs.start("find", self._asks.find)

    def action_before(self) -> None:
        """The version before the last update."""
        newer = self.newer
        if newer.seen and newer.seen.before and not newer.busy and newer.stage != "moved":
            self.newer = Newer("moving", newer.seen)
            self._jobs.start("back", lambda _: self._asks.back())

    def action_stop(self) -> None:
        """What was begun is taken back."""
        self._jobs.cancel()

    def action_back(self) -> None:
        """Not while files are changed, nor over changed ones."""
        if self.newer.stage not in ("moving", "moved"):
            super().action_back()


def _enter(newer: Newer) -> Text | None:
    if newer.busy or newer.seen is None:
        return None
    if newer.stage == "moved":
        return t("Leave")
    if newer.possible and newer.update is not None:
        return t("Change to {version}", version=newer.update.version)
    return t("Look again") if newer.stage == "found" or newer.error else t("Look for one")


def said(newer: Newer) -> Iterator[Text]:
    """What there is to say, line by line."""
    from launcher.verbs.update import of_update

    if newer.error is not None:
        yield t("✗ {problem}", problem=newer.error.message)
        yield newer.error.hint
    if newer.seen is not None and newer.stage != "moved":
        yield t("This is Gesso {version}.", version=newer.seen.present)
        if newer.seen.before:
            yield t("The version before was {version}; b leads back to it.", version=newer.seen.before)
    yield from newer.notices
    if newer.update is not None and newer.stage in ("found", "moving"):
        yield from of_update(newer.update)
    if newer.stage == "moved":
        yield t("Gesso is {version} now. Leave, and start it again.", version=newer.now)


def doing(newer: Newer) -> Text:
    """The last line: what runs."""
    if newer.stage == "finding" and newer.progress is None:
        return t("Asking for a newer release …")
    if newer.progress is not None:
        return _far(newer.progress)
    if newer.step is not None and newer.stage == "moving":
        step = newer.step
        return t("Step {number} of {count}: {title}", number=step.number, count=step.count, title=step.title)
    return Text("")


def _far(progress: Progress) -> Text:
    if progress.unit == "bytes":
        done, total = in_bytes(progress.done), in_bytes(progress.total) if progress.total else "?"
    else:
        done, total = str(progress.done), str(progress.total or "?")
    return t("Fetching: {done} of {total}", done=done, total=total)
