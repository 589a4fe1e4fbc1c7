"""The home screen, driven by keys over a fake core: what is said, what is asked of core, how it looks in 80x24."""

from __future__ import annotations

import re
import time

import pytest
from textual.pilot import Pilot
from textual.worker import WorkerFailed

from launcher.core.errors import LauncherError
from launcher.core.events import Credentials
from launcher.core.hardware.look import Gpu
from launcher.core.text import t

SIZE = (80, 24)
# What stays as it is in Chinese: names, addresses, keys, units.
NAMES = {
    "gesso", "stable", "diffusion", "linux", "python", "gpu", "torch", "gb", "mb", "kb", "demo", "cpu", "http",
    "enter", "esc", "s", "o", "l", "q", "english", "correct", "horse", "hello", "from", "the", "runtime", "x",
    "local", "m", "e", "n", "p", "c", "t", "k", "y", "r",
}  # fmt: skip


def screen_text(pilot: Pilot) -> str:
    """What a person sees, line by line."""
    screen = pilot.app.screen
    width, height = pilot.app.size
    strips = screen._compositor.render_strips()
    assert len(strips) == height
    return "\n".join(strip.text[:width] for strip in strips)


async def until(pilot: Pilot, needle: str, seconds: float = 20.0) -> str:
    """Wait until the screen says `needle`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        await pilot.pause(0.02)
        if needle in screen_text(pilot):
            return screen_text(pilot)
    raise AssertionError(f"{needle!r} not on the screen:\n{screen_text(pilot)}")


async def gone(pilot: Pilot, seconds: float = 20.0) -> None:
    """Wait until the app has ended."""
    end = time.monotonic() + seconds
    while pilot.app.is_running and time.monotonic() < end:
        await pilot.pause(0.02)
    assert not pilot.app.is_running
    assert pilot.app.return_value == 0


async def test_the_first_look_shows_machine_and_what_is_installed(fake):
    async with fake.app().run_test(size=SIZE) as pilot:
        text = await until(pilot, "Press Enter to start.")
        for said in ("15.6 GB", "the processor draws", "117 GB free", "2.13.0+cpu", "gesso-demo"):
            assert said in text
    assert fake.calls == ["look"]


async def test_enter_launches_shows_the_log_and_opens_the_page(fake):
    async with fake.app().run_test(size=SIZE) as pilot:
        await until(pilot, "Press Enter to start.")
        await pilot.press("enter")
        text = await until(pilot, "ready: press o")
        assert "http://127.0.0.1:7860" in text
        assert "hello from the runtime" in text
        assert "correct horse" in text
        await pilot.press("q", "enter")
        await gone(pilot)
    assert fake.calls == ["look", "launch", "open http://127.0.0.1:7860"]


async def test_what_is_missing_is_shown_and_confirmed_before_it_is_installed(missing_fake):
    async with missing_fake.app().run_test(size=SIZE) as pilot:
        text = await until(pilot, "To download: 191 MB.")
        assert "Disk: 4.9 GB needed, 117 GB free." in text
        await pilot.press("enter")
        await until(pilot, "Carry out the plan below?")
        await pilot.press("escape")
        await until(pilot, "Press Enter to have it done.")
        assert missing_fake.calls == ["look"]
        await pilot.press("enter", "enter")
        text = await until(pilot, "ready: press o")
        assert "doing switch" in text
        await pilot.press("s")
        await until(pilot, "Press Enter to start.")
    assert [call for call in missing_fake.calls if call != "look"] == [
        "install", "launch", "open http://127.0.0.1:7860", "stop",
    ]  # fmt: skip


async def test_an_install_that_is_stopped_is_continued_by_the_next_enter(missing_fake):
    missing_fake.slow = True
    async with missing_fake.app().run_test(size=SIZE) as pilot:
        await until(pilot, "Press Enter to have it done.")
        await pilot.press("enter", "enter")
        text = await until(pilot, "Step 1 of 5")
        assert "━━━─" in text
        assert "25%  47.7 MB / 191 MB" in text
        await pilot.press("s")
        await until(pilot, "Press Enter to have it done.")
        await pilot.press("enter", "enter")
        await until(pilot, "Step 1 of 5")
        await pilot.press("q", "enter")
        await gone(pilot)
    assert [call for call in missing_fake.calls if call != "look"] == ["install", "install"]


async def test_a_plan_that_cannot_work_is_not_begun(blocked_fake):
    async with blocked_fake.app().run_test(size=SIZE) as pilot:
        await until(pilot, "In the way: Look again")
        await pilot.press("enter", "enter", "enter")
        await pilot.pause(0.1)
    assert set(blocked_fake.calls) == {"look"}


async def test_a_named_failure_is_shown_with_its_hint_and_enter_tries_again(fake):
    fake.fails = LauncherError("port-taken", t("Port {port} is taken.", port=7860), t("Choose another with --port."))
    async with fake.app().run_test(size=SIZE) as pilot:
        await until(pilot, "Press Enter to start.")
        await pilot.press("enter")
        text = await until(pilot, "Choose another with --port.")
        assert "Port 7860 is taken." in text
        fake.fails = None
        await until(pilot, " Enter  Start")
        await pilot.press("enter")
        await until(pilot, "ready: press o")
        await pilot.press("s")
        await until(pilot, "Not running.")


async def test_a_bug_in_core_ends_the_app_loudly(fake):
    fake.look = lambda: 1 / 0
    with pytest.raises(WorkerFailed):
        async with fake.app().run_test(size=SIZE) as pilot:
            await pilot.pause(0.2)


async def test_hostile_lines_and_names_are_shown_as_they_are(fake, survey_of):
    fake.lines = (
        "[red]not a colour[/red] [@click=app.quit]x[/]",
        "a\x1b[31mred\x1b[0m\x1b[2Jb\x07",
        "\x1b]0;title\x07c",
    )
    fake.survey = survey_of(gpus=(Gpu(0, None, "nvidia", "[bold]Evil\x1b[2J[/", 8192, None, None),))
    async with fake.app().run_test(size=SIZE) as pilot:
        await until(pilot, "[bold]Evil[/, 8.0 GB")
        await pilot.press("enter")
        text = await until(pilot, "[red]not a colour[/red] [@click=app.quit]x[/]")
        assert "aredb␇" in text
        assert "\x1b" not in text
        assert "title" not in text


async def test_the_language_key_says_everything_in_chinese_and_back(missing_fake):
    async with missing_fake.app().run_test(size=SIZE) as pilot:
        await until(pilot, "Press Enter to have it done.")
        await pilot.press("l")
        await until(pilot, "已安装")
        assert english_in(pilot) == []
        await pilot.press("enter", "enter")
        await until(pilot, "密码")
        assert set(english_in(pilot)) <= {"doing", "environment", "packages", "verify", "switch"}
        await pilot.press("q")
        await until(pilot, "留下")
        assert english_in(pilot) == []
        await pilot.press("escape", "l")
        text = await until(pilot, "Installed")
        assert not re.search(r"[一-鿿]", text.replace("中文", ""))
    assert missing_fake.calls.count("language zh") == 1
    assert missing_fake.calls.count("language en") == 1


def english_in(pilot: Pilot) -> list[str]:
    """Words on the screen that are neither Chinese nor names."""
    words = re.findall(r"(?<![\w.+-])[A-Za-z]+(?![\w+]|\.\d)", screen_text(pilot))
    return [word for word in words if word.lower() not in NAMES]


async def test_leaving_asks_only_when_something_of_ours_runs(fake):
    async with fake.app().run_test(size=SIZE) as pilot:
        await until(pilot, "Press Enter to start.")
        await pilot.press("q")
        await gone(pilot)
    async with fake.app().run_test(size=SIZE) as pilot:
        await until(pilot, "Press Enter to start.")
        await pilot.press("enter")
        await until(pilot, "ready: press o")
        await pilot.press("q")
        await until(pilot, "What shall become")
        await pilot.press("escape")
        await until(pilot, "ready: press o")
        await pilot.press("ctrl+c")
        text = await until(pilot, "What shall become")
        assert "▶ Leave it running" in text, "Enter ends nothing that others may be using"
        await pilot.press("down")
        await until(pilot, "▶ Stop it and leave")
        assert "▶ Leave" not in screen_text(pilot)
        await pilot.press("enter")
        await gone(pilot)
    assert fake.calls[-1] == "stop"


async def test_a_runtime_that_runs_already_is_followed_and_left_alone(running_fake):
    async with running_fake.app().run_test(size=SIZE) as pilot:
        await until(pilot, "ready: press o")
        await pilot.press("q")
        await gone(pilot)
    assert running_fake.calls == ["look", "launch"]


async def test_the_mouse_does_what_the_keys_do(fake):
    async with fake.app().run_test(size=SIZE) as pilot:
        await until(pilot, "Press Enter to start.")
        await pilot.click("#key-go")
        await until(pilot, "ready: press o")
        await pilot.click("#key-open")
        await pilot.pause(0.05)
        await pilot.click("#key-stop")
        await until(pilot, "Press Enter to start.")
    assert fake.calls.count("open http://127.0.0.1:7860") == 2


async def test_the_log_is_wrapped_to_the_width_of_the_moment(fake):
    fake.lines = ("word " * 30,)
    async with fake.app().run_test(size=SIZE) as pilot:
        await until(pilot, "Press Enter to start.")
        await pilot.press("enter")
        await until(pilot, "│ " + ("word " * 15).strip() + "  ")
        await pilot.resize_terminal(120, 40)
        await until(pilot, "│ " + ("word " * 23).strip() + "  ")


async def test_without_a_screen_the_address_is_said_instead_of_opened(fake):
    fake.has_screen = False
    async with fake.app().run_test(size=SIZE) as pilot:
        await until(pilot, "Press Enter to start.")
        await pilot.press("enter")
        await until(pilot, "There is no screen here")


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_nothing_is_cut_in_80_by_24(missing_fake, survey_of, language):
    gpu = Gpu(0, "GPU-1", "nvidia", "NVIDIA GeForce RTX 4070 Ti SUPER", 16376, None, "8.9")
    missing_fake.survey = survey_of(missing=True, gpus=(gpu,))
    async with missing_fake.app(language).run_test(size=SIZE) as pilot:
        await until(pilot, "4070 Ti SUPER, 16.0 GB")
        await pilot.press("enter")
        await pilot.pause(0.1)
        whole(pilot)
        await pilot.press("enter")
        await until(pilot, "correct horse")
        whole(pilot)


def whole(pilot: Pilot) -> None:
    """Every widget lies inside the screen, and what it says has room in it."""
    screen = pilot.app.screen
    for widget in screen.query("#title, Card, Key, ProgressLine, LogPane, PlanPane"):
        if widget.display:
            assert screen.region.contains_region(widget.region), widget
    for widget in screen.query("#title, #machine, #installed, Key, #address, ProgressLine"):
        if widget.display:
            lines = widget.content.split("\n")
            wraps = widget.id == "address"
            width, height = widget.content_size
            assert sum(-(-line.cell_length // width) if wraps else 1 for line in lines) <= height, widget
            assert wraps or max(line.cell_length for line in lines) <= width, widget


async def test_the_password_is_forgotten_once_the_runtime_stops(fake):
    async with fake.app().run_test(size=SIZE) as pilot:
        await until(pilot, "Press Enter to start.")
        await pilot.press("enter")
        await until(pilot, "correct horse")
        assert pilot.app.screen.home.credentials == Credentials("gesso", "correct horse")
        await pilot.press("s")
        text = await until(pilot, "Press Enter to start.")
        assert "correct horse" not in text
        assert pilot.app.screen.home.credentials is None
