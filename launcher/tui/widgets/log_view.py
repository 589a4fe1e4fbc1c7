"""Shows the log that all screens share: only the rows in view are drawn, however many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from rich.segment import Segment
from rich.style import Style
from textual.events import Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from launcher.tui.log_levels import ERROR, INFO, WARNING
from launcher.tui.log_rows import Place, Rows, cut
from launcher.tui.log_search import Search, spans
from launcher.tui.log_store import DIAGNOSIS, GESSO, LogStore
from launcher.tui.widgets.log_marks import marked

if TYPE_CHECKING:
    from launcher.tui.app import GessoApp

#: seconds between two looks at what has come; after so many rows, which nobody can read, fewer are enough
_PACE, _FLOOD_PACE, _FLOOD = 0.1, 0.2, 1000
#: while nobody sees it
_HIDDEN_PACE = 0.5

_SIGNS = {ERROR: "E ", WARNING: "W ", INFO: "  "}
_STYLES = {ERROR: "log--error", WARNING: "log--warning"}


class LogView(ScrollView, can_focus=True):
    """Follows the end until somebody scrolls away from it, and again once the end has been scrolled to."""

    ALLOW_SELECT = True
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "log--warning", "log--error", "log--own", "log--diagnosis", "log--match", "log--current",
    }  # fmt: skip

    class Changed(Message):
        """How much there is, or what is shown of it, has changed."""

    def __init__(self, *, signs: bool = True, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.store: LogStore = cast("GessoApp", self.app).log_store
        #: what is shown: while somebody reads, a frozen copy, for a flood would wash it away
        self.shown = self.store
        self.wrapped, self.minimum = True, INFO
        self.search: Search | None = None
        #: the line that was found last
        self.current: int | None = None
        self._gutter = 2 if signs else 0
        self._due, self._ours, self._pace = False, False, _PACE
        self.rows = Rows(self.store, None)

    def on_mount(self) -> None:
        """From now on, hear of new lines."""
        self.store.watch(self._news)

    def on_unmount(self) -> None:
        """No more."""
        self.store.unwatch(self._news)

    def on_resize(self, _event: Resize) -> None:
        """Wrap to the new width: not at each of the many steps of a window that is being drawn larger."""
        self._news()

    # What is shown

    def rebuild(self) -> None:
        """Everything anew, with the same line at the top."""
        if not self._width:
            # The size that it is given later brings it here again.
            self._wrapped_to = 0
            return
        top = self.rows.at(self._top)
        if not self.following:
            self.shown.speak(self.store.say)
        self.rows = Rows(self.shown, self._width if self.wrapped else None, self.minimum)
        self.rows.catch_up()
        self._wrapped_to = self._width
        # A selection is kept by its rows, which are others now.
        self.screen.clear_selection()
        self._measure()
        if not self.following and top is not None:
            self._go(self.rows.row_of(top.number) - self.rows.first)
        self.refresh()
        self.post_message(self.Changed())

    def follow(self, following: bool = True) -> None:
        """Stay at the end, or stay where we are."""
        self._hold(not following)
        if following:
            self._go(self.max_scroll_y)
        self.post_message(self.Changed())

    @property
    def following(self) -> bool:
        """Is the end shown, and the newest as it comes?"""
        return self.shown is self.store

    @property
    def waiting(self) -> int:
        """How many lines have come since."""
        return self.store.end - self.shown.end

    def _hold(self, held: bool) -> None:
        if held == (not self.following):
            return
        self.rows.catch_up()
        self.shown = self.store.frozen() if held else self.store
        self.rows.over(self.shown)
        if self.search is not None:
            self.search.over(self.shown)
        self.rows.catch_up()
        if not held:
            self._measure()
            self._news()

    def look_for(self, needle: str) -> None:
        """Mark every place that has it; nothing is looked for where it is empty."""
        self.search = Search(self.shown, needle, self.minimum) if needle else None
        self.current = None
        self._search_on()
        self.refresh()

    def show_line(self, number: int) -> None:
        """Bring the line into view and mark it."""
        self.current = number
        self._hold(True)
        row = self.rows.row_of(number) - self.rows.first
        height = self.scrollable_content_region.height
        if not self.scroll_offset.y <= row < self.scroll_offset.y + height:
            self._go(max(0, row - height // 3))
        self.refresh()
        self.post_message(self.Changed())

    def go_to_found(self, *, forwards: bool) -> None:
        """The next line that has what is searched for; without a last one, the nearest to what is in view."""
        search = self.search
        if search is None:
            return
        bottom = self.rows.at(min(self._top + self.scrollable_content_region.height, self.rows.end) - 1)
        here = bottom.number + 1 if bottom else self.shown.end
        if self.current is not None:
            here = self.current
        number = search.after(here) if forwards else search.before(here)
        if number is not None:
            self.show_line(number)

    def text_in_view(self) -> str:
        """The line that was found last, else what can be seen."""
        if self.current is not None and self.rows.shows(self.current):
            return self.shown.text(self.current)
        height = self.scrollable_content_region.height
        return self.rows.extract((self._top, 0), (self._top + height, 0))

    def all_lines(self) -> list[str]:
        """Every line that is shown, the oldest first."""
        self.rows.catch_up()
        return self.rows.texts()

    # What has come

    def _news(self) -> None:
        if not self._due:
            self._due = True
            self.set_timer(self._pace if self._seen else _HIDDEN_PACE, self._catch_up)

    @property
    def _seen(self) -> bool:
        return self.is_attached and self.screen.is_active

    def _catch_up(self) -> None:
        self._due = False
        if not self._seen or not self._width:
            # Once it is shown it gets a size, and looks again; another screen over it goes away without a word.
            if not self._seen:
                self._news()
            return
        if self._wrapped_to == 0 or (self.wrapped and self._width != self._wrapped_to):
            self.rebuild()
        before = self.rows.end
        self._measure(self.rows.catch_up())
        self._pace = _PACE if self.rows.end - before < _FLOOD else _FLOOD_PACE
        self._search_on()
        self.refresh()
        self.post_message(self.Changed())

    def _search_on(self) -> None:
        if self.search is not None and self.search.go_on():
            self._news()

    def _measure(self, gone: int = 0) -> None:
        """The bars, and where we are: at the end, or with the same lines in view as long as they are kept."""
        wide = 0 if self.wrapped else self.rows.widest + self._gutter
        before = self.scroll_offset.y
        # The bars alone: set as usual it would lay the whole screen out anew, ten times a second in a flood.
        self.set_reactive(LogView.virtual_size, size := Size(wide, self.rows.height))
        self._scroll_update(size)
        if self.following:
            self._go(self.max_scroll_y)
        elif gone:
            self._go(max(0, before - gone))

    def _go(self, row: int) -> None:
        # who is there already may be gliding there: stopping that from within its own step ends the program
        if round(self.scroll_y) == row:
            return
        self._ours = True
        self.scroll_to(y=row, animate=False, immediate=True, force=True)
        self._ours = False

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Whoever scrolls away wants to read; whoever goes to the end wants to follow."""
        super().watch_scroll_y(old_value, new_value)
        # Rows that are no longer there move it too, and that means nothing.
        moved = round(old_value) != round(new_value) and old_value <= self.max_scroll_y
        if moved and not self._ours:
            self.follow(round(new_value) >= self.max_scroll_y)

    # How a row is drawn

    #: the width that the rows are wrapped to; 0: not yet
    _wrapped_to = 0
    _base = Style.null()
    _selected: Selection | None = None

    @property
    def _width(self) -> int:
        return max(0, self.scrollable_content_region.width - self._gutter)

    @property
    def _top(self) -> int:
        return self.rows.first + self.scroll_offset.y

    def render_lines(self, crop: Region) -> list[Strip]:
        """Some rows of what is in view; what they have in common is asked for once."""
        self._base, self._selected = self.rich_style, self.text_selection
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """One of them."""
        width, base = self.scrollable_content_region.width, self._base
        row = self._top + y
        place = self.rows.at(row)
        if place is None or place.number < self.shown.first:
            return Strip.blank(width, base)
        style = base + self._style(place.number)
        start, piece = self.rows.offset(place), self.rows.piece(place)
        if not self.wrapped:
            start, piece = cut(piece, self.scroll_offset.x, self._width)
        segments = list(marked(piece, style, self._marks(place, row, start, len(piece))))
        if self._gutter:
            segments.insert(0, Segment(self._sign(place), style))
        # Numbered by rows that keep their number, so that what is selected stays selected while more comes in.
        character = start - self._gutter - (self.rows.offset(place) if self.wrapped else 0)
        return Strip(segments).adjust_cell_length(width, base).apply_offsets(character, row)

    def _sign(self, place: Place) -> str:
        if place.number == self.current:
            return "> "
        source = self.shown.source(place.number)
        if place.part:
            return "  "
        return "^ " if source == DIAGNOSIS else "* " if source == GESSO else _SIGNS[self.shown.level(place.number)]

    def _style(self, number: int) -> Style:
        source = self.shown.source(number)
        name = _STYLES.get(self.shown.level(number), "log--own" if source == GESSO else "")
        if source == DIAGNOSIS:
            name = "log--diagnosis"
        return self.get_component_rich_style(name, partial=True) if name else Style.null()

    def _marks(self, place: Place, row: int, start: int, length: int) -> list[tuple[int, int, Style]]:
        """What stands out, in characters of the row: what was searched for, then what is selected."""
        found = []
        if self.search is not None:
            name = "log--current" if place.number == self.current else "log--match"
            style = self.get_component_rich_style(name, partial=True)
            marked = spans(self.shown.text(place.number), self.search.needle)
            found = [(max(0, a - start), b - start, style) for a, b in marked if b > start and a < start + length]
        selection = self._selected
        if selection is not None and (span := selection.get_span(row)) is not None:
            shift = 0 if self.wrapped else start
            end = length if span[1] == -1 else max(0, span[1] - shift)
            found.append((max(0, span[0] - shift), end, self.screen.get_component_rich_style("screen--selection")))
        return found

    # What is selected

    def get_selection(self, selection: Selection) -> tuple[str, str]:
        """The text of the selection, the part that is not in view too."""
        start = (selection.start.y, max(0, selection.start.x)) if selection.start else (self.rows.first, 0)
        end = (selection.end.y, max(0, selection.end.x)) if selection.end else (self.rows.end, 0)
        return self.rows.extract(start, end), "\n"

    def selection_updated(self, _selection: Selection | None) -> None:
        """Draw it."""
        self.refresh()
