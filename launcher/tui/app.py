"""The terminal interface as a Textual application."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import App, ComposeResult
from textual.content import Content
from textual.events import Event, Key
from textual.reactive import reactive
from textual.screen import Screen
from textual.widgets import Static

from launcher.core.errors import LauncherError
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.text import Text, t
from launcher.core.untrusted import harmless
from launcher.language import translator
from launcher.tui import pauses
from launcher.tui.asks import A, Place, Wiring
from launcher.tui.hangup import on_hangup, patient_driver
from launcher.tui.messages import Done, Failed, Finished, Happened
from launcher.tui.themes import NAMES, THEMES, TITLES

if TYPE_CHECKING:
    from launcher.tui.home_jobs import Core
    from launcher.tui.log_feed import LogFeed
    from launcher.tui.log_store import LogStore
    from launcher.tui.screens.home import HomeScreen
    from launcher.tui.speaking import SpeakingScreen


class GessoApp(App[int], inherit_bindings=False):
    """Opens the home screen; knows the language and the way from screen to screen, and nothing else.

    What the screens need is imported once the title has been painted: whoever starts it sees at once that it starts.
    """

    CSS_PATH = "gesso.tcss"
    TITLE = "Gesso"
    ENABLE_COMMAND_PALETTE: ClassVar[bool] = False
    language: reactive[str] = reactive("en", init=False)

    def __init__(
        self,
        core: Core | None,
        language: str,
        wiring: Wiring | None = None,
        colours: str | None = None,
        *,
        first: str | None = None,
    ) -> None:
        """`core` None: the real one; `first`: the screen to begin with instead of home, by its name in SCREENS."""
        super().__init__()
        self._core, self._wiring, self._first = core, wiring, first
        self.colours = colours if colours in NAMES else next(iter(NAMES))
        self._translate = translator(language)
        #: keys that came before there was a screen for them, in their order; None: it is there
        self._early: deque[Key] | None = deque()
        self.set_reactive(GessoApp.language, language)

    def compose(self) -> ComposeResult:
        """What stands below all screens, and is seen until the first of them is there."""
        yield Static(id="title")

    def on_mount(self) -> None:
        """Our colours and the title; the rest once that has been painted."""
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = NAMES[self.colours]
        if not self.is_headless:
            on_hangup(self.exit)
        title = Content.assemble((" Gesso ", "bold reverse $primary"), f" {self.say(t('is opening …'))}")
        self.query_one("#title", Static).update(title)
        if self._core is None:
            self.call_after_refresh(self._open)
        else:
            self._open()

    def _open(self) -> None:
        """The first screen."""
        from launcher.tui import line_breaks

        line_breaks.use()
        first = self._first or (self._first_of(self.place.workspace) if self._core is None else None)
        if first:
            self.go(first)
        else:
            self.push_screen(self._home())
        self.call_after_refresh(self._give_early)

    async def on_event(self, event: Event) -> None:
        """A key that comes before the first screen is kept for it."""
        if self._early is not None and isinstance(event, Key) and not event.is_forwarded:
            self._early.append(event)
        else:
            await super().on_event(event)

    async def _give_early(self) -> None:
        """The next of the kept keys, each once the one before has been taken: it may have opened another screen."""
        if not self._early:
            self._early = None
            self.settled()
            return
        await super().on_event(self._early.popleft())
        taker = self.focused or self.screen
        taker.call_later(self.call_later, self._give_early)

    def settled(self) -> None:
        """Something large has been read that stays."""
        if not self.is_headless:
            pauses.settle()

    def _first_of(self, workspace: Workspace) -> str | None:
        """A first start begins with the guided install."""
        from launcher.core.setup.course import due

        return "setup" if due(workspace) else None

    def _home(self) -> HomeScreen:
        from launcher.tui.screens.home import HomeScreen

        return HomeScreen(self.core)

    @property
    def _background_screens(self) -> list[Screen[Any]]:
        """Textual draws what is on top again with every change below it: for nothing, where nothing shines through."""
        return [] if self.screen.styles.background.a == 1 else super()._background_screens

    @cached_property
    def core(self) -> Core:
        """What home asks of core."""
        if self._core is not None:
            return self._core
        from launcher.tui.wiring import real_core

        return real_core(self.place.workspace, self.place.options)

    @cached_property
    def log_store(self) -> LogStore:
        """What every job says, for the console."""
        from launcher.tui.log_store import LogStore

        return LogStore(self.say)

    @cached_property
    def log_feed(self) -> LogFeed:
        """Brings it there; it follows what others have started once the console is open."""
        from launcher.tui.log_feed import LogFeed

        return LogFeed(self)

    @property
    def wired(self) -> bool:
        """Is there a core behind it, or a stand-in for one?"""
        return self._wiring is not None

    @property
    def place(self) -> Place:
        """Where the interface works, and with which options."""
        if self._wiring is None:
            raise LookupError("there is no workspace behind this interface")
        return self._wiring.place

    def move_to(self, workspace: Workspace, core: Core) -> None:
        """Another workspace was chosen: every screen opened from now on works there."""
        if self._wiring is not None:
            self._wiring = replace(self._wiring, place=replace(self._wiring.place, workspace=workspace))
        self.core = core

    def open_home(self, core: Core, *, ours: bool = False) -> None:
        """Home as it is now, in the place of everything that is open; `ours`: what runs was started from here, so that
        leaving asks what becomes of it.
        """
        from launcher.tui.state import Home

        self.core = core
        while len(self.screen_stack) > 2:
            self.pop_screen()
        home = self._home()
        home.set_reactive(type(home).home, Home(ours=ours))
        self.switch_screen(home)

    def ask(self, kind: type[A]) -> A:
        """What a screen asks of core."""
        if self._wiring is None:
            raise LookupError(f"nothing stands in for {kind}")
        return self._wiring.ask(kind)

    def say(self, sentence: Text) -> str:
        """The sentence in the language of the moment."""
        return sentence.render(self._translate)

    def watch_language(self, language: str) -> None:
        """Everything is said again in the other language."""
        self._translate = translator(language)
        self.log_store.speak(self.say)
        from launcher.tui.speaking import SpeakingScreen

        for screen in self.screen_stack:
            if isinstance(screen, SpeakingScreen):
                screen.retell()

    @on(Happened)
    def _happened(self, message: Happened) -> None:
        self.log_feed.happened(message)

    @on(Done)
    def _done(self, message: Done) -> None:
        self.log_feed.done(message)

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        self.log_feed.failed(message)

    @on(Finished)
    def _finished(self, message: Finished) -> None:
        self.log_feed.finished(message)

    def on_unmount(self) -> None:
        """However the app ends."""
        self.log_feed.end()

    def switch_language(self) -> None:
        """Chinese or English, and the choice kept."""
        self.language = "en" if self.language == "zh" else "zh"
        try:
            self.core.save_language(self.language)
        except LauncherError as error:
            self.tell(t("The language could not be kept: {reason}", reason=error.message), severity="warning")

    def switch_theme(self, colours: str | None = None) -> None:
        """These colours, or the next, and the choice kept."""
        from launcher.tui.asks_frame import FrameAsks

        names = list(NAMES)
        self.show_colours(colours or names[(names.index(self.colours) + 1) % len(names)])
        try:
            self.ask(FrameAsks).save_theme(self.colours)
        except LauncherError as error:
            self.tell(t("The colours could not be kept: {reason}", reason=error.message), severity="warning")
        else:
            self.tell(TITLES[self.colours])

    def tell(self, sentence: Text, *, severity: Any = "information") -> None:
        """A line that stands at the edge for some seconds, in place of the one before; what must be read stands in a
        screen instead.
        """
        self.clear_notifications()
        self.notify(harmless(self.say(sentence)), severity=severity, markup=False)

    def go(self, name: str) -> None:
        """Open the screen of this name (screens.SCREENS), imported only now."""
        from launcher.tui.screens import SCREENS

        module, _, kind = SCREENS[name].partition(":")
        screen: Screen[Any] = getattr(import_module(module), kind)()
        self.push_screen(screen)

    def show_colours(self, colours: str) -> None:
        """One of themes.NAMES, kept by nobody."""
        self.colours = colours
        self.theme = NAMES[colours]

    def show_palette(self) -> None:
        """Everything that can be done, by name; over a question that waits for its answer nothing is opened."""
        from launcher.tui.palette import Palette
        from launcher.tui.speaking import SpeakingScreen

        if isinstance(self.screen, SpeakingScreen):
            self.push_screen(Palette(self.say))

    def show_help(self, screen: SpeakingScreen[Any]) -> None:
        """The keys of `screen`, and what it is for."""
        from launcher.tui.screens.help import HelpScreen

        self.push_screen(HelpScreen(screen))


def run(workspace: Workspace, language: str, options: Options, first: str | None = None) -> int:
    """Open the interface and return the exit code: 0 after leaving, 3 if a bug ended it (Textual prints where).

    `first`: the screen to begin with; a first start begins with the guided install.
    """
    from launcher.tui.asks_frame import saved_theme

    place = Place(workspace, options)
    app = GessoApp(None, language, Wiring(place), saved_theme(place), first=first)
    app.driver_class = patient_driver() or app.driver_class
    pauses.shorten()
    answer = app.run()
    return 3 if app.return_code else answer or 0
