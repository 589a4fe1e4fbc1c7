"""Under a form: what the field does, then what contradicts itself, then the command line that comes of it all."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from launcher.core.text import t
from launcher.tui.asks_profiles import Preview
from launcher.tui.profile_fields import Field
from launcher.tui.untrusted import plain
from launcher.tui.widgets.card import Say

_SIGNS = {"error": ("✗", "bold $text-error"), "warning": ("!", "$text-warning"), "info": ("i", "$text-muted")}


class CommandPane(VerticalScroll, can_focus=False):
    """Scrolls where a command line is long."""

    def compose(self) -> ComposeResult:
        """One block of text."""
        yield Static()

    def show(self, field: Field | None, preview: Preview, say: Say) -> None:
        """Say it all again."""
        self.border_title = say(t("What comes of it"))
        self.query_one(Static).update(said(field, preview, say))


def said(field: Field | None, preview: Preview, say: Say) -> Content:
    """The lines of the pane."""
    found = []
    if field is not None:
        found.append(Content.assemble((field.flag, "bold $primary"), f"  {plain(say(field.does))}"))
    if preview.error is not None:
        found.append(Content.styled(f"✗ {plain(say(preview.error.message))}", "bold $text-error"))
        found.append(Content(plain(say(preview.error.hint))))
    for finding in preview.findings:
        sign, style = _SIGNS[finding.severity]
        found.append(Content.styled(f"{sign} {plain(say(finding.message))}", style))
    if preview.line:
        found.append(Content.assemble(("$ ", "$secondary"), plain(preview.line)))
    shown = [f"{name}={value}" if value else f"-{name}" for name, value in preview.variables]
    if shown:
        found.append(Content.styled(plain(say(t("with {variables}", variables="  ".join(shown)))), "$text-muted"))
    return Content("\n").join(found)
