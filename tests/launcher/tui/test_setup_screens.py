"""The guided install, driven by keys over a core that does nothing: every step, back, cancel, resume, trouble."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from launcher.core.errors import Finding, LauncherError
from launcher.core.setup.course import Answers, read_answers
from launcher.core.setup.network import Network
from launcher.core.setup.places import Place as Folder
from launcher.core.text import t
from launcher.tui.screens.home import HomeScreen
from tests.launcher.tui.setup_stand_ins import URL, FakeSetup
from tests.launcher.tui.test_home_screen import english_in, gone, screen_text, until

SIZE = (80, 24)
#: on these screens, what stays as it is in Chinese
NAMES = {
    "h",
    "c",
    "f",
    "Language",
    "PyTorch",
    "official",
    "tuna",
    "workspace",
    "huggingface",
    "a",
    "red",
    "circle",
    "folder",
}


@pytest.fixture
def setup(tmp_path: Path, survey_of) -> FakeSetup:
    return FakeSetup(tmp_path / "workspace 中文", survey_of(), survey_of(missing=True))


async def on_step(pilot: Pilot, number: int) -> str:
    """Wait for the step; in either language its number stands in the title."""
    for said in (f"Step {number} of 9", f"第 {number} 步"):
        if said.startswith("Step" if pilot.app.language == "en" else "第"):
            return await until(pilot, said)
    raise AssertionError(number)


async def enter_at(pilot: Pilot, number: int, needle: str) -> None:
    """Enter, once the step has said what it has to say."""
    await on_step(pilot, number)
    await until(pilot, needle)
    await pilot.press("enter")


async def test_enter_alone_leads_to_a_picture_and_home(setup, fake):
    async with setup.app(fake.core()).run_test(size=SIZE) as pilot:
        await enter_at(pilot, 1, "▶2  English")
        await enter_at(pilot, 2, "The processor will draw")
        await enter_at(pilot, 3, "Packages: up to date")
        await enter_at(pilot, 4, "117 GB free")
        await enter_at(pilot, 5, "To download: about 191 MB.")
        await enter_at(pilot, 7, "▶1  The demo model, now")
        await enter_at(pilot, 8, "“a red circle”, drawn on this computer in 0:03.")
        text = await on_step(pilot, 9)
        assert URL in text
        assert "correct horse" in text
        assert "first.png" in text.replace("\n", "")
        assert read_answers(setup.workspace) == Answers("done", "demo", finished=True)
        await pilot.press("enter")
        await until(pilot, "Press Enter to start.")
        assert isinstance(pilot.app.screen, HomeScreen)
    assert [call for call in setup.calls if call != "look"] == [
        "language en", "proxies", "measure", "places", f"place {setup.root}", "install", "launch",
        f"draw {URL} demo", f"open {URL}",
    ]  # fmt: skip


async def test_the_highlighted_language_is_spoken_at_once_and_kept(setup, fake):
    async with setup.app(fake.core()).run_test(size=SIZE) as pilot:
        await until(pilot, "▶2  English")
        await pilot.press("up")
        text = await until(pilot, "▶1  中文")
        assert "欢迎" in text
        await pilot.press("enter")
        await until(pilot, "将由处理器绘图")
    assert setup.calls[0] == "language zh"


async def test_every_step_goes_back_to_the_one_before(setup, fake):
    async with setup.app(fake.core(), step="plan").run_test(size=SIZE) as pilot:
        for number in (5, 4, 3, 2, 1):
            await on_step(pilot, number)
            await pilot.press("escape")
        await until(pilot, "Press Enter to start.")
    assert read_answers(setup.workspace).step == "language"


async def test_an_earlier_run_is_continued_where_it_ended(setup, fake):
    async with setup.app(fake.core(), step="place").run_test(size=SIZE) as pilot:
        await on_step(pilot, 4)
        await pilot.press("q")
        await gone(pilot)
    assert read_answers(setup.workspace).step == "place"


async def test_an_install_that_was_killed_begins_at_the_plan(setup, fake):
    async with setup.app(fake.core(), step="install").run_test(size=SIZE) as pilot:
        await until(pilot, "Begin")
        await on_step(pilot, 5)
    assert "install" not in setup.calls


async def test_measuring_shows_bars_and_enter_does_not_wait_for_it(setup, fake):
    setup.waits = {"measure"}
    async with setup.app(fake.core(), step="network").run_test(size=SIZE) as pilot:
        text = await until(pilot, "tuna")
        assert "━━━━━━━━━━━━━━━━  7.6 MB/s" in text
        assert "━━━━────────────  1.9 MB/s" in text
        assert text.index("tuna") < text.index("official")
        await pilot.press("enter")
        await on_step(pilot, 4)


async def test_where_nothing_answered_one_key_measures_again(setup, fake):
    measure, said = setup.measure, []

    def silent(*arguments):
        said.append("measure")
        choices = yield from measure(*arguments)
        return tuple(replace(each, basis="official") for each in choices) if len(said) == 1 else choices

    setup.measure = silent
    async with setup.app(fake.core(), step="network").run_test(size=SIZE) as pilot:
        await until(pilot, " r  Measure again")
        await pilot.press("r")
        while len(said) < 2 or pilot.app.screen.jobs.running:
            await pilot.pause(0.02)
        await pilot.pause()
        assert "Measure again" not in screen_text(pilot)
        await pilot.press("r")
        await pilot.pause()
        assert len(said) == 2


async def test_a_program_that_may_be_a_proxy_is_offered_and_not_used_unasked(setup, fake):
    setup.network = Network(offers=(7890,))
    async with setup.app(fake.core(), step="network").run_test(size=SIZE) as pilot:
        await enter_at(pilot, 3, "▶1  Go on without it")
        await on_step(pilot, 4)
        await pilot.press("escape")
        await until(pilot, "Use the proxy at 127.0.0.1:7890")
        await pilot.press("2")
        await on_step(pilot, 4)
    assert [call for call in setup.calls if call.startswith("proxy")] == ["proxy as-is", "proxy 127.0.0.1:7890"]


async def test_another_disk_moves_everything_and_a_full_one_cannot_be_taken(setup, fake, tmp_path):
    full = Folder(tmp_path / "full", "/mnt/full", 10, refused=t("too little room: {needed} are needed", needed="5 GB"))
    roomy = Folder(tmp_path / "d", "/mnt/d", 500_000, warnings=(t("it is removable"),))
    setup.elsewhere = (full, roomy)
    async with setup.app(fake.core(), step="place").run_test(size=SIZE) as pilot:
        text = await until(pilot, "Not possible: too little room")
        assert "it is removable" in text
        await pilot.press("2")
        await pilot.pause(0.05)
        await pilot.press("3")
        await on_step(pilot, 5)
        assert pilot.app.place.workspace.root == tmp_path / "d"
        await until(pilot, "Begin")
    assert f"place {tmp_path / 'd'}" in setup.calls
    assert read_answers(replace(setup, root=tmp_path / "d").workspace).step == "plan"


async def test_a_folder_of_the_users_own_is_judged_and_taken(setup, fake, tmp_path):
    async with setup.app(fake.core(), step="place").run_test(size=SIZE) as pilot:
        await until(pilot, "Where shall everything lie?")
        await pilot.press("f")
        await until(pilot, "Written in full")
        await pilot.press(*"gesso", "enter")
        assert "is not written in full" in await until(pilot, "✗")
        pilot.app.screen.query_one(Input).value = str(tmp_path / "我的 own")
        await pilot.press("enter")
        await until(pilot, "▶2")
        await pilot.press("enter")
        await on_step(pilot, 5)
        assert pilot.app.place.workspace.root == tmp_path / "我的 own"
    assert f"place {tmp_path / '我的 own'}" in setup.calls


async def test_a_plan_that_cannot_work_is_not_begun(setup, fake):
    finding = Finding("disk-low", "error", t("Look again"))
    setup.before = replace(setup.before, plan=replace(setup.before.plan, findings=(finding,)))
    async with setup.app(fake.core(), step="plan").run_test(size=SIZE) as pilot:
        await until(pilot, "In the way: Look again")
        await pilot.press("enter")
        await pilot.pause(0.1)
        assert pilot.app.screen.step == "plan"
    assert "install" not in setup.calls
    assert setup.calls.count("look") >= 2


async def test_the_install_shows_one_bar_and_esc_stops_it_without_harm(setup, fake):
    setup.waits = {"install"}
    async with setup.app(fake.core(), step="plan").run_test(size=SIZE) as pilot:
        await enter_at(pilot, 5, "Begin")
        text = await until(pilot, "47.7 MB / 191 MB  3.8 MB/s")
        # one of five steps done, 22.5 % of the next
        assert " 24%" in text
        assert "about 3:4" in text
        assert "▶" in text
        assert "✓" in text
        assert "Stop; it can be continued" in text
        await pilot.press("escape")
        await enter_at(pilot, 5, "Begin")
        await until(pilot, "47.7 MB / 191 MB")
        assert setup.calls.count("install") == 2
        await pilot.press("q")
        await gone(pilot)


async def test_the_log_is_one_key_away_and_the_install_goes_on(setup, fake):
    setup.waits = {"install"}
    async with setup.app(fake.core(), step="plan").run_test(size=SIZE) as pilot:
        await enter_at(pilot, 5, "Begin")
        await until(pilot, "47.7 MB / 191 MB")
        await pilot.press("c")
        await until(pilot, "doing environment")
        await pilot.press("escape")
        await until(pilot, "47.7 MB / 191 MB")
        assert "install" in pilot.app.screen.jobs.running


async def test_a_failed_install_says_why_and_enter_tries_again(setup, fake):
    error = LauncherError("no-network", t("Port {port} is taken.", port=7860), t("Choose another with --port."))
    setup.fails = {"install": error}
    async with setup.app(fake.core(), step="plan").run_test(size=SIZE) as pilot:
        await enter_at(pilot, 5, "Begin")
        text = await until(pilot, "Choose another with --port.")
        assert "Port 7860 is taken." in text
        assert "✗" in text
        await until(pilot, "Try again")
        await pilot.press("enter")
        await on_step(pilot, 7)
    assert setup.calls.count("install") == 2


async def test_a_model_is_fetched_in_place_and_esc_stops_that(setup, fake):
    setup.waits, setup.installed = {"model"}, True
    async with setup.app(fake.core(), step="model").run_test(size=SIZE) as pilot:
        text = await until(pilot, "The demo model, now")
        assert "Not possible: nothing can be written there" in text
        await pilot.press("2")
        text = await until(pilot, "477 MB / 1.9 GB  4.8 MB/s")
        assert "25%" in text
        await pilot.press("escape")
        await until(pilot, "The demo model, now")
        setup.waits = set()
        await pilot.press("2")
        await on_step(pilot, 8)
        await until(pilot, "drawn on this computer")
    assert f"draw {URL} big.safetensors" in setup.calls
    assert read_answers(setup.workspace).model == "big.safetensors"


async def test_a_picture_that_fails_can_be_tried_again_or_with_another_model(setup, fake):
    setup.installed = True
    setup.fails = {"draw": LauncherError("not-drawn", t("Not running."), t("Choose another with --port."))}
    async with setup.app(fake.core(), step="picture").run_test(size=SIZE) as pilot:
        await until(pilot, "Choose another with --port.")
        await until(pilot, "Try again")
        await pilot.press("enter")
        await until(pilot, "drawn on this computer")
        await pilot.press("escape")
        await on_step(pilot, 7)
    assert setup.calls.count("launch") == 1


async def test_leaving_before_the_picture_ends_what_was_started_for_it(setup, fake):
    setup.installed, setup.waits = True, {"draw"}
    setup.draw = lambda *_: (setup.calls.append("draw"), setup.running.wait(0.3))[0]  # type: ignore[method-assign]
    async with setup.app(fake.core(), step="picture").run_test(size=SIZE) as pilot:
        await until(pilot, "Drawing")
        await pilot.press("q")
        await gone(pilot)
    assert setup.calls[-1] == "stop"


async def test_the_picture_is_drawn_in_half_blocks_where_nothing_better_is_known(setup, fake, monkeypatch):
    monkeypatch.setenv("TMUX", "/tmp/tmux")
    setup.installed = True
    async with setup.app(fake.core(), step="picture").run_test(size=SIZE) as pilot:
        await until(pilot, "drawn on this computer")
        await until(pilot, "▀▀▀▀▀▀▀▀")


@pytest.mark.parametrize(
    ("language", "size"), [("en", (80, 24)), ("zh", (80, 24)), ("en", (60, 20)), ("zh", (120, 40))]
)
async def test_every_step_is_whole_in_both_languages_at_every_size(setup, fake, language, size):
    steps = ("language", "machine", "network", "place", "plan", "model", "picture")
    for step in steps:
        setup.installed = step in ("model", "picture")
        async with setup.app(fake.core(), language, step=step).run_test(size=size) as pilot:
            await pilot.pause(0.15)
            text = screen_text(pilot)
            assert pilot.app.screen.step == step
            assert text.splitlines()[0].strip()
            assert "Enter" in text or step == "picture"
            if language == "zh":
                assert set(english_in(pilot)) - set(re.findall("[A-Za-z]+", str(setup.root))) <= NAMES, step


async def test_help_and_home_are_there_at_every_step(setup, fake):
    async with setup.app(fake.core(), step="network").run_test(size=SIZE) as pilot:
        await on_step(pilot, 3)
        await pilot.press("question_mark")
        await until(pilot, "nothing wrong can come")
        await pilot.press("escape", "h")
        await until(pilot, "Press Enter to start.")
