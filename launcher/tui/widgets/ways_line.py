"""The line of keys that open the other screens; each is also a button for the mouse."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.containers import Horizontal
from textual.content import Content

from launcher.core.text import Text
from launcher.tui.home_keys import screen_of
from launcher.tui.speaking import Key, KeyOf


class WaysLine(Horizontal):
    """Close together: seven names have to fit into 80 columns."""

    def __init__(self, ways: Sequence[KeyOf], *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(*(WayKey(each) for each in ways), id=id)

    def show(self, say: Callable[[Text], str], meaning: Callable[[KeyOf], Text | None]) -> None:
        """Hidden where nothing is behind it."""
        for key in self.query(WayKey):
            means = meaning(key.of)
            key.display = means is not None
            if means is not None:
                key.show(say(means))


class WayKey(Key):
    """One of them: the key is the mark."""

    def __init__(self, of: KeyOf) -> None:
        super().__init__(of, id=f"key-{screen_of(of)}")

    def show(self, said: str) -> None:
        """The key, then where it leads."""
        self.update(Content.assemble((self.of.label, "bold reverse"), f" {said}"))
