"""Places being measured: a bar for each, as far as it has come and how fast."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from launcher.amounts import in_bytes
from launcher.core.events import Event, Notice, Probed
from launcher.core.network.mirrors import TITLES
from launcher.core.text import t
from launcher.tui.untrusted import plain
from launcher.tui.widgets.card import Say

BAR = 16
_NAME = 12


class MirrorBars(Static):
    """The kind that is measured now; those before it are in what was decided."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._kind = ""
        self._places: dict[str, Probed] = {}

    def hear(self, events: list[Event]) -> None:
        """Take in what was measured."""
        for event in events:
            if isinstance(event, Notice) and event.slug == "measuring":
                self._kind, self._places = "", {}
            elif isinstance(event, Probed):
                self._kind = event.kind
                self._places[event.name] = event

    def show(self, say: Say) -> None:
        """Draw them, the fastest first."""
        self.display = bool(self._places)
        ranked = sorted(self._places.values(), key=lambda each: (-(each.rate or 0.0), each.name))
        heading = TITLES.get(self._kind)
        lines = [Content.styled(say(heading), "bold")] if heading else []
        self.update(Content("\n").join([*lines, *(_bar(each, say) for each in ranked)]))


def _bar(each: Probed, say: Say) -> Content:
    filled = min(BAR, BAR * each.done // each.total) if each.total else 0
    if each.rate:
        told = say(t("{amount}/s", amount=in_bytes(int(each.rate))))
    else:
        told = say(t("nothing came") if each.over else t("asked …"))
    name = plain(each.name)
    pad = " " * max(1, _NAME - Content(name).cell_length)
    return Content.assemble(
        f"  {name}{pad}", ("━" * filled, "$success"), ("─" * (BAR - filled), "$text-muted"), f"  {told}"
    )
