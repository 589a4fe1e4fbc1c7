"""The line under the console: how much there is, what is shown of it, and what was found."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from launcher.core.text import Text, t
from launcher.tui.log_levels import ERROR, INFO, WARNING
from launcher.tui.log_search import Search
from launcher.tui.untrusted import plain
from launcher.tui.widgets.card import Say
from launcher.tui.widgets.log_view import LogView

#: what `f` shows next
NEXT_MINIMUM = {INFO: WARNING, WARNING: ERROR, ERROR: INFO}
_SHOWN = {INFO: t("all levels"), WARNING: t("warnings and errors"), ERROR: t("errors only")}


class ConsoleStatus(Static):
    """Everything in words."""

    def show(self, view: LogView, say: Say) -> None:
        """Draw it from the view."""
        parts = [Content(plain(say(sentence))) for sentence in sentences(view)]
        # Its size is always the same, and a flood changes it ten times a second.
        self.update(Content("  ·  ").join(parts), layout=False)


def sentences(view: LogView) -> list[Text]:
    """The most important first: the end may be cut off."""
    found = [] if view.search is None else [_found(view.search, view.current)]
    if view.waiting:
        found.append(t("paused: {count} new lines since", count=view.waiting))
    else:
        found.append(t("following") if view.following else t("paused"))
    found.append(t("{count} lines", count=view.rows.lines))
    found.append(_SHOWN[view.minimum])
    if not view.wrapped:
        found.append(t("not wrapped"))
    return found


def _found(search: Search, current: int | None) -> Text:
    count = len(search.found)
    if not count:
        return t("“{what}” is not there", what=search.needle)
    if current is None:
        return t("“{what}”: {count} found (n, N)", what=search.needle, count=count)
    return t("“{what}”: {number} of {count} (n, N)", what=search.needle, number=search.place_of(current), count=count)
