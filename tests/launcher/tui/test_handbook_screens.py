"""The handbook and the report, driven by keys: what is searched, shown and written."""

from __future__ import annotations

import pytest

from launcher.core.errors import LauncherError
from launcher.core.text import t
from launcher.tui.screens.handbook import HandbookScreen
from launcher.tui.screens.report import ReportScreen
from launcher.tui.screens.troubleshooting import TroubleshootingScreen
from tests.launcher.tui.test_home_screen import screen_text, until
from tests.launcher.tui.test_trouble_screens import LARGE, SAID, SMALL, opened, picked, surgery

__all__ = ["surgery"]


# The handbook


@pytest.mark.parametrize(("language", "size"), [("en", SMALL), ("zh", LARGE)])
async def test_the_handbook_is_searched_as_one_types(surgery, fake, language, size):
    async with surgery.app(fake, language).run_test(size=size) as pilot:
        pilot.app.go("handbook")
        await until(pilot, "5 pages" if language == "en" else "5 页")
        await pilot.press(*"port")
        text = await until(pilot, "2 pages" if language == "en" else "2 页")
        assert "git" not in text.replace("gesso", "")
        assert picked(pilot) == "term-port"
        await pilot.press("down")
        await until(pilot, "─ The port is taken ─" if language == "en" else "─ 端口被占用 ─")
        assert ("2. Step 1 of" if language == "en" else "2. 端口被占用的第 1 步") in screen_text(pilot)
        await pilot.press("escape")
        await until(pilot, "5 pages" if language == "en" else "5 页")
        pilot.app.screen.query_one("#asked").value = "爆显存了怎么办"
        await until(pilot, "─ VRAM ─" if language == "en" else "─ 显存 ─")
        pilot.app.screen.query_one("#asked").value = "zzz"
        await until(pilot, "fewer of them find more" if language == "en" else "少写几个词")
        await pilot.press("escape", "escape")
        assert not isinstance(pilot.app.screen, HandbookScreen)


async def test_a_long_page_is_read_on_while_the_field_stays(surgery, fake):
    async with surgery.app(fake).run_test(size=SMALL) as pilot:
        pilot.app.go("handbook")
        text = await until(pilot, "This is [b]git is not found[/b].")
        assert "25. Step" not in text
        await pilot.press("pagedown", "pagedown", "pagedown")
        await until(pilot, "30. Step 29")
        await pilot.press("pageup", "pageup", "pageup", "x")
        assert pilot.app.screen.query_one("#asked").value == "x"


async def test_the_handbook_opens_at_the_page_of_the_finding(surgery, fake):
    async with surgery.app(fake).run_test(size=SMALL) as pilot:
        await opened(pilot)
        await pilot.press("h")
        await until(pilot, "This is [b]The port is taken[/b].")
        assert picked(pilot) == "srv-port-in-use"
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, TroubleshootingScreen)


# The report


@pytest.mark.parametrize(("language", "size"), [("en", SMALL), ("zh", LARGE)])
async def test_the_report_is_shown_before_it_is_written(surgery, fake, language, size):
    async with surgery.app(fake, language).run_test(size=size) as pilot:
        await opened(pilot, SAID[language]["sum"])
        await pilot.press("p")
        text = await until(pilot, "s writes it" if language == "en" else "按 s 写入")
        assert isinstance(pilot.app.screen, ReportScreen)
        assert "hello" in text
        await pilot.press("down")
        await until(pilot, "[b]line 0[/b]")
        while "[b]line 59[/b]" not in screen_text(pilot):
            await pilot.press("space")
            await pilot.pause(0.05)
        assert [call[0] for call in surgery.calls] == ["findings"]
        await pilot.press("s")
        await until(pilot, "report.zip")
        await pilot.press("escape")
        await pilot.pause(0.1)
        assert [call[0] for call in surgery.calls] == ["findings"]
        await pilot.press("s")
        await until(pilot, "report.zip")
        await pilot.press("enter")
        await until(pilot, "The report is in" if language == "en" else "报告已写入")
    assert surgery.calls[-1] == ("write", str(surgery.folder / "report.zip"), ("README.txt", "logs/runtime.log"))


async def test_a_report_that_cannot_be_written_says_why(surgery, fake):
    async with surgery.app(fake).run_test(size=SMALL) as pilot:
        pilot.app.go("report")
        await until(pilot, "s writes it")
        surgery.fails = LauncherError(
            "file-exists", t("There is something at {path} already.", path="x"), t("Try again")
        )
        await pilot.press("s")
        await until(pilot, "report.zip")
        await pilot.press("enter")
        await until(pilot, "There is something at x already.")
