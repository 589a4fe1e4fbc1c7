"""Step: done; the page opens."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.widgets import Static

from launcher.core.events import Credentials
from launcher.core.setup.course import ABOUT
from launcher.core.text import Text, t
from launcher.tui.screens.setup import GO, SetupScreen
from launcher.tui.speaking import KeyOf


class DoneScreen(SetupScreen):
    """Says where everything is; Enter leads home."""

    step = "done"
    about = ABOUT["done"]
    keys = (KeyOf("enter", "go", t("Home")), KeyOf("o", "open", t("Open the page")), SetupScreen.keys[-1])

    def parts(self) -> ComposeResult:
        """Addresses and what to know."""
        yield Static(id="said")
        yield Container(id="picture")

    def on_mount(self) -> None:
        """The page, in the browser, where there is one."""
        self._opened = self.asks.open_page(self.course.url) if self.course.url else False
        super().on_mount()

    def retell(self) -> None:
        """Where to go from here."""
        super().retell()
        url, drawn = self.course.url, self.course.picture
        opened = t("The page opens in your browser: {url}", url=url)
        otherwise = t("Open this address in the browser of your computer: {url}", url=url)
        lines: list[Text | Content] = [
            Content.styled(self.say(t("Everything works.")), "bold $text-success"),
            *([opened if self._opened else otherwise] if url else []),
            *_secret(self.course.credentials),
            *([t("The picture lies at {file}", file=drawn.file)] if drawn else []),
            Content(""),
            t("Next time: start `gesso`, press Enter, and the page is there."),
            t("Home shows what runs and stops it; models, environments and the network have their own screens."),
        ]
        self.tell_lines(lines)

    def meaning(self, key: KeyOf) -> Text | None:
        """Without an address there is no page."""
        if key == GO:
            return key.meaning
        return super().meaning(key) if key.action != "open" or self.course.url else None

    def action_go(self) -> None:
        """Home."""
        self.action_home()

    def action_open(self) -> None:
        """Once more."""
        self._opened = self.asks.open_page(self.course.url)
        self.retell()


def _secret(made: Credentials | None) -> list[Text | Content]:
    if made is None:
        return []
    return [t("Name: {user}   Password: {password}   (shown only now)", user=made.user, password=made.password)]
