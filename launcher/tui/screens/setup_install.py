"""Step: the plan is carried out, step by step, with one bar for the whole."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import replace

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from launcher.core.events import Event, Line, Notice, Progress, Step
from launcher.core.setup.course import ABOUT
from launcher.core.setup.whole import Whole
from launcher.core.setup.whole import after as after_event
from launcher.core.text import Text, t
from launcher.tui.jobs import Cancel
from launcher.tui.messages import Done, Failed, Happened
from launcher.tui.screens.setup import GO, SetupScreen
from launcher.tui.speaking import BACK, KeyOf
from launcher.tui.state import Survey
from launcher.tui.untrusted import plain
from launcher.tui.widgets.whole import WholeBar

_MARKS = {"done": "✓", "now": "▶", "later": "·", "failed": "✗"}


class InstallScreen(SetupScreen):
    """Begins by itself: the plan was agreed to one screen before. Esc stops it; what was fetched is kept."""

    step = "install"
    about = ABOUT["install"]
    keys = (GO, KeyOf("c", "console", t("Log")), *SetupScreen.keys[1:])

    def parts(self) -> ComposeResult:
        """Steps, the bar, the last line that was said."""
        yield Static(id="said")
        yield WholeBar(id="whole")
        yield Static(id="last")

    def on_mount(self) -> None:
        """Begin."""
        self._whole, self._since, self._last, self._back = Whole(), time.monotonic(), Content(""), False
        super().on_mount()
        self.set_interval(1.0, self._draw_bar)
        self._begin()

    def _begin(self) -> None:
        survey = self.course.survey
        if survey is None or not survey.plan.missing:
            self.open("model" if survey else "plan", self.course)
            return
        self.trouble(None)
        self._whole = Whole()
        self.jobs.start("install", lambda cancel: self._install(survey, cancel))
        self.retell()

    def _install(self, survey: Survey, cancel: Cancel) -> Generator[Event | Whole, None, Survey | None]:
        # Reckoned in the thread: what was measured lies on the disk.
        yield Whole(self.asks.estimate(self.course.workspace, survey.plan).parts)
        yield from self.asks.install(self.course.workspace, survey.plan, cancel)
        return None if cancel.is_set() else self.asks.look(self.course.workspace)

    def retell(self) -> None:
        """Every step with its state."""
        super().retell()
        survey, whole = self.course.survey, self._whole
        running = whole.step.name if whole.step else None
        lines: list[Text | Content] = []
        for step in survey.plan.steps if survey else ():
            if step.state == "done" or step.name in whole.done:
                state = "done"
            else:
                state = "later" if step.name != running else "failed" if self._trouble else "now"
            style = {"now": "bold", "failed": "bold $text-error", "later": "$text-muted"}.get(state, "")
            lines.append(Content.styled(f" {_MARKS[state]} {plain(self.say(step.title))}", style))
        self.tell_lines([*lines, Content("")])
        self._draw_bar()

    def _draw_bar(self) -> None:
        # The expectation grows shorter by itself between two steps, and never reaches nothing before the end.
        left = self._whole.seconds_left
        passed = min(time.monotonic() - self._since, left * 0.9)
        bar, last = self.query_one(WholeBar), self.query_one("#last", Static)
        bar.show(self._whole.share, self._whole.progress, (left - passed) or None, self.say)
        last.update(self._last)

    def meaning(self, key: KeyOf) -> Text | None:
        """Enter tries again after a failure; Esc stops."""
        if key == GO:
            return t("Try again") if self._trouble and not self.jobs.running else None
        if key == BACK and self.jobs.running:
            return t("Stop; it can be continued")
        return super().meaning(key)

    def action_go(self) -> None:
        """Again, where it has failed."""
        if self._trouble and not self.jobs.running:
            self._begin()

    def action_back(self) -> None:
        """Stop, then back to the plan."""
        if self.jobs.running:
            self._back = True
            self.jobs.cancel()
            self.tell_lines([t("Stopping …")])
        else:
            self.open("plan", self.course)

    def action_home(self) -> None:
        """Home has its own way to go on with it."""
        self.jobs.cancel()
        super().action_home()

    def action_console(self) -> None:
        """Every line, in the console; this goes on meanwhile."""
        self.gesso.go("console")

    @on(Happened)
    def _happened(self, message: Happened) -> None:
        before = self._whole
        for event in message.inbox.take():
            if isinstance(event, Whole):
                self._whole = event
            elif isinstance(event, Line):
                self._last = Content.styled(plain(event.text), "$text-muted")
            elif isinstance(event, Notice):
                self._last = Content(plain(self.say(event.text)))
            else:
                self._whole = after_event(self._whole, event)
            if isinstance(event, Step | Progress):
                self._since = time.monotonic()
        if self._whole.step != before.step or self._whole.done != before.done:
            self.retell()
        else:
            self._draw_bar()

    @on(Done)
    def _done(self, message: Done) -> None:
        if isinstance(message.value, Survey):
            self.open("model", replace(self.course, survey=message.value))

    @on(Failed)
    def _stopped(self, message: Failed) -> None:
        if message.error.code == "interrupted":
            if self._back:
                self.open("plan", self.course)
        else:
            self.retell()
