"""Troubleshooting, handbook and report, driven by keys: what is asked, what changes, what is said."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from launcher.core.doctor.check import Checked
from launcher.core.errors import LauncherError
from launcher.core.events import Line, Notice
from launcher.core.text import moment, t
from launcher.tui.asks_trouble import HERE, Found, TroubleAsks
from launcher.tui.live_marks import LiveMarks
from launcher.tui.log_store import LogStore
from launcher.tui.screens.mend import MendScreen
from launcher.tui.screens.troubleshooting import TroubleshootingScreen
from launcher.tui.trouble_state import Trouble, only, told
from launcher.tui.widgets.row_table import RowTable
from tests.launcher.tui.test_home_screen import screen_text, until
from tests.launcher.tui.trouble_stand_ins import CHECKS, Surgery, advice

SMALL, LARGE = (80, 24), (120, 40)
#: what the screens say, for either language
SAID = {
    "en": {"title": "Troubleshooting", "sum": "4 to see to, 1 well", "cause": "Another program has it already.",
           "step": "1. Let Gesso take the next one.", "mend": "Mend", "skipped": "- skipped", "well": "✓ well"},
    "zh": {"title": "故障排查", "sum": "4 处需要处理，1 项正常", "cause": "另一个程序已经在用它。",
           "step": "1. 让 Gesso 换下一个。", "mend": "修复", "skipped": "- 已跳过", "well": "✓ 正常"},
}  # fmt: skip


@pytest.fixture
def surgery(tmp_path) -> Surgery:
    return Surgery(folder=tmp_path)


async def opened(pilot, needle: str = "4 to see to") -> str:
    pilot.app.go("troubleshooting")
    return await until(pilot, needle)


def picked(pilot) -> str | None:
    table: RowTable = pilot.app.screen.query_one(RowTable)
    return table.picked


# The panel


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("language", SAID)
async def test_findings_come_first_then_what_is_wrong_then_what_is_well(surgery, fake, language, size):
    said = SAID[language]
    async with surgery.app(fake, language).run_test(size=size) as pilot:
        text = await opened(pilot, said["sum"])
        table = pilot.app.screen.query_one(RowTable)
        assert list(table._lines) == [
            "finding runtime.log srv-port-in-use", "finding runtime.log git-missing", "check proxy", "check disk",
            "check memory", "check windows",
        ]  # fmt: skip
        assert all(each in text for each in (said["title"], said["cause"], said["mend"], said["well"], said["skipped"]))
        assert "OSError: [Errno 98] [b]address[/b] already in use" in text
        assert "runtime.log" in text
        assert picked(pilot) == "finding runtime.log srv-port-in-use"
        await pilot.press("space")
        assert said["step"] in await until(pilot, said["step"])
    assert [call[0] for call in surgery.calls] == ["findings"]


async def test_a_mend_is_shown_and_done_only_when_agreed_to_then_taken_back(surgery, fake):
    async with surgery.app(fake).run_test(size=SMALL) as pilot:
        await opened(pilot)
        await pilot.press("enter")
        text = await until(pilot, "This will be changed:")
        assert isinstance(pilot.app.screen, MendScreen)
        for each in ("The port of the profile local", "- 7860", "+ 7861", "A [b]file[/b]", "- (nothing)", "+ line one",
                     "+ line two", "The old one stays."):  # fmt: skip
            assert each in text, text
        await pilot.press("escape")
        await pilot.pause(0.1)
        assert surgery.calls == [("findings",), ("preview", "next-port", {"slug": "srv-port-in-use", "port": "7860"})]
        await pilot.press("enter")
        await until(pilot, "This will be changed:")
        await pilot.press("enter")
        await until(pilot, "all is well")
        assert ("mend", "next-port", {"slug": "srv-port-in-use", "port": "7860"}) in surgery.calls
        # the log still tells of it, and yet it is mended
        assert "✓ mended" in await until(pilot, "3 to see to")
        assert surgery.calls[-1] == ("findings",)
        await pilot.press("u")
        when = moment("2026-11-22T01:02:03+00:00")
        assert f"3: Another port ({when})" in await until(pilot, "Which one shall be taken back?")
        await pilot.press("enter")
        assert "✓ mended" not in await until(pilot, "It is as it was before.")
        assert ("undo", 3) in surgery.calls
        await pilot.press("u")
        await until(pilot, "Nothing was mended that could be taken back.")


async def test_what_is_still_wrong_after_a_mend_is_said(surgery, fake):
    surgery.still = t("Something is in the way")
    async with surgery.app(fake).run_test(size=LARGE) as pilot:
        await opened(pilot)
        await pilot.press("enter")
        await until(pilot, "This will be changed:")
        await pilot.press("y")
        await until(pilot, "It is done. Still: Something is in the way")


async def test_a_mend_that_fails_says_why_and_what_to_do(surgery, fake):
    surgery.fails = LauncherError("mend-busy", t("Another Gesso is mending."), t("Try again in a moment."))
    async with surgery.app(fake).run_test(size=LARGE) as pilot:
        await opened(pilot)
        await pilot.press("enter")
        await until(pilot, "This will be changed:")
        await pilot.press("enter")
        assert "Try again in a moment." in await until(pilot, "Another Gesso is mending.")


async def test_where_nothing_can_be_changed_it_is_said(surgery, fake):
    surgery.change = ()
    async with surgery.app(fake).run_test(size=LARGE) as pilot:
        await opened(pilot)
        await pilot.press("enter")
        await until(pilot, "There is nothing here that Gesso could change")


async def test_a_row_without_a_mend_has_no_such_key(surgery, fake):
    async with surgery.app(fake).run_test(size=LARGE) as pilot:
        assert " Mend " in await opened(pilot)
        await pilot.press("down")
        await until(pilot, "─ git is not found ─")
        assert " Mend " not in screen_text(pilot)
        await pilot.press("enter")
        await pilot.pause(0.1)
        assert [call[0] for call in surgery.calls] == ["findings"]
        await pilot.press("down")
        assert "It refuses [red]all[/red]." in await until(pilot, "─ Proxy ─")
        await pilot.press("enter")
        await until(pilot, "This will be changed:")
        assert surgery.calls[-1] == ("preview", "without-proxy", {"address": "http://127.0.0.1:1"})


async def test_the_lines_of_an_install_are_looked_through_too(surgery, fake):
    async with surgery.app(fake).run_test(size=SMALL) as pilot:
        pilot.app.log_store.add([Line("uv", "error: no space"), Line("runtime", "in its own log")])
        await opened(pilot)
    assert surgery.calls == [("findings", "error: no space")]


async def test_nothing_wrong_is_said_in_a_sentence(surgery, fake):
    surgery.found, surgery.checks = (), CHECKS[:1]
    async with surgery.app(fake).run_test(size=SMALL) as pilot:
        await opened(pilot, "Nothing is wrong: 1 checks are well")


@pytest.mark.parametrize("name", ["troubleshooting", "handbook", "report"])
async def test_the_narrowest_window_is_no_reason_to_fall(surgery, fake, name):
    async with surgery.app(fake).run_test(size=(60, 20)) as pilot:
        pilot.app.go(name)
        await pilot.pause(0.3)
        await pilot.resize_terminal(40, 10)
        await pilot.pause(0.1)
        await pilot.resize_terminal(60, 20)
        await pilot.pause(0.2)
        text = screen_text(pilot)
        assert {"troubleshooting": "The port is taken", "handbook": "5 pages", "report": "README.txt"}[name] in text


def test_what_was_found_before_is_replaced_and_a_failure_stands_once() -> None:
    first = told(
        told(Trouble(), Found(HERE, "", (advice(),))), Found(t("this run or the last"), "runtime.log", (advice(),))
    )
    assert [each.key for each in first.items] == ["finding runtime.log srv-port-in-use"]
    unknown = tuple(advice("unknown", title) for title in ("one", "two"))
    assert len(told(Trouble(), Found(HERE, "", unknown)).items) == 1
    assert [each.key for each in only(first, [""]).items] == ["finding  srv-port-in-use"]
    again = told(first, Found(t("this run or the last"), "runtime.log", ()))
    assert [each.key for each in again.items] == ["finding  srv-port-in-use"]
    assert told(told(Trouble(), CHECKS[1]), CHECKS[1]).checks == (CHECKS[1],)


BROKEN = Checked("settings", t("Settings"), False, t("not known"), None, "settings-aside")


def test_settings_that_cannot_be_read_come_first_and_nothing_else_is_promised() -> None:
    trouble = Trouble((Found(HERE, "runtime.log", (advice(),)),), (*CHECKS, BROKEN))
    first, *others = trouble.items
    assert (first.key, first.mend) == ("check settings", "settings-aside")
    assert [each.mend for each in others] == [None] * 5
    assert others[0].key == "finding runtime.log srv-port-in-use"
    assert "first row" in str(others[0].paragraphs[-1])
    # without a mend (another file than config.toml) nothing waits for it
    assert replace(trouble, checks=(*CHECKS, replace(BROKEN, mend=None))).items[1].mend == "next-port"


def test_what_a_check_refutes_now_was_back_then_and_does_not_count() -> None:
    full = Checked("disk", t("Disk space"), True, t("not known"))
    old = Found(HERE, "runtime.log", (advice("env-disk-full", mend="free-space"),))
    trouble = Trouble((old,), (full, CHECKS[1]))
    assert [(each.key, each.state) for each in trouble.items] == [
        ("check proxy", "wrong"), ("finding runtime.log env-disk-full", "then"), ("check disk", "well"),
    ]  # fmt: skip
    assert trouble.items[1].mend is None
    assert trouble.count("error", "warning", "wrong") == 1
    # what was just seen here, and what no check denies
    assert Trouble((replace(old, log=""),), (full,)).items[0].state == "error"
    assert Trouble((old,), (replace(full, ok=None),)).items[0].state == "error"


async def test_esc_ends_the_looking_first_and_what_was_looked_for_does_not_open(surgery, fake):
    go, real = threading.Event(), surgery.preview

    def slow(name, values):
        go.wait(10)
        return real(name, values)

    surgery.preview = slow
    async with surgery.app(fake).run_test(size=LARGE) as pilot:
        await opened(pilot)
        await pilot.press("enter")
        await until(pilot, "Looking at what would change")
        await pilot.press("escape")
        await until(pilot, "Cancelled; nothing was changed.")
        assert isinstance(pilot.app.screen, TroubleshootingScreen)
        go.set()
        while pilot.app.screen.busy:
            await pilot.pause(0.02)
        assert isinstance(pilot.app.screen, TroubleshootingScreen)
        await pilot.press("enter")
        await until(pilot, "This will be changed:")


async def test_a_mend_that_can_do_nothing_here_is_promised_no_longer(surgery, fake):
    def cannot(_name, _values):
        raise LauncherError("model-source-unknown", t("not known"), t("Download it again."))

    surgery.preview = cannot
    async with surgery.app(fake).run_test(size=LARGE) as pilot:
        assert "Gesso can mend this" in await opened(pilot)
        await pilot.press("enter")
        await until(pilot, "Download it again.")
        item = pilot.app.screen.trouble.items[0]
        assert (item.mend, str(item.paragraphs[-1])) == (None, "Download it again.")
        assert "Gesso can mend this" not in screen_text(pilot)


async def test_one_undo_leaves_the_other_mended(surgery, fake):
    async with surgery.app(fake).run_test(size=LARGE) as pilot:
        await opened(pilot)
        screen = pilot.app.screen
        screen.trouble = replace(screen.trouble, mended=(("a", 1), ("b", 3)))
        screen.undone(3)
        assert screen.trouble.mended == (("a", 1),)


async def test_a_look_during_which_something_changed_is_looked_again(surgery, fake):
    go, looks = threading.Event(), []

    def checks():
        looks.append(1)
        go.wait(10)
        return iter(CHECKS)

    asks = surgery.asks()
    surgery.asks = lambda: {**asks, TroubleAsks: replace(asks[TroubleAsks], checks=checks)}
    async with surgery.app(fake).run_test(size=LARGE) as pilot:
        pilot.app.go("troubleshooting")
        await until(pilot, "The port is taken")
        await pilot.press("enter")
        await until(pilot, "This will be changed:")
        await pilot.press("enter")
        await until(pilot, "all is well")
        assert len(looks) == 1
        go.set()
        await until(pilot, "3 to see to")
        while pilot.app.screen.jobs.running:
            await pilot.pause(0.02)
    assert len(looks) == 2


# The way there from home, and from the console


@pytest.mark.parametrize(("language", "said"), [("en", "t: what helps"), ("zh", "按 t 查看解决办法")])
async def test_a_start_that_fails_names_its_cause_and_leads_there(surgery, fake, language, said):
    fake.lines = ("loading", "OSError: [Errno 98] address already in use")
    fake.fails = LauncherError("runtime-died", t("not known"), t("The last lines of the log say why."))
    asked: list[str] = []

    def explain(lines):
        asked.extend(lines)
        return advice()

    app = surgery.app(fake, language)
    app.core = replace(app.core, explain=explain)
    async with app.run_test(size=SMALL) as pilot:
        while app.screen.home.stage != "ready":
            await pilot.pause(0.02)
        await pilot.press("enter")
        text = await until(pilot, said)
        assert (app.say(advice().title) in text, app.say(advice().cause) in text) == (True, True)
        assert asked == ["loading", "OSError: [Errno 98] address already in use"]
        await pilot.press("t")
        await until(pilot, SAID[language]["sum"])


async def test_what_nobody_knows_leads_there_too(surgery, fake):
    fake.fails = LauncherError("runtime-died", t("not known"), t("The last lines of the log say why."))
    async with surgery.app(fake).run_test(size=SMALL) as pilot:
        while pilot.app.screen.home.stage != "ready":
            await pilot.pause(0.02)
        await pilot.press("enter")
        await until(pilot, "t: look for the cause")


class Knows:
    """Reads like LiveDiagnosis: indices count from the first line that was ever fed."""

    fed = 0

    def feed(self, lines):
        self.fed += len(lines)
        start = self.fed - len(lines)
        return [(start + at, advice()) for at, line in enumerate(lines) if "98" in line]


def test_marks_count_within_what_was_given() -> None:
    marks = LiveMarks(Knows(), patience=60)
    assert marks(["a", "b"]) == []
    found = marks([*("x" for _ in range(60)), "Errno 98"])
    assert [index for index, _ in found] == [60]
    assert str(found[0][1]) == "The port is taken. t says what helps."


def test_a_flood_that_takes_too_long_to_read_is_not_read_to_its_end() -> None:
    slow = Knows()
    marks = LiveMarks(slow, patience=-1)
    marks(["x"] * 500)
    assert 0 < slow.fed < 500
    assert [index for index, _ in marks(["98", "y"])] == [0]


def test_of_lines_that_came_before_the_rules_the_mark_stands_at_the_end() -> None:
    store = LogStore()
    store.add([Line("runtime", "Errno 98"), Notice("x", "info", t("up to date")), Line("runtime", "on")])
    store.know(LiveMarks(Knows(), patience=60))
    store.add([Line("runtime", "98"), Line("runtime", "z")])
    said = "The port is taken. t says what helps."
    assert store.texts(0, 9) == ["Errno 98", "up to date", "on", said, "98", said, "z"]
