"""The terminal interface as a Textual application."""

from __future__ import annotations

from typing import ClassVar

from textual.app import App
from textual.theme import Theme

from launcher.core.paths import Workspace
from launcher.core.plan.plan import Options
from launcher.tui.jobs import Core
from launcher.tui.screens.home import HomeScreen
from launcher.tui.wiring import real_core

# Ochre on the dark of an undrawn canvas.
_THEME = Theme(
    name="gesso",
    primary="#d4a458",
    secondary="#8fa9b8",
    accent="#f0dcae",
    success="#8fbf6f",
    warning="#e3b341",
    error="#e5695e",
    foreground="#e6e3dc",
    background="#16171a",
    surface="#212328",
)


class GessoApp(App[int], inherit_bindings=False):
    """Opens the home screen."""

    CSS_PATH = "gesso.tcss"
    TITLE = "Gesso"
    ENABLE_COMMAND_PALETTE: ClassVar[bool] = False

    def __init__(self, core: Core, language: str) -> None:
        super().__init__()
        self._core, self._language = core, language

    def on_mount(self) -> None:
        """Our colours, then the first screen."""
        self.register_theme(_THEME)
        self.theme = "gesso"
        self.push_screen(HomeScreen(self._core, self._language))


def run(workspace: Workspace, language: str, options: Options) -> int:
    """Open the interface and return the exit code: 0 after leaving, 3 if a bug ended it (Textual prints where)."""
    app = GessoApp(real_core(workspace, options), language)
    answer = app.run()
    return 3 if app.return_code else answer or 0
