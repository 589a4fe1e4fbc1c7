"""A mend before it is done: exactly what it changes."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from launcher.core.mends.mend import Change, Preview
from launcher.core.text import t
from launcher.tui.untrusted import plain
from launcher.tui.widgets.card import Say

NOTHING = t("(nothing)")


class MendScreen(ModalScreen[bool]):
    """Answers with True after Enter, with False after Esc."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c,n", "answer(False)", show=False),
        Binding("y", "answer(True)", show=False),
        Binding("left,up", "app.focus_previous", show=False),
        Binding("right,down", "app.focus_next", show=False),
    ]

    def __init__(self, preview: Preview, say: Say) -> None:
        super().__init__()
        self._preview, self._say = preview, say

    def compose(self) -> ComposeResult:
        """The changes over the two answers."""
        with Vertical(id="mend") as frame:
            frame.border_title = plain(self._say(self._preview.title))
            frame.border_subtitle = self._say(t("Enter does it, Esc leaves everything as it is"))
            with VerticalScroll(id="changes"):
                yield Static(Content("\n").join(self._lines()))
            yield Button(Content(self._say(t("Do it"))), id="do", compact=True)
            yield Button(Content(self._say(t("Leave it as it is"))), id="stay", compact=True)

    def on_mount(self) -> None:
        """Enter does what is shown."""
        self.query_one("#do").focus()

    def _lines(self) -> list[Content]:
        """The remark before what may be long: it says what cannot be taken back, or wants a restart."""
        remark = self._preview.remark
        lines = [Content.styled(plain(self._say(remark)), "$text-warning"), Content("")] if remark else []
        lines.append(Content(self._say(t("This will be changed:"))))
        for change in self._preview.changes:
            lines += self._change(change)
        return lines

    def _change(self, change: Change) -> list[Content]:
        before, after = (self._say(NOTHING) if each is None else each for each in (change.before, change.after))
        return [
            Content.styled(f"• {plain(self._say(change.what))}", "bold"),
            *(Content(f"  - {plain(line)}") for line in before.split("\n")),
            *(Content(f"  + {plain(line)}") for line in after.split("\n")),
        ]

    @on(Button.Pressed)
    def _pressed(self, pressed: Button.Pressed) -> None:
        self.dismiss(pressed.button.id == "do")

    def action_answer(self, answer: bool) -> None:
        """y, n and Esc."""
        self.dismiss(answer)
