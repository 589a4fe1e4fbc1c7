"""What every screen has: sentences in the language of the moment, a line of keys, and help in place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from launcher.core.text import Text, t

if TYPE_CHECKING:
    from launcher.tui.app import GessoApp

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class KeyOf:
    """A key of a screen: Textual's name of it, the action, what it does, and how the key is written."""

    key: str
    action: str
    meaning: Text
    written: str = ""
    #: written in the line of keys; `?` and the palette show all
    in_line: bool = True

    @property
    def label(self) -> str:
        """As people write it: Enter, Esc, s, ?."""
        return self.written or {"escape": "Esc", "question_mark": "?", "slash": "/"}.get(
            self.key, self.key if len(self.key) == 1 else self.key.title()
        )


BACK = KeyOf("escape", "back", t("Back"))
HELP = KeyOf("question_mark,f1", "help", t("Help"), "?")
#: on every screen, said by `?`; the line of keys has no room for them
EVERYWHERE = (
    KeyOf("ctrl+p", "palette", t("Everything Gesso can do, by name"), "Ctrl+P", in_line=False),
    KeyOf("f2", "language", t("中文"), "F2", in_line=False),
    KeyOf("f3", "theme", t("Other colours: dark, light, strong contrast"), "F3", in_line=False),
)


class SpeakingScreen(Screen[Answer]):
    """Subclasses name `heading`, `about` and `keys`, yield their widgets in `body`, and draw them in `retell`."""

    heading: ClassVar[Text]
    #: what `?` says, a paragraph each
    about: ClassVar[tuple[Text, ...]] = ()
    keys: ClassVar[tuple[KeyOf, ...]] = ()

    def __init_subclass__(cls, **more: Any) -> None:
        """The keys are the bindings."""
        cls.BINDINGS = [
            *cls.__dict__.get("BINDINGS", ()),
            *(Binding(each.key, each.action, show=False) for each in cls.all_keys()),
        ]
        super().__init_subclass__(**more)

    BINDINGS: ClassVar[list[BindingType]] = []

    @classmethod
    def all_keys(cls) -> tuple[KeyOf, ...]:
        """Its own, then those of every screen."""
        return (*cls.keys, BACK, HELP, *EVERYWHERE)

    @property
    def gesso(self) -> GessoApp:
        """The app, as ours."""
        return cast("GessoApp", self.app)

    def say(self, sentence: Text) -> str:
        """The sentence in the language of the moment."""
        return self.gesso.say(sentence)

    def compose(self) -> ComposeResult:
        """Title, body, keys."""
        yield Static(id="title")
        yield from self.body()
        yield KeyLine(self.all_keys())

    def body(self) -> ComposeResult:
        """What stands between the title and the keys."""
        raise NotImplementedError

    def meaning(self, key: KeyOf) -> Text | None:
        """What the key does now; None: nothing, and it is not written."""
        return key.meaning

    def keys_now(self) -> Iterator[tuple[KeyOf, Text]]:
        """Every key that does something now."""
        for key in self.all_keys():
            if meaning := self.meaning(key):
                yield key, meaning

    def on_mount(self) -> None:
        """Say everything once; a screen that opens while the app ends is given nothing to say it in."""
        if self.query("#title"):
            self.retell()

    def retell(self) -> None:
        """Say everything: at the start, and again in another language. Subclasses add what is theirs."""
        self.query_one("#title", Static).update(
            Content.assemble((" Gesso ", "bold reverse $primary"), f" {self.say(self.heading)}")
        )
        self.rekey()

    def rekey(self) -> None:
        """The line of keys, after what they do has changed."""
        self.query_one(KeyLine).show(self.say, self.meaning)

    def action_back(self) -> None:
        """Esc."""
        self.app.pop_screen()

    def action_help(self) -> None:
        """`?`."""
        self.gesso.show_help(self)

    def action_palette(self) -> None:
        """Everything by its name."""
        self.gesso.show_palette()

    def action_language(self) -> None:
        """Chinese or English."""
        self.gesso.switch_language()

    def action_theme(self) -> None:
        """The next colours."""
        self.gesso.switch_theme()


#: columns between two keys
_GAP = 2
#: where there is no room: what goes first, and what never goes, by the key's label
_FIRST_TO_GO, _STAYS = ("h", "l"), ("?", "Esc", "Enter")


class KeyLine(Horizontal):
    """The last line of a screen: each key is also a button for the mouse; what does not fit is left out whole."""

    def __init__(self, keys: Sequence[KeyOf]) -> None:
        self._keys = [Key(each) for each in keys if each.in_line]
        super().__init__(*self._keys)
        #: of those that do something now
        self._said: dict[Key, str] = {}

    def show(self, say: Callable[[Text], str], meaning: Callable[[KeyOf], Text | None]) -> None:
        """A key that does nothing now is hidden; what is shown already costs nothing."""
        said = {key: say(means) for key in self._keys if (means := meaning(key.of)) is not None}
        if said == self._said:
            return
        self._said = said
        for key, what in said.items():
            key.show(what)
        self._fit()

    def on_resize(self) -> None:
        """More or less room."""
        self._fit()

    def _fit(self) -> None:
        room = self.app.size.width - 2 - sum(key.cells for key in self._said)
        left_out = set()
        for _, _, key in sorted((_need(key), -place, key) for place, key in enumerate(self._said)):
            if room >= 0 or key.of.label in _STAYS:
                break
            left_out.add(key)
            room += key.cells
        for key in self._keys:
            key.display = key in self._said and key not in left_out


def _need(key: Key) -> int:
    """The least first; of the same need the last goes first, and leaving is the last that goes."""
    label = key.of.label
    if label in _FIRST_TO_GO:
        return _FIRST_TO_GO.index(label)
    return 4 if label in _STAYS else 3 if key.of.action == "leave" else 2


class Key(Static):
    """One key with what it does."""

    def __init__(self, of: KeyOf, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id or f"key-{of.action}")
        self.of, self._said = of, ""

    def show(self, said: str) -> None:
        """The key, then what it does; what stands there already costs nothing."""
        if said == self._said:
            return
        self._said = said
        # The screen is laid out anew only where there is not room enough.
        wider = self.cells - _GAP > self.size.width
        self.update(Content.assemble((f" {self.of.label} ", "bold reverse"), f" {said}"), layout=wider)

    @property
    def cells(self) -> int:
        """The columns it takes, with what keeps it from the next."""
        return cell_len(f" {self.of.label}  {self._said}") + _GAP

    async def on_click(self) -> None:
        """The same as the key."""
        await self.run_action(f"screen.{self.of.action}")
