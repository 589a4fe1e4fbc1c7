"""The console, driven by keys and mouse over a log that the test fills."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import Mock

import pytest
from textual.pilot import Pilot
from textual.screen import Screen

from launcher.core.errors import LauncherError
from launcher.core.events import Event, Line, Notice
from launcher.core.log_file import free_path, save
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.text import t
from launcher.tui.app import GessoApp
from launcher.tui.asks import Place, Wiring
from launcher.tui.asks_console import ConsoleAsks
from launcher.tui.log_reading import Known
from launcher.tui.screens.console import ConsoleScreen
from launcher.tui.widgets.log_view import LogView
from tests.launcher.tui.conftest import FakeCore
from tests.launcher.tui.test_home_screen import screen_text, until

SMALL, LARGE = (80, 24), (120, 40)


@dataclass
class FakeConsole:
    """What the console asks, and the app over it."""

    folder: Path
    known: Known = lambda _lines: ()
    others: tuple[Event, ...] = ()
    followed: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def follow(self, cancel: threading.Event) -> Iterator[Event]:
        yield from self.others
        self.followed.set()
        cancel.wait(20)
        self.ended.set()

    def app(self, language: str = "en", core: FakeCore | None = None) -> GessoApp:
        asks = ConsoleAsks(lambda: self.known, self.follow, lambda: str(free_path(self.folder)), save)
        place = Place(Workspace(self.folder), Options())
        return GessoApp((core or FakeCore()).core(), language, Wiring(place, {ConsoleAsks: asks}))


@pytest.fixture
def console(tmp_path: Path) -> FakeConsole:
    return FakeConsole(tmp_path)


def lines(*texts: str) -> list[Line]:
    return [Line("runtime", text) for text in texts]


async def opened(pilot: Pilot, entries: Sequence[Line | Notice]) -> LogView:
    pilot.app.log_store.add(entries)
    pilot.app.go("console")
    await until(pilot, " lines" if pilot.app.language == "en" else " 行")
    view = pilot.app.screen.query_one(LogView)
    while view.rows.end < len(entries):
        await pilot.pause(0.01)
    return view


async def test_a_flood_draws_the_log_and_lays_nothing_out_anew(console, monkeypatch):
    async with console.app().run_test(size=SMALL) as pilot:
        await opened(pilot, lines(*(f"line {number}" for number in range(500))))
        await pilot.press("space")
        await until(pilot, "paused")
        await pilot.press("space")
        await until(pilot, "following")
        laid = Mock(side_effect=Screen._refresh_layout, autospec=True)
        monkeypatch.setattr(Screen, "_refresh_layout", laid)
        for batch in range(3):
            pilot.app.log_store.add(lines(*(f"batch {batch} {number}" for number in range(500))))
            await until(pilot, f"batch {batch} 499")
        await pilot.press("space")
        await until(pilot, "paused")
        laid.assert_not_called()


def copied(pilot: Pilot) -> str:
    return pilot.app.clipboard


async def test_what_was_said_before_and_what_comes_is_shown_at_the_end(console):
    async with console.app().run_test(size=SMALL, notifications=True) as pilot:
        view = await opened(pilot, lines(*(f"line {number}" for number in range(1000))))
        text = await until(pilot, "line 999")
        assert "line 980" not in text
        assert view.following
        pilot.app.log_store.add(lines("and one more"))
        await until(pilot, "and one more")
        assert "following" in await until(pilot, "1001 lines")


async def test_a_job_of_any_screen_is_heard(console):
    core = FakeCore(lines=("one [b]two[/b]", "\x1b[31mthree"))
    async with console.app(core=core).run_test(size=SMALL, notifications=True) as pilot:
        await until(pilot, "Press Enter to start.")
        await pilot.press("enter")
        await until(pilot, "ready: press o")
        pilot.app.go("console")
        text = await until(pilot, "* up to date")
        assert "one [b]two[/b]" in text
        assert "  three" in text
        assert pilot.app.log_store.texts(0, 9) == ["one [b]two[/b]", "three", "up to date"]


async def test_scrolling_away_pauses_and_the_end_follows_again(console):
    async with console.app().run_test(size=SMALL, notifications=True) as pilot:
        view = await opened(pilot, lines(*(f"line {number}" for number in range(100))))
        await pilot.press("home")
        await until(pilot, "paused")
        assert not view.following
        text = await until(pilot, "line 0 ")
        pilot.app.log_store.add(lines("more"))
        assert "more" not in await until(pilot, "paused: 1 new lines since")
        assert "line 0 " in text
        await pilot.press("end")
        await until(pilot, "following")
        await until(pilot, "more")
        await pilot.press("space")
        await until(pilot, "paused")
        pilot.app.log_store.add(lines("unseen"))
        assert "unseen" not in await until(pilot, "1 new lines since")
        await pilot.press("space")
        await until(pilot, "unseen")


async def test_gliding_to_the_end_ends_nothing(console):
    async with console.app().run_test(size=SMALL, notifications=True) as pilot:
        view = await opened(pilot, lines(*(f"line {number}" for number in range(100))))
        await pilot.press("home")
        await until(pilot, "paused")
        view.scroll_to(y=view.max_scroll_y, animate=True, duration=0.001)
        await until(pilot, "following")
        for _ in range(20):
            await pilot.pause(0.03)
        assert view.scroll_y == view.max_scroll_y


async def test_what_is_read_stays_though_its_lines_are_kept_no_more(console):
    async with console.app().run_test(size=SMALL, notifications=True) as pilot:
        store = pilot.app.log_store
        store._kept = 200
        view = await opened(pilot, lines(*(f"line {number}" for number in range(200))))
        await pilot.press("pageup", "pageup")
        await until(pilot, "paused")
        await pilot.pause(0.5)
        before = [row[:20] for row in screen_text(pilot).splitlines() if "line " in row]
        store.add(lines(*(f"late {number}" for number in range(50))))
        await pilot.pause(0.3)
        assert [row[:20] for row in screen_text(pilot).splitlines() if "line " in row] == before
        store.add(lines(*(f"late {number}" for number in range(50, 400))))
        await until(pilot, "400 new lines since")
        assert [row[:20] for row in screen_text(pilot).splitlines() if "line " in row] == before
        await pilot.press("end")
        await until(pilot, "late 399")
        assert view.rows.lines == 200


async def test_search_marks_and_goes_round(console):
    async with console.app().run_test(size=SMALL, notifications=True) as pilot:
        texts = [f"line {number}" for number in range(300)]
        texts[7], texts[150], texts[290] = "Needle one", "a needle", "needle needle"
        view = await opened(pilot, lines(*texts))
        await pilot.press("slash", *"need")
        await until(pilot, "“need”: 3 found")
        await pilot.press("enter")
        assert "> needle needle" in await until(pilot, "“need”: 3 of 3")
        assert not view.following
        await pilot.press("N")
        assert "> a needle" in await until(pilot, "2 of 3")
        await pilot.press("N", "N", "n")
        assert "> Needle one" in await until(pilot, "1 of 3")
        pilot.app.log_store.add(lines("a late needle"))
        await until(pilot, "1 of 3")
        await pilot.press("space")
        await until(pilot, "1 of 4")
        await pilot.press("escape")
        text = await until(pilot, "301 lines")
        assert "of 4" not in text
        assert isinstance(pilot.app.screen, ConsoleScreen)
        await pilot.press("escape")
        await until(pilot, "Press Enter to start.")


async def test_a_search_without_a_find_says_so_and_keys_typed_into_it_do_nothing_else(console):
    async with console.app().run_test(size=SMALL, notifications=True) as pilot:
        view = await opened(pilot, lines("one", "two"))
        await pilot.press("slash", *"swf n")
        await until(pilot, "“swf n” is not there")
        assert (view.wrapped, view.minimum) == (True, 0)
        await pilot.press("escape")
        await until(pilot, "all levels")
        assert view.search is None


async def test_the_level_filter_goes_round(console):
    async with console.app().run_test(size=SMALL, notifications=True) as pilot:
        await opened(pilot, lines("fine", "WARNING: careful", "ERROR: broken", "fine too"))
        await pilot.press("f")
        text = await until(pilot, "warnings and errors")
        assert "W WARNING: careful" in text
        assert "E ERROR: broken" in text
        assert "fine" not in text
        await pilot.press("f")
        assert "careful" not in await until(pilot, "errors only")
        await pilot.press("f")
        assert "fine too" in await until(pilot, "all levels")


async def test_long_lines_are_wrapped_or_go_on_to_the_right(console):
    async with console.app().run_test(size=SMALL, notifications=True) as pilot:
        view = await opened(pilot, lines("begin " + "中文" * 60 + " end"))
        await until(pilot, "end ")
        await pilot.press("w")
        assert "中文 end" not in await until(pilot, "not wrapped")
        view.scroll_to(x=view.max_scroll_x, animate=False)
        assert "begin" not in await until(pilot, "中文 end")
        await pilot.press("w")
        await until(pilot, "begin 中文")


async def test_a_known_line_is_marked_as_it_comes(console):
    ran_out = t("Memory ran out: {message}", message="[b]8 GB")
    console.known = lambda texts: [(index, ran_out) for index, line in enumerate(texts) if "OutOfMemory" in line]
    async with console.app("zh").run_test(size=SMALL, notifications=True) as pilot:
        await opened(pilot, lines("fine"))
        pilot.app.log_store.add(lines("torch.OutOfMemoryError: CUDA out of memory"))
        text = await until(pilot, "[b]8 GB")
        assert "E torch.OutOfMemoryError" in text
        assert "^ 内存或显存不足：[b]8 GB" in text
        pilot.app.language = "en"
        await until(pilot, "^ Memory ran out: [b]8 GB")


async def test_copy_takes_what_is_in_view_then_what_was_found_then_what_is_selected(console):
    async with console.app().run_test(size=SMALL, notifications=True) as pilot:
        view = await opened(pilot, lines(*(f"line {number}" for number in range(100)), "x" * 100))
        await pilot.press("y")
        await until(pilot, "have been copied")
        assert copied(pilot).splitlines()[-2:] == ["line 99", "x" * 100]
        assert "line 50" not in copied(pilot)
        await pilot.press("slash", *"line 5", "enter", "y")
        await pilot.pause()
        assert copied(pilot) == "line 59"
        await pilot.press("a", "y")
        await pilot.pause()
        assert copied(pilot).splitlines() == [view.store.text(number) for number in range(101)]


async def test_the_mouse_selects_and_more_lines_do_not_move_the_selection(console):
    async with console.app().run_test(size=SMALL, notifications=True) as pilot:
        await opened(pilot, lines("first line", "second 中文 line", "third line"))
        await pilot.mouse_down("#console", offset=(3 + 6, 1))
        await pilot.hover("#console", offset=(3 + 4, 3))
        await pilot.mouse_up("#console", offset=(3 + 4, 3))
        pilot.app.log_store.add(lines("more"))
        await until(pilot, "4 lines")
        await pilot.press("ctrl+c")
        await pilot.pause()
        assert copied(pilot) == "line\nsecond 中文 line\nthird"


async def test_too_much_for_a_terminal_is_not_copied_in_silence(console):
    async with console.app().run_test(size=SMALL, notifications=True) as pilot:
        await opened(pilot, lines(*("y" * 200 for _ in range(600))))
        await pilot.press("a", "y")
        await until(pilot, "save them with s")
        assert copied(pilot) == ""


async def test_what_is_shown_is_saved_and_nothing_is_ever_written_over(console, tmp_path):
    async with console.app().run_test(size=SMALL, notifications=True) as pilot:
        await opened(pilot, lines("fine", "ERROR: 坏了 [b]", "fine"))
        await pilot.press("s", "enter")
        await until(pilot, "3 lines have been saved in")
        saved = next(tmp_path.glob("console-*.txt"))
        assert saved.read_text(encoding="utf-8") == "fine\nERROR: 坏了 [b]\nfine\n"
        assert saved.stat().st_mode & 0o077 == 0
        await pilot.press("f", "f", "s")
        pilot.app.screen.query_one("#typed").value = str(saved)
        await pilot.press("enter")
        await until(pilot, "already.")
        assert saved.read_text(encoding="utf-8").startswith("fine")
        await pilot.press("s")
        pilot.app.screen.query_one("#typed").value = str(tmp_path / "new 文件夹" / "errors.txt")
        await pilot.press("enter")
        await until(pilot, "1 lines have been saved in")
        assert (tmp_path / "new 文件夹" / "errors.txt").read_text(encoding="utf-8") == "ERROR: 坏了 [b]\n"


@pytest.mark.parametrize("name", ["", "nul\0name", "~nobody-of-this-name/x", "file/below"])
def test_a_file_that_cannot_be_written_is_said(tmp_path, name):
    (tmp_path / "file").write_text("mine")
    path = name if name.startswith("~") else f"{tmp_path}/{name}"
    with pytest.raises(LauncherError):
        save(path, ["x"])
    assert (tmp_path / "file").read_text() == "mine"


def test_a_free_name_is_free(tmp_path):
    first = free_path(tmp_path)
    first.touch()
    second = free_path(tmp_path)
    assert second != first
    assert not second.exists()


async def test_a_runtime_that_others_started_is_followed_until_this_interface_stays_with_it(console):
    console.others = (Notice("already-running", "info", t("It runs already (process {pid}).", pid=7)), *lines("theirs"))
    async with console.app().run_test(size=SMALL, notifications=True) as pilot:
        await until(pilot, "Press Enter to start.")
        await opened(pilot, [])
        assert "* It runs already (process 7)." in await until(pilot, "  theirs")
        assert not console.ended.is_set()
        await pilot.press("escape", "enter")
        await until(pilot, "ready: press o")
        assert console.ended.wait(5)


async def test_leaving_ends_the_following(console):
    async with console.app().run_test(size=SMALL, notifications=True) as pilot:
        await opened(pilot, [])
        assert console.followed.wait(5)
    assert console.ended.wait(5)


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("language", ["en", "zh"])
async def test_nothing_is_cut_and_all_is_said_in_both_languages(console, language, size):
    async with console.app(language).run_test(size=size) as pilot:
        view = await opened(
            pilot, [*lines(*(f"{number}" for number in range(200))), Notice("x", "error", t("none yet"))]
        )
        await pilot.press("slash", "7", "enter")
        await pilot.pause(0.2)
        screen = pilot.app.screen
        for widget in screen.query("#title, LogView, ConsoleStatus, Key"):
            if widget.display:
                assert screen.region.contains_region(widget.region), widget
                assert widget.content_size.width >= 3
        assert screen.query_one("ConsoleStatus").content.cell_length <= size[0] - 4
        assert view.following is False
        text = screen_text(pilot)
        english = ("Search", "paused", "lines", "Console", "all levels")
        chinese = ("查找", "已暂停", "行", "控制台", "全部级别")
        assert all(word in text for word in (english if language == "en" else chinese)), text
        await pilot.press("question_mark")
        await until(pilot, "100,000")
