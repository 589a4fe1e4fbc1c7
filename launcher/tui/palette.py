"""The command palette: this screen's keys, every screen, and every verb of the command line, in both languages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from textual.command import CommandInput, CommandPalette, DiscoveryHit, Hit, Hits, Provider, SearchIcon
from textual.content import Content
from textual.fuzzy import Matcher
from textual.markup import escape
from textual.screen import Screen

from launcher.core.text import Text, t
from launcher.tui.screens import SCREENS
from launcher.tui.screens.home import HomeScreen
from launcher.tui.speaking import SpeakingScreen
from launcher.tui.themes import TITLES
from launcher.tui.ways import HOME, WAYS, Way, does
from launcher.tui.ways import TITLES as PLACES

if TYPE_CHECKING:
    from launcher.tui.app import GessoApp

Say = Callable[[Text], str]


@dataclass(frozen=True)
class Command:
    """One line of the palette."""

    name: Text
    help: Text
    run: Callable[[], object]

    def score(self, matcher: Matcher, say: Say) -> float:
        """How well it fits what was typed, in the language of the moment or in English."""
        name = max(matcher.match(each) for each in (say(self.name), str(self.name)))
        # In a whole sentence any few letters would be found somewhere.
        found = any(matcher.query.casefold() in each.casefold() for each in (say(self.help), str(self.help)))
        return name or found / 2


class GessoCommands(Provider):
    """Everything that can be done from the screen underneath."""

    async def discover(self) -> Hits:
        """Before anything was typed: all of it."""
        for number, each in enumerate(self._commands()):
            # The palette sorts these by their text.
            yield DiscoveryHit(
                Content(self._say(each.name)), each.run, text=f"{number:04}", help=escape(self._say(each.help))
            )

    async def search(self, query: str) -> Hits:
        """What fits `query`."""
        matcher, found = self.matcher(query), False
        for each in self._commands():
            if score := each.score(matcher, self._say):
                name = self._say(each.name)
                yield Hit(
                    score, matcher.highlight(escape(name)), each.run, text=name, help=escape(self._say(each.help))
                )
                found = True
        if not found:
            yield Hit(1, Content(self._say(t("Nothing is called so."))), lambda: None, text=query)

    @property
    def _gesso(self) -> GessoApp:
        return cast("GessoApp", self.app)

    def _say(self, sentence: Text) -> str:
        return self._gesso.say(sentence)

    def _commands(self) -> Iterator[Command]:
        app, screen = self._gesso, self.screen
        if isinstance(screen, SpeakingScreen):
            for key, meaning in screen.keys_now():
                if key.action != "palette":
                    yield Command(
                        meaning, t("the key {key} on this screen", key=key.label), partial(_act, app, key.action)
                    )
        for name, title in PLACES.items():
            if name == HOME or name in SCREENS:
                yield Command(title, t("a screen"), partial(reach, app, Way(name)))
        for colours, title in TITLES.items():
            yield Command(t("Take {colours}", colours=title), t("from now on"), partial(app.switch_theme, colours))
        for verb, way in WAYS.items():
            means = does(verb)
            if means is not None and (way.screen == HOME or way.screen in SCREENS):
                yield Command(Text(f"gesso {verb}"), means, partial(reach, app, way))


class Palette(CommandPalette):
    """Textual's, speaking."""

    def __init__(self, say: Say) -> None:
        super().__init__({GessoCommands}, placeholder=say(t("Type a part of what you are looking for …")))

    def on_mount(self) -> None:
        """A sign that every terminal draws one cell wide."""
        self.query_one(SearchIcon).icon = ">"
        self.query_one(CommandInput).cursor_blink = False


def reach(app: GessoApp, way: Way) -> None:
    """Go to the screen of `way`, back to it where it is open underneath, and do there what is to be done."""
    kind = _class_of(way.screen)
    if any(type(each) is kind for each in app.screen_stack):
        while type(app.screen) is not kind:
            app.pop_screen()
    else:
        app.go(way.screen)
    if way.action:
        _act(app, way.action)


def _class_of(name: str) -> object:
    if name == HOME:
        return HomeScreen
    module, _, kind = SCREENS[name].partition(":")
    return getattr(import_module(module), kind)


def _act(app: GessoApp, action: str) -> None:
    screen: Screen[Any] = app.screen
    screen.call_after_refresh(screen.run_action, action)
