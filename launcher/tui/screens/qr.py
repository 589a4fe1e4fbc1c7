"""The QR code by itself, as large as the terminal allows, with the addresses as text."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from launcher.core.text import t
from launcher.tui.untrusted import plain
from launcher.tui.widgets.card import Say
from launcher.tui.widgets.qr import drawn


class QrScreen(ModalScreen[None]):
    """Any of the usual keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,k,q", "dismiss", show=False)]

    def __init__(self, addresses: tuple[str, ...], say: Say, *, login: bool = False) -> None:
        """`login`: the page asks for a name and a password."""
        super().__init__()
        self._addresses, self._say, self._login = addresses, say, login

    def compose(self) -> ComposeResult:
        """The code, then what it says; other addresses of this computer after it."""
        first, *others = self._addresses
        said = [Content.styled(plain(first), "bold")]
        said.append(Content(self._say(t("A phone in the same network can open this."))))
        if self._login:
            said.append(Content(self._say(t("Then it asks for the name and the password."))))
        if others:
            said.append(Content(self._say(t("Or: {addresses}", addresses=plain("  ".join(others))))))
        with VerticalScroll(id="qr-large") as pane:
            pane.border_title = self._say(t("For the phone"))
            pane.border_subtitle = self._say(t("Esc closes"))
            wide, high = self.app.size
            yield Static(drawn(first, room=(wide - 6, high - 2 - len(said))), id="qr-code")
            yield Static(Content("\n").join(said), id="qr-said")
