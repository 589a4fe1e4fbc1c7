"""Step: what was installed is started and draws a picture, which is shown here."""

from __future__ import annotations

from dataclasses import replace

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.widgets import Static

from launcher.amounts import in_time
from launcher.core.events import Credentials, Event, Phase, Progress, Ready, Stopped
from launcher.core.setup.course import ABOUT
from launcher.core.setup.picture import Picture, failure, wish
from launcher.core.text import Text, t
from launcher.tui.messages import Done, Failed, Happened
from launcher.tui.screens.setup import GO, SetupScreen
from launcher.tui.speaking import KeyOf
from launcher.tui.state import Survey
from launcher.tui.widgets.whole import WholeBar

_PHASES = {
    "server": t("starting the server"),
    "torch": t("loading torch"),
    "model": t("loading the model"),
    "page": t("loading the page"),
}


class PictureScreen(SetupScreen):
    """The runtime that is started here goes on when this screen is left forward, and ends when Gesso is left."""

    step = "picture"
    about = ABOUT["picture"]
    keys = (GO, KeyOf("c", "console", t("Log")), *SetupScreen.keys[1:])

    def parts(self) -> ComposeResult:
        """A sentence, a bar while it is drawn, the picture."""
        yield Static(id="said")
        yield WholeBar(id="whole")
        yield Container(id="picture")

    def on_mount(self) -> None:
        """Start it."""
        self._phase: Text = t("getting ready")
        self._share: float | None = None
        super().on_mount()
        self._begin()

    def _begin(self) -> None:
        self.trouble(None)
        self._share = None
        if self.course.survey is None:
            self.jobs.start("look", lambda _: self.asks.look(self.course.workspace))
        elif self.course.url:
            self._draw(self.course.url)
        else:
            work, survey = self.course.workspace, self.course.survey
            self.jobs.start("launch", lambda cancel: self.asks.launch(work, survey, cancel))
        self.retell()

    def _draw(self, url: str) -> None:
        work, model, credentials = self.course.workspace, self.course.answers.model, self.course.credentials
        self.course = replace(self.course, url=url)
        if self.course.picture is None:
            self.jobs.start("draw", lambda _: self.asks.draw(work, url, model, credentials))

    def retell(self) -> None:
        """How far it is, or what was drawn."""
        super().retell()
        drawn, bar = self.course.picture, self.query_one(WholeBar)
        bar.display = self._share is not None and drawn is None
        bar.show(self._share or 0.0, None, None, self.say)
        if drawn is not None:
            said = t("“{prompt}”, drawn on this computer in {time}.", prompt=drawn.prompt, time=in_time(drawn.seconds))
            self.tell_lines([said])
        elif self.course.url:
            self.tell_lines([t("Drawing “{prompt}” …", prompt=wish(self.course.answers.model).prompt)])
        elif not self._trouble:
            self.tell_lines([t("Starting: {phase} …", phase=self._phase)])
        else:
            self.tell_lines([])

    def meaning(self, key: KeyOf) -> Text | None:
        """Enter waits for the picture; after a failure it tries again."""
        if key == GO and self.course.picture is None:
            return t("Try again") if self._trouble and "draw" not in self.jobs.running else None
        return super().meaning(key)

    def action_go(self) -> None:
        """On, or again."""
        if self.course.picture is not None:
            self.forward()
        elif self._trouble and "draw" not in self.jobs.running:
            self._begin()

    def action_back(self) -> None:
        """Another model: what draws now may go on drawing."""
        self.course = replace(self.course, picture=None)
        super().action_back()

    def action_leave(self) -> None:
        """What was started here for this picture ends with it."""
        self._leaving = True
        self.jobs.start("stop", lambda _: self.asks.stop(self.course.workspace))
        self.jobs.cancel("launch")

    def action_console(self) -> None:
        """Every line, in the console; this goes on meanwhile."""
        self.gesso.go("console")

    @on(Happened)
    def _happened(self, message: Happened) -> None:
        for event in message.inbox.take():
            self._hear(event)
        self.retell()

    def _hear(self, event: Event) -> None:
        match event:
            case Credentials():
                self.course = replace(self.course, credentials=event)
            case Phase(name):
                self._phase = _PHASES.get(name, Text("{name}", (("name", name),)))
            case Ready(url=url):
                self._draw(url)
            case Progress(name=name, done=done) if name.startswith("job-"):
                self._share = done / 100
            case Stopped():
                self.course = replace(self.course, url="")
            case _:
                if error := failure(event):
                    self.trouble(error)

    @on(Done)
    async def _done(self, message: Done) -> None:
        if isinstance(message.value, Survey):
            self.course = replace(self.course, survey=message.value)
            self._begin()
        elif isinstance(message.value, Picture):
            self.trouble(None)
            self.course = replace(self.course, picture=message.value)
            await self._show(message.value)
            self.retell()

    async def _show(self, drawn: Picture) -> None:
        # Imported where a picture is to be shown: Pillow is large.
        from launcher.tui.widgets.picture import picture

        place = self.query_one("#picture", Container)
        await place.remove_children()
        try:
            await place.mount(picture(drawn.file))
        except (OSError, ValueError) as error:
            await place.mount(Static(self.say(t("It cannot be shown here: {why}", why=error)), markup=False))

    @on(Failed)
    def _not_drawn(self, _message: Failed) -> None:
        self.retell()
