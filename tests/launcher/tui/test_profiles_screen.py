"""The run profiles' screen and form over the real files of a workspace: keys, what is written, how it looks."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from launcher import cli
from launcher.core.errors import LauncherError
from launcher.core.hardware.machine import Gpu
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.profiles.files import save_profile
from launcher.core.profiles.run_profiles import RunProfile, own_settings
from launcher.core.serving.results import RunResult, keep_result
from launcher.core.text import Text
from launcher.language import translator
from launcher.tui.app import GessoApp
from launcher.tui.asks import Place, Wiring
from launcher.tui.asks_profiles import Preview, ProfilesAsks
from launcher.tui.profile_fields import BY_KEY, FIELDS, inherited, profile_of, values_of
from launcher.tui.screens.profile_form import ProfileForm
from launcher.tui.screens.profiles import ProfilesScreen
from launcher.tui.widgets.command_pane import CommandPane, said
from tests.launcher.tui.conftest import FakeCore
from tests.launcher.tui.test_home_screen import screen_text, until

SMALL, LARGE = (80, 24), (120, 40)
SIZES = pytest.mark.parametrize("size", [SMALL, LARGE])
LANGUAGES = pytest.mark.parametrize("language", ["en", "zh"])


@pytest.fixture(autouse=True)
def _no_flags_from_outside(monkeypatch):
    for name in ("COMMANDLINE_ARGS", "GESSO_ROOT", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "with space 工作")


@pytest.fixture
def folder(workspace: Workspace) -> Path:
    return workspace.root / "profiles"


def the_app(core: FakeCore, workspace: Workspace, language: str = "en", asks: ProfilesAsks | None = None) -> GessoApp:
    place = Place(workspace, Options())
    return GessoApp(core.core(), language, Wiring(place, {ProfilesAsks: asks} if asks else {}))


async def opened(pilot: Pilot) -> ProfilesScreen:
    while pilot.app.screen.home.stage == "looking":
        await pilot.pause(0.02)
    await pilot.press("p")
    while not (isinstance(pilot.app.screen, ProfilesScreen) and pilot.app.screen.seen):
        await pilot.pause(0.02)
    await pilot.pause()
    return pilot.app.screen


async def form(pilot: Pilot, key: str = "e") -> ProfileForm:
    await pilot.press(key)
    while not (isinstance(pilot.app.screen, ProfileForm) and pilot.app.screen.focused):
        await pilot.pause(0.02)
    await pilot.pause()
    return pilot.app.screen


async def closed(pilot: Pilot) -> None:
    """The form has ended."""
    while not isinstance(pilot.app.screen, ProfilesScreen):
        await pilot.pause(0.02)


async def previewed(pilot: Pilot, needle: str) -> str:
    """Wait until what comes of the form says `needle`, however the lines break."""
    for _ in range(500):
        await pilot.pause(0.02)
        pane = pilot.app.screen.query_one(CommandPane)
        shown = str(pane.query_one(Static).content)
        if needle in shown:
            return shown
    raise AssertionError(f"{needle!r} not in:\n{shown}")


async def write(pilot: Pilot, key: str, text: str) -> None:
    pilot.app.screen.query_one(f"#field-{key}").focus()
    await pilot.press(*text)


@LANGUAGES
@SIZES
async def test_all_profiles_with_how_they_went_and_the_form_that_explains_itself(
    fake, workspace, folder, language, size
):
    save_profile(folder, "夜间", RunProfile(title="[b]晚上[/b]", extends="lan", port=7999, memory="lowvram"))
    (folder / "broken.toml").write_text("port = 'x'\n", encoding="utf-8")
    keep_result(workspace, "lan", RunResult("2026-01-02T03:04:05+00:00", seconds=12.5, peak_vram_mib=3900))
    async with the_app(fake, workspace, language).run_test(size=size) as pilot:
        screen = await opened(pilot)
        assert [each.name for each in screen.seen.profiles] == [
            "api", "broken", "careful", "lan", "local", "share", "夜间",
        ]  # fmt: skip
        await pilot.press("4")
        assert screen._known().name == "lan"
        text = screen_text(pilot)
        for each in ("lan", "broken", "[b]晚上[/b]", "7999", "lowvram", "12.5", "3900", "7  "):
            assert each in text, text
        assert ("came with Gesso" if language == "en" else "Gesso 自带") in text
        assert ("cannot be used" if language == "en" else "无法使用") in text
        await pilot.press("2")
        assert "broken.toml" in screen_text(pilot).replace("\n", "").replace("│", "").replace(" ", "")
        await pilot.press("enter")
        assert pilot.app.screen is screen, "one that is broken starts nothing"
        await pilot.press("4")
        shown = await form(pilot, "a")
        await previewed(pilot, "-m runtime")
        text = screen_text(pilot)
        for field in FIELDS[:10]:
            assert shown.say(field.label) in text, field
        gpu = BY_KEY["gpu"]
        assert f"{gpu.flag}  {shown.say(gpu.does)[:20]}" in text
        assert (shown.say(BY_KEY["title"].does)[:20] in text) == (size == LARGE), (
            "beside each field where there is room"
        )
        assert "F6" in text
        assert ("Save as" if language == "en" else "另存为") in text
        assert ("‹ not set ›" if language == "en" else "‹ 未设置 ›") in text
        for row in shown.query(".field-row"):
            assert shown.region.contains_region(row.region)


async def test_keys_before_the_profiles_are_known_are_not_lost(fake, workspace):
    held, asks = threading.Event(), ProfilesAsks.real(Place(workspace, Options()))
    slow = replace(asks, look=lambda: (held.wait(20), asks.look())[1])
    async with the_app(fake, workspace, asks=slow).run_test(size=SMALL) as pilot:
        while pilot.app.screen.home.stage == "looking":
            await pilot.pause(0.02)
        await pilot.press("p", "3", "e")
        held.set()
        while not (isinstance(pilot.app.screen, ProfileForm) and pilot.app.screen.focused):
            await pilot.pause(0.02)
        assert pilot.app.screen._profile == "lan"


async def test_the_profile_that_runs_is_started_again(fake, workspace):
    asks = ProfilesAsks.real(Place(workspace, Options()))
    running = replace(asks, look=lambda: replace(asks.look(), running="local"))
    async with the_app(fake, workspace, asks=running).run_test(size=SMALL) as pilot:
        await opened(pilot)
        text = screen_text(pilot)
        assert "Start it again" in text
        assert "starts with Enter at home" not in text


async def test_a_model_that_is_not_there_is_said(fake, workspace, folder):
    checkpoints = workspace.models / "Stable-diffusion"
    checkpoints.mkdir(parents=True)
    (checkpoints / "here.safetensors").write_bytes(b"")
    save_profile(folder, "mine", RunProfile(model="a[red]:b c"))
    async with the_app(fake, workspace).run_test(size=SMALL) as pilot:
        screen = await opened(pilot)
        screen.query_one("#profiles").pick("mine")
        shown = await form(pilot)
        await previewed(pilot, 'There is no file "a[red]:b c" among the checkpoints')
        assert shown.query_one("#field-port").placeholder == "the first free one"
        shown.query_one("#field-model").value = "here.safetensors"
        await previewed(pilot, "here.safetensors")
        assert "There is no file" not in str(shown.query_one(CommandPane).query_one(Static).content)


async def test_a_number_and_enter_start_with_a_profile(fake, survey_of, workspace):
    fake.profiles["lan"] = replace(survey_of(), options=Options(profile="lan", listen=True))
    async with the_app(fake, workspace).run_test(size=SMALL) as pilot:
        await opened(pilot)
        await pilot.press("3", "enter")
        await until(pilot, "ready: press o")
    assert [each.options.profile for each in fake.launched] == ["lan"]
    assert "choose lan" in fake.calls


async def test_the_form_shows_the_command_line_live_and_saves_what_it_says(fake, workspace, folder):
    save_profile(folder, "mine", RunProfile(title="Mine", extends="local", model="a.safetensors"))
    async with the_app(fake, workspace).run_test(size=SMALL) as pilot:
        screen = await opened(pilot)
        screen.query_one("#profiles").pick("mine")
        await form(pilot)
        await previewed(pilot, "a.safetensors")
        await write(pilot, "port", "7999")
        shown = await previewed(pilot, "--port 7999")
        assert "--listen" not in shown.partition("$ ")[2]
        await write(pilot, "listen", "")
        await pilot.press("right")
        await previewed(pilot, "Others can reach it and no password was given")
        assert "--listen" in (await previewed(pilot, "--port 7999")).partition("$ ")[2]
        await pilot.press("ctrl+s")
        await closed(pilot)
        assert isinstance(pilot.app.screen, ProfilesScreen)
        assert own_settings("mine", folder) == RunProfile(
            title="Mine", extends="local", model="a.safetensors", port=7999, listen=True
        )
        await form(pilot)
        await write(pilot, "listen", "")
        await pilot.press("backspace")
        pilot.app.screen.query_one("#field-model").value = ""
        await pilot.press("ctrl+s")
        await closed(pilot)
        assert own_settings("mine", folder) == RunProfile(title="Mine", extends="local", port=7999)


async def test_contradictions_and_nonsense_are_said_and_nonsense_is_not_saved(fake, workspace, folder):
    save_profile(folder, "mine", RunProfile(title="Mine"))
    async with the_app(fake, workspace).run_test(size=SMALL) as pilot:
        screen = await opened(pilot)
        screen.query_one("#profiles").pick("mine")
        await form(pilot)
        await write(pilot, "flags", "--api --no-api")
        await previewed(pilot, "--no-api and --api: there is no API then.")
        await write(pilot, "port", "x")
        await previewed(pilot, "The port must be a number from 1 to 65535.")
        await pilot.press("ctrl+s")
        await pilot.pause(0.1)
        assert isinstance(pilot.app.screen, ProfileForm)
        assert own_settings("mine", folder) == RunProfile(title="Mine")
        await pilot.press("escape")
        await until(pilot, "This profile has been changed.")
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, ProfileForm)
        await pilot.press("escape", "down", "enter")
        await closed(pilot)
    assert own_settings("mine", folder) == RunProfile(title="Mine")


async def test_what_came_with_gesso_is_saved_under_a_free_name_built_on_it(fake, workspace, folder):
    save_profile(folder, "my-lan", RunProfile(extends="lan"))
    async with the_app(fake, workspace).run_test(size=SMALL) as pilot:
        screen = await opened(pilot)
        screen.query_one("#profiles").pick("lan")
        await form(pilot)
        await write(pilot, "port", "8001")
        await pilot.press("ctrl+s")
        await until(pilot, "my-lan-2")
        await pilot.press(*"my-lan")
        await until(pilot, 'There is a profile "my-lan" already.')
        await pilot.press("-", "3", "enter")
        await closed(pilot)
        while len(screen.seen.profiles) != 7:
            await pilot.pause(0.02)
        await pilot.pause()
        assert screen._known().name == "my-lan-3"
    assert own_settings("my-lan-3", folder) == RunProfile(extends="lan", port=8001)
    assert own_settings("my-lan", folder) == RunProfile(extends="lan")


async def test_a_card_is_chosen_by_name_and_kept_by_its_own_number(fake, workspace, folder):
    save_profile(folder, "mine", RunProfile(title="Mine"))
    asks = ProfilesAsks.real(Place(workspace, Options()))
    cards = (Gpu(0, "GPU-aaa", "nvidia", "NVIDIA A"), Gpu(1, "GPU-bbb", "nvidia", "NVIDIA [b]B"), Gpu(2, None, "amd"))
    asks = replace(asks, form=lambda name: replace(seen, own=seen.own) if (seen := replace(
        ProfilesAsks.real(Place(workspace, Options())).form(name), cards=cards)) else seen,
        preview=lambda _name, given: Preview(line=f"gpu={given.gpu}"))  # fmt: skip
    async with the_app(fake, workspace, asks=asks).run_test(size=SMALL) as pilot:
        screen = await opened(pilot)
        screen.query_one("#profiles").pick("mine")
        await form(pilot)
        await write(pilot, "gpu", "")
        await pilot.press("right", "right")
        await until(pilot, "‹ NVIDIA [b]B ›")
        await previewed(pilot, "gpu=GPU-bbb")
        await pilot.press("ctrl+s")
        await closed(pilot)
    assert own_settings("mine", folder).gpu == "GPU-bbb"


async def test_passwords_are_hidden_everywhere(fake, workspace, folder):
    save_profile(folder, "mine", RunProfile(auth=("me:hunter2",), environment={"HF_TOKEN": "hf_secret"}))
    save_profile(folder, "child", RunProfile(extends="mine", flags=("--api-auth", "bot:hunter3")))
    async with the_app(fake, workspace).run_test(size=LARGE) as pilot:
        screen = await opened(pilot)
        for name in ("mine", "child"):
            screen.query_one("#profiles").pick(name)
            assert "hunter" not in screen_text(pilot)
            await form(pilot)
            await previewed(pilot, "***")
            text = screen_text(pilot).partition("What comes of it")[2]
            assert "hunter" not in text
            assert "hf_secret" not in text
            assert "hunter2" not in screen_text(pilot)
            await pilot.press("escape")


async def test_up_and_down_go_through_the_fields_and_only_ones_own_is_deleted_after_asking(fake, workspace, folder):
    save_profile(folder, "mine", RunProfile(title="Mine"))
    async with the_app(fake, workspace).run_test(size=SMALL) as pilot:
        screen = await opened(pilot)
        shown = await form(pilot, "a")
        shown.query_one("#field-title").focus()
        await pilot.pause()
        went = []
        for _ in FIELDS:
            went.append(shown.focused.id.removeprefix("field-"))
            await pilot.press("down")
            await pilot.pause()
        assert went == list(BY_KEY)
        await pilot.press("up")
        assert shown.focused.id == "field-environment"
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(pilot.app.screen, ProfilesScreen), "nothing was changed, so nothing is asked"
        screen.query_one("#profiles").pick("lan")
        await pilot.pause()
        assert " d  Delete" not in screen_text(pilot)
        await pilot.press("d")
        assert pilot.app.screen is screen
        screen.query_one("#profiles").pick("mine")
        await until(pilot, " d  Delete")
        await pilot.press("d")
        await until(pilot, 'Delete the profile "mine"?')
        await pilot.press("escape", "d")
        await until(pilot, 'Delete the profile "mine"?')
        await pilot.press("enter")
        while len(screen.seen.profiles) != 5:
            await pilot.pause(0.02)
    assert not (folder / "mine.toml").exists()


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.key)
def test_each_field_says_what_it_does_in_both_languages(field):
    for translate in (str, translator("zh")):
        say = partial(Text.render, translate=translate)
        assert said(field, Preview(), say).plain == f"{field.flag}  {say(field.does)}"
    assert not say(field.does).isascii()
    assert field.key in RunProfile.__dataclass_fields__


FULL = RunProfile(
    title="Everything", extends="lan", gpu="GPU-1", memory="lowvram", attention="sub-quadratic", port=8000,
    listen=False, share=True, auth=("a:b", "c:d:e"), auth_file="who.txt", model="sub/x.safetensors",
    theme="dark", language="zh_CN", flags=("--api", "--hostname", "with space"),
    environment={"A": "1", "B": "two words"},
)  # fmt: skip


def test_what_a_profile_says_survives_the_form():
    assert profile_of(values_of(FULL)) == FULL
    assert profile_of(values_of(RunProfile())) == RunProfile()


@pytest.mark.parametrize(
    ("key", "text"),
    [("port", "0"), ("port", "65536"), ("port", "８０"), ("environment", "NAME"), ("environment", "=x")],
)
def test_what_cannot_be_meant_is_refused(key, text):
    with pytest.raises(LauncherError):
        profile_of({key: text})


def test_what_is_inherited_is_shown_without_passwords(fake, workspace):
    seen = ProfilesAsks.real(Place(workspace, Options())).form("lan")
    seen = replace(seen, parents={"full": FULL})
    values = {"extends": "full"}
    assert inherited(BY_KEY["port"], values, seen) == "8000"
    assert inherited(BY_KEY["listen"], values, seen) == "no"
    assert inherited(BY_KEY["auth"], values, seen) == "***"
    assert inherited(BY_KEY["title"], values, seen) == ""
    assert inherited(BY_KEY["port"], {"extends": ""}, seen) == ""


def test_what_the_form_saves_the_command_line_saves_too(workspace, folder, monkeypatch, capsys):
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    asks = ProfilesAsks.real(Place(workspace, Options()))
    given = replace(FULL, gpu=None, memory="cpu")
    asks.save("form", given)
    save_profile(folder, "typed", RunProfile(why="Kept.", port=1, language="en"))
    code = cli.main(
        ["--root", str(workspace.root), "profiles", "save", "typed", "--afresh", "--title", "Everything",
         "--extends", "lan", "--memory", "cpu", "--attention", "sub-quadratic", "--port", "8000", "--no-listen",
         "--share", "--auth", "a:b", "--auth", "c:d:e", "--auth-file", "who.txt", "--model", "sub/x.safetensors",
         "--theme", "dark", "--page-language", "zh_CN", "--set", "A=1", "--set", "B=two words", "--", "--api",
         "--hostname", "with space"],
        lambda *_: 99,
    )  # fmt: skip
    assert code == 0, capsys.readouterr()
    assert own_settings("typed", folder) == replace(given, why="Kept.")
    assert own_settings("form", folder) == given
    assert cli.main(["--root", str(workspace.root), "profiles", "save", "typed", "--afresh"], lambda *_: 99) == 0
    assert own_settings("typed", folder) == RunProfile(title="Everything", why="Kept.")
