"""One bar for everything that is being done, with its rate and the time that is left."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from launcher.amounts import in_bytes, in_time
from launcher.core.events import Progress
from launcher.core.text import t
from launcher.tui.untrusted import plain
from launcher.tui.widgets.card import Say
from launcher.tui.widgets.progress import pace

_NARROW, _WIDE = 10, 40
#: cells that the numbers beside the bar may take
_NUMBERS = 58


class WholeBar(Static):
    """Thick is done, thin is left: it reads without colour."""

    def show(self, share: float, progress: Progress | None, seconds_left: float | None, say: Say) -> None:
        """`share` from 0 to 1; rate and time of the transfer that runs win over the expectation."""
        width = max(_NARROW, min(_WIDE, self.app.size.width - _NUMBERS))
        filled = int(width * share)
        parts = [Content.assemble(("━" * filled, "$success"), ("─" * (width - filled), "$text-muted"),
                                  f" {share:.0%}")]  # fmt: skip
        if progress and progress.unit == "bytes":
            whole = in_bytes(progress.total) if progress.total else "?"
            parts.append(Content(f"{in_bytes(progress.done)} / {whole}"))
            parts += [Content(plain(say(words))) for words in pace(progress)[:1]]
        if seconds_left:
            parts.append(Content(say(t("about {time} left", time=in_time(seconds_left)))))
        self.update(Content("  ").join(parts))
