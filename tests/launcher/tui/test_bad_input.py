"""Bad input without a terminal: small and changing sizes, floods, hostile text, children that die or hang."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from launcher.core.events import Event, Line
from launcher.core.running import Tail
from launcher.tui.jobs import Cancel
from launcher.tui.log_store import KEPT
from launcher.tui.messages import PORTION, Inbox
from launcher.tui.state import Survey
from launcher.tui.widgets.log_view import LogView
from tests.launcher.tui.conftest import FakeCore
from tests.launcher.tui.test_console import FakeConsole, lines, opened
from tests.launcher.tui.test_home_screen import screen_text, until

HOSTILE = (
    "[red]not a colour[/red] [@click=app.quit]x[/] [/] [b",
    "a\x1b[31mred\x1b[0m\x1b[2J\x1b[Hb\x07",
    "\x1b]52;c;ZXZpbA==\x07clip\x1b]0;title\x07c",
    "back\x08space \x00null \x7fdelete \x9b31mC1",
    "right \u202eto left\u202c \u2066isolated\u2069",
    "half a pair \udcff, zero\u200bwidth, e\u0301, \U0001f469\u200d\U0001f4bb",
    "中" * 500,
    "x" * 65_536,
    "10%\r50%\r100%",
    "\t\ttabs\t.",
    "\x85\x0b\x0c\u2028\u2029lines",
    "",
    " ",
)


@pytest.fixture
def console(tmp_path: Path) -> FakeConsole:
    return FakeConsole(tmp_path)


def drawn(pilot: Pilot) -> str:
    """What is drawn has no sign that a terminal would obey, and every row is as wide as the screen."""
    text = screen_text(pilot)
    assert all(sign >= " " and not "\x7f" <= sign < "\xa0" for sign in text.replace("\n", ""))
    widths = {strip.cell_length for strip in pilot.app.screen._compositor.render_strips()}
    assert widths == {pilot.app.size[0]}
    return text


@pytest.mark.parametrize(
    ("size", "language"),
    [((60, 20), "en"), ((60, 20), "zh"), ((40, 12), "zh"), ((20, 6), "en"), ((8, 3), "zh"), ((1, 1), "en")],
)
async def test_a_small_terminal_shows_what_it_has_room_for(console, size, language):
    async with console.app(language).run_test(size=size) as pilot:
        pilot.app.log_store.add(lines(*HOSTILE, "the newest"))
        await pilot.pause(0.3)
        pilot.app.go("console")
        await pilot.pause(0.3)
        await pilot.press("slash", "x", "enter", "n", "w", "right", "f", "f", "f", "end", "space", "question_mark")
        await pilot.press("escape", "escape", "space")
        await pilot.pause(0.2)
        text = drawn(pilot)
        if size >= (40, 12):
            assert "the newest" in text


async def test_sizes_that_change_in_the_middle_of_a_flood(console):
    async with console.app().run_test(size=(80, 24)) as pilot:
        view = await opened(pilot, lines(*HOSTILE))
        for step in range(16):
            pilot.app.log_store.add(lines(*(f"{step} {number} " + "word " * 30 for number in range(50))))
            await pilot.resize_terminal(20 + step * 37 % 120, 5 + step * 13 % 45)
            if step % 2 == 0:
                await pilot.press(("w", "f", "home", "end", "f", "f", "w", "space")[step // 2])
        await pilot.resize_terminal(60, 20)
        view.follow()
        await until(pilot, "15 49 word")
        drawn(pilot)
        assert view.rows.lines == 800 + len(HOSTILE)


@pytest.mark.parametrize("width", [5, 60, 80])
async def test_hostile_lines_are_shown_and_do_nothing(console, width):
    async with console.app().run_test(size=(width, 24)) as pilot:
        view = await opened(pilot, lines(*HOSTILE)) if width > 40 else None
        if view is None:
            pilot.app.log_store.add(lines(*HOSTILE))
            pilot.app.go("console")
            await pilot.pause(0.3)
            view = pilot.app.screen.query_one(LogView)
        for key in ("home", "pagedown", "w", "right", "end", "home"):
            await pilot.press(key)
            await pilot.pause(0.05)
            drawn(pilot)
        if width == 80:
            text = await until(pilot, "[red]not a colour[/red] [@click=app.quit]x[/] [/] [b")
            assert "aredb␇" in text
            assert "clipc" in text
            assert "back␈space ␀null ␡delete C1" in text
        assert pilot.app.is_running


async def test_a_flood_is_kept_to_its_last_lines_and_a_key_still_works(console):
    flood = tuple(f"line {number}" for number in range(KEPT + 20_000))
    core = FakeCore(lines=flood)
    async with console.app(core=core).run_test(size=(80, 24)) as pilot:
        await until(pilot, "Press Enter to start.")
        await pilot.press("enter")
        await pilot.pause(0.1)
        pilot.app.go("console")
        await until(pilot, "lines")
        await pilot.press("space")
        await until(pilot, "paused")
        await pilot.press("space")
        await until(pilot, "* up to date", seconds=60)
        store = pilot.app.log_store
        assert store.end == KEPT + 20_001
        assert store.end - store.first == KEPT
        assert store.text(store.end - 2) == flood[-1]
        drawn(pilot)


async def test_a_job_that_floods_does_not_fill_the_memory_and_says_its_end_last(console):
    """The worker waits for the screen: what it has read and nobody has taken is bounded."""
    waiting: list[int] = []
    old = Inbox.take

    def take(inbox: Inbox) -> list[object]:
        waiting.append(len(inbox._events))
        return old(inbox)

    class Flooding(FakeCore):
        def launch(self, survey: Survey, cancel: Cancel) -> Iterator[Event]:
            for number in range(60_000):
                yield Line("runtime", f"line {number}")
            yield from super().launch(survey, cancel)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Inbox, "take", take)
        async with console.app(core=Flooding()).run_test(size=(80, 24)) as pilot:
            await until(pilot, "Press Enter to start.")
            await pilot.press("enter")
            await until(pilot, "ready: press o", seconds=60)
    assert sum(min(count, PORTION) for count in waiting) >= 60_000
    assert max(waiting) <= 4 * PORTION


def test_a_portion_leaves_the_rest_announced():
    again: list[int] = []
    inbox = Inbox(lambda: again.append(len(inbox._events)))
    for number in range(PORTION + 5):
        inbox.put(Line("runtime", str(number)))
    assert len(inbox.take()) == PORTION
    assert again == [PORTION + 5]
    assert not inbox.put(Line("runtime", "announced already"))
    assert len(inbox.take()) == 6
    assert len(inbox.heard()) == PORTION + 6
    assert (inbox.take(), inbox.heard()) == ([], [])


def test_a_log_that_never_ends_its_line_is_cut_and_one_that_grows_while_it_is_read_ends(tmp_path: Path):
    path = tmp_path / "log"
    path.write_bytes(b"x" * 3_000_000)
    tail = Tail(path)
    found = list(tail.lines())
    assert 0 < len(found) <= 3
    assert sum(map(len, found)) == 3_000_000
    stop, growing = threading.Event(), path.open("ab", buffering=0)

    def grow() -> None:
        while not stop.is_set():
            growing.write(b"more and more\n" * 100)

    writer = threading.Thread(target=grow)
    writer.start()
    began = time.monotonic()
    list(tail.lines())
    stop.set()
    writer.join()
    growing.close()
    assert time.monotonic() - began < 30


def test_a_log_that_is_followed_late_begins_with_a_whole_line(tmp_path: Path):
    path = tmp_path / "log"
    path.write_text("".join(f"line {number}\n" for number in range(1000)), encoding="utf-8")
    found = list(Tail(path, last=100).lines())
    assert found[-1] == "line 999"
    assert all(line.startswith("line ") for line in found)
    assert len(found) >= 9
    assert list(Tail(tmp_path / "none", last=100).lines()) == []
