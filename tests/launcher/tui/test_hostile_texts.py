"""391 hostile texts in the interface: as lines of the log, cells of a table, and what is announced."""

from __future__ import annotations

from pathlib import Path

from rich.cells import cell_len
from textual.app import App, ComposeResult

from launcher.core.text import t
from launcher.tui.log_store import LogStore
from launcher.tui.widgets.row_table import Column, RowTable
from launcher.tui.widgets.row_table import Line as Row
from tests.hostile_text import TEXTS, obeyed
from tests.launcher.tui.test_bad_input import drawn
from tests.launcher.tui.test_console import FakeConsole, lines, opened


def test_the_log_keeps_no_sign_that_a_terminal_obeys() -> None:
    store = LogStore()
    store.add(lines(*TEXTS))
    kept = [store.text(number) for number in range(store.first, store.end)]
    assert len(kept) >= len(TEXTS)
    assert obeyed("".join(kept).replace("\n", "")) == set()
    assert "[@click=app.quit]x[/]" in kept
    assert all(cell_len(text) >= 0 for text in kept)


async def test_a_screen_of_them_shows_them_and_does_nothing(tmp_path: Path) -> None:
    console = FakeConsole(tmp_path)
    short = [text for text in TEXTS if len(text) < 2000]
    async with console.app().run_test(size=(80, 24)) as pilot:
        await opened(pilot, lines(*short))
        seen = ""
        for _ in range(len(short) // 18 + 2):
            seen += drawn(pilot)
            await pilot.press("pageup")
            await pilot.pause(0.01)
        assert obeyed(seen) == set()
        assert "[red]x[/red]" in seen
        assert pilot.app.is_running


class Table(App[None]):
    """One table of names."""

    def compose(self) -> ComposeResult:
        yield RowTable(id="names")

    def on_mount(self) -> None:
        rows = [Row(f"{number}", (text[:300], "x")) for number, text in enumerate(TEXTS)]
        self.query_one(RowTable).show((Column("name", "Name", 40), Column("more", "More", 10)), rows)


async def test_names_in_a_table_are_shown_as_they_are() -> None:
    async with Table().run_test(size=(80, 24)) as pilot:
        seen = ""
        for _ in range(len(TEXTS) // 20 + 2):
            seen += drawn(pilot)
            await pilot.press("pagedown")
            await pilot.pause(0.01)
        assert obeyed(seen) == set()
        assert "[@click=app.quit]x[/]" in seen
        assert pilot.app.is_running


async def test_what_is_announced_has_no_markup(tmp_path: Path) -> None:
    console = FakeConsole(tmp_path)
    async with console.app().run_test(size=(80, 24)) as pilot:
        for text in ("[@click=app.quit]x[/]", "[red]a[/red]\x1b]52;c;eA==\x07", "right \u202eto left", "\x9b31m"):
            pilot.app.tell(t("The model {name} was not found.", name=text))
            await pilot.pause(0.1)
            drawn(pilot)
        assert pilot.app.is_running
