"""The keys that do something now, each also a button for the mouse."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from launcher.core.text import Text, t
from launcher.tui.state import Home
from launcher.tui.widgets.card import Say


class Key(Static):
    """One key with what it does."""

    def __init__(self, key: str, action: str) -> None:
        super().__init__(id=f"key-{key.lower()}")
        self._key, self._action = key, action

    def show(self, meaning: Text | None, say: Say) -> None:
        """Hidden while the key does nothing."""
        self.display = meaning is not None
        if meaning is not None:
            self.update(Content.assemble((f" {self._key} ", "bold reverse"), f" {say(meaning)}"))

    async def on_click(self) -> None:
        """The same as the key."""
        await self.run_action(f"screen.{self._action}")


class KeyBar(Horizontal):
    """The last line of the screen."""

    def compose(self) -> ComposeResult:
        """In the order of a visit."""
        yield Key("Enter", "go")
        yield Key("Esc", "back")
        yield Key("s", "stop")
        yield Key("o", "open")
        yield Key("l", "language")
        yield Key("q", "leave")

    def show(self, home: Home, say: Say) -> None:
        """Which keys do what in this state."""
        meanings = {
            "enter": _enter(home),
            "esc": t("Back") if home.stage == "asked" else None,
            "s": t("Stop") if home.busy else None,
            "o": t("Open the page") if home.stage == "serving" and home.page else None,
            "l": t("中文"),
            "q": t("Leave"),
        }
        for key in self.query(Key):
            key.show(meanings[(key.id or "").removeprefix("key-")], say)


def _enter(home: Home) -> Text | None:
    match home.stage:
        case "ready" | "failed" if home.blocked or home.survey is None:
            return t("Look again")
        case "ready" | "failed":
            return t("Install and start") if home.missing else t("Start")
        case "asked":
            return t("Begin")
        case _:
            return None
