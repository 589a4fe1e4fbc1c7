"""An address as a QR code for a phone's camera: black on white, whatever the theme."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from launcher.core.text import t
from launcher.tui.state import Home
from launcher.tui.widgets.card import Say

#: light modules round the code; the standard asks for four, cameras do with two
_BORDER = 2
_HALVES = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
_INK = "#000000 on #ffffff"


class QrPane(Static):
    """Shown where the runtime answers the local network and there is room."""

    def show(self, home: Home, say: Say) -> None:
        """The first address: the likeliest."""
        self.set_class(bool(home.network), "shown")
        if home.network:
            self.border_title = say(t("For the phone"))
            self.update(drawn(home.network[0]))


def drawn(address: str, *, room: tuple[int, int] = (0, 0)) -> Content:
    """Two modules in each character, one above the other; twice as large where `room` (columns, lines) has it."""
    modules = _modules(address)
    wide, high = room
    if 2 * len(modules) <= wide and len(modules) <= high:
        found = ["".join("██" if module else "  " for module in row) for row in modules]
    else:
        found = lines(modules)
    return Content("\n").join(Content.styled(line, _INK) for line in found)


def lines(modules: list[list[bool]]) -> list[str]:
    """The code as text: ▀▄█ are dark modules."""
    below = [*modules[1::2], *([[False] * len(modules)] if len(modules) % 2 else [])]
    return [
        "".join(_HALVES[pair] for pair in zip(upper, lower, strict=True))
        for upper, lower in zip(modules[::2], below, strict=True)
    ]


def _modules(address: str) -> list[list[bool]]:
    # Needed only here, and not by everybody.
    import segno

    code = segno.make_qr(address, error="l")
    return [[bool(module) for module in row] for row in code.matrix_iter(border=_BORDER)]
