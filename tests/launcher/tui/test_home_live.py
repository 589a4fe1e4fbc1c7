"""What home shows of what goes on (figures, visitors, drawings, the code for a phone) and the ways round a failure."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from launcher.core.errors import LauncherError
from launcher.core.events import Credentials, Drawing, Notice, Progress, Visitors
from launcher.core.hardware.live import Figures
from launcher.core.hardware.look import Gpu
from launcher.core.memory.choose import MemoryChoice, Peak
from launcher.core.plan.options import Options
from launcher.core.ports import PortTakenError
from launcher.core.text import t
from launcher.tui import state
from launcher.tui.browser import way_in
from launcher.tui.screens import SCREENS
from launcher.tui.screens.home import ProfileChosen
from launcher.tui.state import Home
from launcher.tui.widgets.address import AddressCard, visitors
from launcher.tui.widgets.installed import reach
from launcher.tui.widgets.meter import bar, spark
from launcher.tui.widgets.qr import QrPane, drawn
from tests.launcher.tui.conftest import URL, FakeCore
from tests.launcher.tui.test_home_screen import screen_text, until

SMALL, LARGE = (80, 24), (120, 40)
CARD = Gpu(0, "GPU-1", "nvidia", "NVIDIA GeForce RTX 3060", 12288, 11264, "8.6")
LAN = "http://192.168.1.20:7860"
BUSY = (
    Notice("network-address", "info", t("In the local network: {url}", url=LAN)),
    Visitors(("127.0.0.1", "192.168.1.7", "link")),
    Drawing("txt2img", 512, 768, 2, 4, 3),
    Progress("job-progress", 40, 100, "percent"),
)


def figures(free: int, busy: int, warm: int) -> Figures:
    card = replace(CARD, vram_free_mib=free, utilisation_percent=busy, temperature_c=warm)
    return Figures((card,), 12, 8000, 16000)


@pytest.fixture
def with_card(survey_of) -> FakeCore:
    told = (figures(11264, 0, 40), figures(6144, 50, 61), figures(3072, 97, 72))
    return FakeCore(survey=survey_of(gpus=(CARD,)), figures=told)


async def start(pilot) -> None:
    """Enter, once there is something to start."""
    while pilot.app.screen.home.stage != "ready":
        await pilot.pause(0.02)
    await pilot.press("enter")


def memory(name: str) -> MemoryChoice:
    peaks = (Peak("full", "full", 9000), Peak("medvram", "medvram", 6000), Peak("lowvram", "lowvram", 3000))
    return MemoryChoice("full", "sdp", (), t("none: the processor draws"), name, None, 12288, peaks)


def with_memory(survey):
    return replace(survey, plan=replace(survey.plan, memory=memory("full")))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_the_card_is_shown_live_and_without_one_the_computer(with_card, fake, language, size):
    async with with_card.app(language).run_test(size=size) as pilot:
        text = await until(pilot, "72 °C")
        for said in ("RTX 3060, 12.0 GB", "9.0 GB / 12.0 GB", "━━━━━━━━──", "97%", "▁▅█"):
            assert said in text
    fake.figures = (Figures((), 37, 4000, 16000),)
    async with fake.app(language).run_test(size=size) as pilot:
        text = await until(pilot, "━━━━────── 37%")
        assert "3.9 GB / 15.6 GB" in text
        assert ("none: the processor draws" if language == "en" else "没有，用处理器绘图") in text


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_who_is_here_and_what_is_drawn_is_told(fake, language):
    fake.more = BUSY
    async with fake.app(language).run_test(size=SMALL) as pilot:
        await start(pilot)
        await until(pilot, "512×768")
        home = pilot.app.screen.home
        assert (home.network, home.visitors, home.drawing) == ((LAN,), BUSY[1].addresses, BUSY[2])
        text = screen_text(pilot)
        said = {
            "en": ("this computer, 192.168.1.7, through the public link", "correct horse", LAN,
                   "text to image 512×768, part 2 of 4, 3 waiting  ━━━━──────── 40%"),
            "zh": ("本机, 192.168.1.7, 来自公网链接", "文生图 512×768，第 2/4 部分，3 个在排队", "correct horse", LAN),
        }  # fmt: skip
        for each in said[language]:
            assert each in text, text


def test_others_whom_a_proxy_brings_are_told_of(survey_of):
    asked = Options(runtime_flags=("--allow-host", "art.example"))
    survey = replace(survey_of(), options=asked)
    home = Home(survey=survey, visitors=("127.0.0.1", "link"))
    assert home.login == "made"
    assert str(reach(survey)) == "others too, as art.example"
    assert visitors(home, str) == "this computer, through a proxy on this computer"
    shared = replace(survey, options=replace(asked, share=True))
    assert visitors(replace(home, survey=shared), str).endswith("the public link")


async def test_the_address_can_be_scanned_beside_the_log_and_large(fake):
    fake.more = BUSY
    code = drawn(LAN).plain.splitlines()
    async with fake.app().run_test(size=LARGE) as pilot:
        await start(pilot)
        text = await until(pilot, "For the phone")
        assert all(line in text for line in code)
    async with fake.app().run_test(size=SMALL) as pilot:
        await pilot.press("k")
        assert len(pilot.app.screen_stack) == 2, "there is nothing to scan yet"
        await start(pilot)
        await until(pilot, " k  QR code")
        assert not pilot.app.screen.query_one(QrPane).region
        await pilot.press("k")
        text = await until(pilot, "A phone in the same network can open this.")
        assert all(line in text for line in code)
        assert LAN in text
        await pilot.press("escape")
        await until(pilot, "In the network")


def test_the_code_says_the_address_and_grows_with_the_room():
    import segno

    modules = [list(row) for row in segno.make_qr(LAN, error="l").matrix_iter(border=2)]
    halves = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}
    small = drawn(LAN).plain.splitlines()
    rows = [[halves[each][half] for each in line] for line in small for half in (0, 1)]
    assert rows[: len(modules)] == [[int(bool(module)) for module in row] for row in modules]
    large = drawn(LAN, room=(80, 40)).plain.splitlines()
    assert [line[::2] for line in large] == ["".join("█" if each else " " for each in row) for row in modules]
    assert drawn(LAN, room=(57, 40)).plain.splitlines() == small


async def test_a_taken_port_is_met_by_the_next_one_on_enter_or_by_trying_again(fake):
    taken = PortTakenError(7860, None)
    taken.free = 7861
    fake.fails = taken
    async with fake.app().run_test(size=SMALL) as pilot:
        await start(pilot)
        text = await until(pilot, " Enter  Take port 7861")
        assert "Port 7860 is taken" in text
        assert "r tries again as it was" in text
        await until(pilot, " r  Try again")
        await pilot.press("r")
        while len(fake.launched) < 2 or pilot.app.screen.home.offer is None:
            await pilot.pause(0.02)
        fake.fails = None
        await pilot.press("enter")
        await until(pilot, "ready: press o")
    assert [each.options.port for each in fake.launched] == [None, None, 7861]


async def test_too_little_memory_at_the_start_is_met_by_the_next_step_down(fake):
    fake.survey = with_memory(fake.survey)
    fake.fails = LauncherError("out-of-memory", t("Not running."), t("Press Enter to start."))
    async with fake.app().run_test(size=SMALL) as pilot:
        await start(pilot)
        await until(pilot, " Enter  Start with medvram")
        fake.fails = None
        await pilot.press("enter")
        await until(pilot, "ready: press o")
    assert [each.plan.memory.profile for each in fake.launched] == ["full", "medvram"]


async def test_memory_that_runs_out_while_it_serves_is_met_by_one_key(fake):
    fake.survey = with_memory(fake.survey)
    fake.more = (Notice("memory-step-down", "info", t("Not running.")),)
    async with fake.app().run_test(size=SMALL) as pilot:
        await start(pilot)
        text = await until(pilot, " y  Stop. Start with medvram")
        assert "Memory ran out" in text
        fake.more = ()
        await pilot.press("y")
        while len(fake.launched) < 2:
            await pilot.pause(0.02)
        await until(pilot, "ready: press o")
        assert pilot.app.screen.home.offer is None
    assert fake.calls.count("stop") == 1
    assert [each.plan.memory.profile for each in fake.launched] == ["full", "medvram"]


async def test_another_profile_ends_what_runs_and_starts(fake, survey_of):
    fake.profiles["lan"] = replace(
        survey_of(), options=Options(profile="lan", listen=True), title="In the home network"
    )
    async with fake.app().run_test(size=LARGE) as pilot:
        await start(pilot)
        await until(pilot, "ready: press o")
        pilot.app.screen.post_message(ProfileChosen("lan"))
        while len(fake.launched) < 2:
            await pilot.pause(0.02)
        await until(pilot, "lan: In the home network")
        await until(pilot, "the local network")
        while not pilot.app.screen.home.page:
            await pilot.pause(0.02)
    assert [call for call in fake.calls if call != "look"] == [
        "launch", f"open {URL}", "stop", "choose lan", "launch", f"open {URL}",
    ]  # fmt: skip


async def test_leaving_during_a_change_of_profile_asks(fake):
    held = threading.Event()

    def stop() -> None:
        held.wait(20)
        FakeCore.stop(fake)

    fake.stop = stop
    async with fake.app().run_test(size=SMALL) as pilot:
        await start(pilot)
        await until(pilot, "ready: press o")
        pilot.app.screen.post_message(ProfileChosen("lan"))
        await until(pilot, "Stopping")
        await pilot.press("q")
        await until(pilot, "▶ Stay here")
        await pilot.press("enter")
        held.set()
        while len(fake.launched) < 2:
            await pilot.pause(0.02)
        await until(pilot, "ready: press o")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("missing", [False, True])
async def test_that_others_can_open_it_stands_there_before_enter(fake, survey_of, missing, language):
    fake.survey = replace(survey_of(missing=missing), options=Options(profile="lan", listen=True))
    async with fake.app(language).run_test(size=SMALL) as pilot:
        await until(
            pilot, {"en": "Open to others then: the local network (profile lan", "zh": "启动后别人能打开"}[language]
        )
    fake.survey = survey_of(missing=missing)
    async with fake.app(language).run_test(size=SMALL) as pilot:
        await until(pilot, "Enter" if language == "en" else "按 Enter")
        assert "Open to others" not in screen_text(pilot)
        assert "别人能打开" not in screen_text(pilot)


@pytest.mark.parametrize(
    ("flags", "said"),
    [((), "for a new one: s, then Enter"), (("--gradio-auth", "me:x"), "as the profile's accounts say")],
)
def test_after_coming_back_the_way_to_a_password_is_told(survey_of, flags, said):
    options = Options(profile="lan", listen=True, runtime_flags=flags)
    home = state.after(Home("serving", replace(survey_of(running=True), options=options), url=URL), BUSY[0])
    text = AddressCard().draw(home, str).plain
    assert said in text
    assert ("gesso" in text) == (not flags), "whom the password is made for"
    assert "x" not in [word.strip() for word in text.split()]
    shown = AddressCard().draw(replace(home, credentials=Credentials("gesso", "correct horse")), str).plain
    assert said not in shown


def test_a_login_here_alone_opens_it_to_nobody_else(survey_of):
    survey = replace(survey_of(), options=Options(runtime_flags=("--local-auth",)))
    assert "Open to others" not in AddressCard().draw(Home("ready", survey), str).plain
    assert "gesso" in AddressCard().draw(Home("serving", survey, url=URL), str).plain


NOBODY = Options(profile="lan", listen=True, runtime_flags=("--i-accept-unprotected-remote",))


@pytest.mark.parametrize("stage", ["ready", "asked", "serving"])
def test_that_nobody_is_asked_for_a_password_is_said_in_red(survey_of, stage):
    card = AddressCard().draw(Home(stage, replace(survey_of(), options=NOBODY), url=URL), str)
    assert "none: whoever finds it comes in" in card.plain
    assert "gesso" not in card.plain
    assert "bold $text-error" in {str(span.style) for span in card.spans}


@pytest.mark.parametrize(("options", "asks"), [(Options(profile="lan", listen=True), True), (NOBODY, False)])
async def test_the_code_for_a_phone_says_that_a_login_is_asked_for(fake, survey_of, options, asks):
    fake.more = BUSY
    fake.survey = replace(survey_of(), options=options)
    async with fake.app().run_test(size=LARGE) as pilot:
        await start(pilot)
        await until(pilot, " k  QR code")
        await pilot.press("k")
        text = await until(pilot, "A phone in the same network can open this.")
        assert ("Then it asks for the name and the password." in text) == asks


SSH = {"SSH_CONNECTION": "203.0.113.7 50000 198.51.100.4 22"}


def test_over_ssh_the_way_in_is_the_one_that_works_there(monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    said = str(way_in(URL, (), SSH))
    assert "ssh -L 7860:127.0.0.1:7860 ada@198.51.100.4" in said
    other = {"SSH_CONNECTION": SSH["SSH_CONNECTION"] + "22"}
    assert "ssh -p 2222 -L 7860:127.0.0.1:7860 ada@198.51.100.4" in str(way_in(URL, (), other))
    assert LAN in str(way_in(URL, (LAN,), SSH))
    assert "127.0.0.1" not in str(way_in(URL, (LAN,), SSH))
    for nothing in ({}, {"SSH_CONNECTION": ""}, {"SSH_CONNECTION": "x"}):
        assert "ssh" not in str(way_in(URL, (), nothing))
        assert "on this computer alone" in str(way_in(URL, (), nothing))


async def test_a_profile_that_needs_something_first_shows_its_plan(fake, survey_of):
    fake.profiles["share"] = survey_of(missing=True)
    async with fake.app().run_test(size=SMALL) as pilot:
        await until(pilot, "Press Enter to start.")
        pilot.app.screen.post_message(ProfileChosen("share"))
        await until(pilot, "Carry out the plan below?")
        await pilot.press("escape")
        await until(pilot, "Press Enter to have it done.")
    assert "install" not in fake.calls


async def test_a_profile_that_cannot_be_used_says_why(fake):
    def refuse(profile: str) -> None:
        raise LauncherError("profile-unknown", t("Not running."), t("Press Enter to start."))

    fake.choose = refuse
    async with fake.app().run_test(size=SMALL) as pilot:
        await until(pilot, "Press Enter to start.")
        pilot.app.screen.post_message(ProfileChosen("gone"))
        while pilot.app.screen.home.stage != "failed":
            await pilot.pause(0.02)
        assert pilot.app.screen.home.error.code == "profile-unknown"


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_ways_to_the_other_screens_are_there_and_fit(fake, language, monkeypatch):
    opened: list[str] = []
    for name in ("models", "environments", "network", "profiles", "console", "troubleshooting", "settings"):
        monkeypatch.setitem(SCREENS, name, "somewhere:Else")
    async with fake.app(language).run_test(size=SMALL) as pilot:
        pilot.app.go = opened.append
        await until(pilot, "Settings" if language == "en" else "设置")
        line = next(line for line in screen_text(pilot).splitlines() if line.startswith(" m "))
        assert [part for part in "menpct," if f" {part} " in line] == list("menpct,")
        assert line.rstrip().endswith("Settings" if language == "en" else "设置")
        await pilot.press("m", "e", "n", "p", "c", "t", "comma")
        await pilot.click("#key-network")
        assert opened == ["models", "environments", "network", "profiles", "console", "troubleshooting", "settings",
                          "network"]  # fmt: skip
        monkeypatch.delitem(SCREENS, "troubleshooting")
        pilot.app.screen.retell()
        await pilot.press("t")
        await pilot.pause()
        assert " t " not in next(line for line in screen_text(pilot).splitlines() if line.startswith(" m "))
    assert len(opened) == 8


async def test_sixty_by_twenty_still_says_the_essentials(fake):
    async with fake.app().run_test(size=(60, 20)) as pilot:
        await until(pilot, "Press Enter to start.")
        await start(pilot)
        text = await until(pilot, "ready: press o")
        assert "correct horse" in text
        assert URL in text


def test_bars_and_columns():
    assert (bar(0, 4), bar(50, 4), bar(100, 4), bar(250, 4), bar(-3, 4)) == ("────", "━━──", "━━━━", "━━━━", "────")
    assert spark([0, 50, None, 100, 200], 4) == "▅ ██"
    assert spark([99], 3) == "  █"
