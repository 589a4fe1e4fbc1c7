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


def drawn(address: str) -> Content:
    """Two modules in each character, one above the other."""
    return Content("\n").join(Content.styled(line, _INK) for line in lines(address))


def lines(address: str) -> list[str]:
    """The code as text: ▀▄█ are dark modules."""
    # Needed only here, and not by everybody.
    import segno

    modules = [
        [bool(module) for module in row] for row in segno.make_qr(address, error="l").matrix_iter(border=_BORDER)
    ]
    if len(modules) % 2:
        modules.append([False] * len(modules[0]))
    return [
        "".join(_HALVES[pair] for pair in zip(above, below, strict=True))
        for above, below in zip(modules[::2], modules[1::2], strict=True)
    ]
