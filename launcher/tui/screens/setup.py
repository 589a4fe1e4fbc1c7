"""What the steps of the guided install have in common: the way forward and back, the trouble line, leaving."""

from __future__ import annotations

from importlib import import_module
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from launcher.core.errors import LauncherError
from launcher.core.setup.course import STEPS, after, before
from launcher.core.text import Text, t
from launcher.tui.asks_setup import Course, SetupAsks
from launcher.tui.jobs import Jobs
from launcher.tui.messages import Failed, Finished
from launcher.tui.speaking import BACK, KeyOf, SpeakingScreen
from launcher.tui.untrusted import plain
from launcher.tui.widgets.choices import ChoiceList

GO = KeyOf("enter", "go", t("Go on"))
#: step -> where its screen is
_SCREENS = {
    "language": "setup_language:LanguageScreen",
    "machine": "setup_machine:MachineScreen",
    "network": "setup_network:NetworkScreen",
    "place": "setup_place:PlaceScreen",
    "plan": "setup_plan:PlanScreen",
    "install": "setup_install:InstallScreen",
    "model": "setup_model:ModelScreen",
    "picture": "setup_picture:PictureScreen",
    "done": "setup_done:DoneScreen",
}


class SetupScreen(SpeakingScreen[None]):
    """Subclasses name `step` and `about`, yield what they show in `parts`, and do in `action_go` what Enter means."""

    AUTO_FOCUS = ""
    step: ClassVar[str]
    heading = t("The guided install")
    keys: ClassVar[tuple[KeyOf, ...]] = (GO, KeyOf("h", "home", t("Home")), KeyOf("q", "leave", t("Leave")))
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q,ctrl+c", "leave", show=False, priority=True),
        *(Binding(str(number), f"number({number})", show=False) for number in range(1, 10)),
    ]

    def __init__(self, course: Course) -> None:
        super().__init__()
        self.course, self.jobs = course, Jobs(self)
        self._trouble: LauncherError | None = None
        self._leaving = False

    @property
    def asks(self) -> SetupAsks:
        """Core, or what stands in for it."""
        return self.gesso.ask(SetupAsks)

    def body(self) -> ComposeResult:
        """The step's own parts; below them what went wrong."""
        with VerticalScroll(id="setup"):
            yield from self.parts()
        yield Static(id="trouble")

    def parts(self) -> ComposeResult:
        """What stands in the middle."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """The choices, where there are some, have the keyboard."""
        super().on_mount()
        self.focus_what_is_there()

    def focus_what_is_there(self) -> None:
        """The choices if they are shown, else what scrolls: a hidden list would take Enter for itself."""
        shown = [choices for choices in self.query(ChoiceList) if choices.display]
        self.set_focus(shown[0] if shown else self.query_one("#setup"))

    def on_unmount(self) -> None:
        """Nothing goes on behind the next step."""
        self.jobs.cancel()

    def retell(self) -> None:
        """The number of the step, its name, what went wrong."""
        super().retell()
        names = list(STEPS)
        number = t("Step {number} of {count}: {title}", number=names.index(self.step) + 1, count=len(names),
                   title=STEPS[self.step])  # fmt: skip
        self.query_one("#title", Static).update(
            Content.assemble((" Gesso ", "bold reverse $primary"), " ", (self.say(number), "bold"))
        )
        self._tell_trouble()

    def tell_lines(self, lines: list[Text | Content], where: str = "#said") -> None:
        """Paragraphs in the Static named `where`."""
        drawn = [line if isinstance(line, Content) else Content(plain(self.say(line))) for line in lines]
        place = self.query_one(where, Static)
        place.display = bool(drawn)
        place.update(Content("\n").join(drawn))

    def meaning(self, key: KeyOf) -> Text | None:
        """From the first step Esc leads home, as `h` does."""
        if key == BACK and before(self.step) is None:
            return None
        return super().meaning(key)

    # The way

    def open(self, step: str, course: Course) -> None:
        """Show another step, and remember it: the next start goes on there."""
        course = course.at(step)
        self.asks.keep(course.workspace, course.answers)
        self.app.switch_screen(screen_of(step, course))

    def forward(self, course: Course | None = None) -> None:
        """The next step."""
        self.open(after(self.step), course or self.course)

    def action_go(self) -> None:
        """Enter."""
        self.forward()

    def action_back(self) -> None:
        """Esc: one step back; from the first one home."""
        step = before(self.step)
        if step is None:
            self.action_home()
        else:
            self.open(step, self.course)

    def action_home(self) -> None:
        """The home screen; `gesso` or the palette brings the guided install back."""
        self.gesso.open_home(self.asks.core(self.course.workspace), ours=bool(self.course.url))

    def action_leave(self) -> None:
        """Leave Gesso; the next start goes on here."""
        self._leaving = True
        self.jobs.cancel()
        if not self.jobs.running:
            self.app.exit(0)

    def action_number(self, number: int) -> None:
        """The choice of that number, as if Enter had been pressed on it."""
        for choices in self.query(ChoiceList):
            if choices.take(number) is not None:
                self.action_go()

    @on(ChoiceList.OptionSelected)
    def _selected(self) -> None:
        self.action_go()

    # What went wrong

    def trouble(self, error: LauncherError | None) -> None:
        """Say it until something else is done; None: it is over."""
        self._trouble = error
        self.retell()

    def _tell_trouble(self) -> None:
        place, error = self.query_one("#trouble", Static), self._trouble
        place.display = error is not None
        if error is not None:
            parts = [(self.say(error.message), "bold $text-error"), (self.say(error.hint), "")]
            place.update(Content("\n").join(Content.styled(plain(text), style) for text, style in parts))

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        if message.error.code != "interrupted":
            self.trouble(message.error)

    @on(Finished)
    def _finished(self, message: Finished) -> None:
        self.jobs.ended(message.name)
        if self._leaving and not self.jobs.running:
            self.app.exit(0)
        self.rekey()


class SetupDoor(Screen[None]):
    """Leads to the step to begin or to go on with."""

    def on_mount(self) -> None:
        """What was answered before decides."""
        from launcher.tui.app import GessoApp

        app = self.app
        if isinstance(app, GessoApp):
            place = app.place
            answers = app.ask(SetupAsks).resumed(place.workspace)
            course = Course(place.workspace, place.options, answers)
            app.switch_screen(screen_of(answers.step, course))


def screen_of(step: str, course: Course) -> SetupScreen:
    """The screen of a step, imported only now."""
    module, _, name = _SCREENS[step].partition(":")
    screen: SetupScreen = getattr(import_module(f"launcher.tui.screens.{module}"), name)(course)
    return screen
