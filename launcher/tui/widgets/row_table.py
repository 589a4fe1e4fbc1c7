"""A table of rows with a key each: drawn anew cell by cell, so that the cursor stays where it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text as Cell
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.message import Message
from textual.widgets import DataTable

from launcher.tui.untrusted import plain


@dataclass(frozen=True)
class Column:
    """`title` in the language of the moment; `width` in cells, None: as wide as what stands in it."""

    key: str
    title: str
    width: int | None = None


@dataclass(frozen=True)
class Line:
    """One row: its key, and the texts of its cells."""

    key: str
    cells: tuple[str, ...]
    #: of the whole row
    style: str = ""


class RowTable(DataTable[Cell]):
    """Enter and a double click take a row; the arrows, j and k, and one click only go there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
    ]

    class Moved(Message):
        """The cursor stands on another row."""

    class Taken(Message):
        """The row under the cursor is meant."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name of it
        super().__init__(id=id, cursor_type="row", zebra_stripes=False)
        self._columns: tuple[Column, ...] = ()
        self._lines: dict[str, Line] = {}

    def show(self, columns: Sequence[Column], lines: Sequence[Line]) -> None:
        """What the table holds now; where only texts differ, the rows stay."""
        columns = tuple(columns)
        if columns == self._columns and list(self._lines) == [line.key for line in lines]:
            for line in lines:
                self._redraw(line)
        else:
            self._fill(columns, lines)
        self._lines = {line.key: line for line in lines}

    @property
    def picked(self) -> str | None:
        """The key of the row under the cursor; None in an empty table."""
        return list(self._lines)[self.cursor_row] if 0 <= self.cursor_row < len(self._lines) else None

    def pick(self, key: str) -> None:
        """Move the cursor to the row of `key`, if there is one."""
        if key in self._lines:
            self.move_cursor(row=list(self._lines).index(key))

    def _fill(self, columns: tuple[Column, ...], lines: Sequence[Line]) -> None:
        before = self.picked
        row = self.cursor_row
        self.clear(columns=True)
        self._columns = columns
        for column in columns:
            self.add_column(Cell(column.title, no_wrap=True), key=column.key, width=column.width)
        for line in lines:
            self.add_row(*_cells(line), key=line.key)
        keys = [line.key for line in lines]
        self._lines = dict(zip(keys, lines, strict=True))
        if keys:
            self.move_cursor(row=keys.index(before) if before in keys else min(row, len(keys) - 1))

    def _redraw(self, line: Line) -> None:
        old = self._lines[line.key]
        for column, before, now, cell in zip(self._columns, old.cells, line.cells, _cells(line), strict=True):
            if before != now or old.style != line.style:
                self.update_cell(line.key, column.key, cell, update_width=column.width is None)

    def on_data_table_row_highlighted(self) -> None:
        """DataTable's own word for it."""
        self.post_message(self.Moved())

    def action_select_cursor(self) -> None:
        """Enter."""
        self.post_message(self.Taken())

    def on_click(self, event: Click) -> None:
        """DataTable itself goes to the row."""
        if event.chain == 2:
            self.post_message(self.Taken())


def _cells(line: Line) -> list[Cell]:
    return [Cell(plain(text), style=line.style, no_wrap=True, overflow="ellipsis") for text in line.cells]
