"""Every screen of SCREENS, over the real core and an empty workspace: help, keys, both languages, the palette."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from launcher.core.models.catalogue import read_catalogue
from launcher.core.network.mirrors import KINDS, read_mirrors
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.profiles.run_profiles import known_profiles
from launcher.core.settings import setting_names
from launcher.core.text import Text
from launcher.tui.app import GessoApp
from launcher.tui.asks import Place, Wiring
from launcher.tui.jobs import Jobs
from launcher.tui.screens import SCREENS
from launcher.tui.screens.help import HelpScreen
from launcher.tui.screens.home import HomeScreen
from launcher.tui.speaking import SpeakingScreen
from launcher.tui.ways import HOME, TITLES, WAYS, does
from launcher.verbs import VERBS, find_verb
from tests.launcher.tui.test_home_screen import NAMES, screen_text, until
from tests.launcher.tui.trouble_stand_ins import Surgery

SIZE = (120, 40)
#: what stays as it is in Chinese on these screens: names of programs and services, units, words that are typed
MORE_NAMES = {
    "b", "kib", "mib", "tib", "ms", "min", "ctrl", "shift", "tab", "space", "backspace", "home", "end", "page", "up",
    "pytorch", "hugging", "face", "huggingface", "github", "modelscope", "civitai", "url", "lora", "vae", "sd", "sdxl",
    "config", "toml", "official", "packages", "proxy", "json", "api", "nvidia", "driver", "cuda", "rtx",
    "none", "esrgan", "fp", "safetensors", "ckpt", "lan", "qr", "a", "i", "t", "f", "r", "u", "m", "d", "g", "h", "c",
    "p", "n", "e", "k", "j", "w", "y", "z", "v", "automatic", "forge", "comfyui", "full", "medvram", "lowvram", "ip",
    "sdp",
    # of the invented log, its checks and the report
    "oserror", "errno", "address", "already", "in", "use", "https", "example", "org", "ports", "git", "runtime", "log",
    "readme", "txt", "hello", "x", "logs", "red", "all", "down", "zip",
}  # fmt: skip


@pytest.fixture
def app(fake, tmp_path, monkeypatch):
    for name in ("COMMANDLINE_ARGS", "CUDA_VISIBLE_DEVICES", "http_proxy", "https_proxy", "all_proxy", "HF_ENDPOINT",
                 "UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    place = Place(Workspace(tmp_path / "w"), Options())
    # what logs, checks and reports say are names of programs for the most part; what is said about them is not
    return GessoApp(fake.core(), "zh", Wiring(place, Surgery(folder=tmp_path).asks()))


def data_words(*places: Path) -> set[str]:
    """Words of what is shown as it is: names of mirrors, of the catalogue's files, of settings, of paths."""
    mirrors = read_mirrors()
    data = [text for kind in KINDS for each in mirrors.of(kind) for text in (each.name, each.group, each.url or "")]
    for entry in read_catalogue().file:
        data += [str(getattr(entry, name)) for name in vars(entry) if name not in ("note", "why")]
    data += [*setting_names(), *map(str, places), *(each.name for each in known_profiles(Path("none")))]
    return {word.lower() for text in data for word in re.findall(r"[A-Za-z]+", text)}


async def settled(pilot: Pilot) -> SpeakingScreen[Any]:
    """Wait until the screen asks nothing more of core."""
    for _ in range(500):
        await pilot.pause(0.02)
        screen = pilot.app.screen
        jobs = [each for each in vars(screen).values() if isinstance(each, Jobs)]
        if isinstance(screen, SpeakingScreen) and screen.is_mounted and not any(each.running for each in jobs):
            await pilot.pause()
            return screen
    raise AssertionError(screen_text(pilot))


def kind_of(name: str) -> type:
    module, _, kind = SCREENS[name].partition(":")
    found: type = getattr(import_module(module), kind)
    return found


def test_every_screen_says_what_it_is_for_and_what_every_key_does() -> None:
    for kind in (HomeScreen, *map(kind_of, SCREENS)):
        if not issubclass(kind, SpeakingScreen):
            continue
        assert kind.heading.template, kind
        assert kind.about, kind
        assert all(isinstance(each, Text) and len(each.template) > 20 for each in kind.about), kind
        bound = [part for key in kind.all_keys() for part in key.key.split(",")]
        assert len(bound) == len(set(bound)), f"two keys of {kind} are the same"
        for key in kind.all_keys():
            assert key.meaning.template, (kind, key)
            assert hasattr(kind, f"action_{key.action.partition('(')[0]}"), (kind, key)


def test_every_screen_has_its_name_in_the_palette() -> None:
    assert set(TITLES) - {HOME} >= set(SCREENS)


def test_every_verb_has_its_way_and_says_what_the_command_line_says() -> None:
    words: dict[str, Text] = {}
    for verb, what in VERBS.items():
        actions = find_verb(verb).actions
        words |= {f"{verb} {name}": action.does for name, action in actions.items()} or {verb: what}
    assert set(words) <= set(WAYS)
    assert {verb: does(verb) for verb in words} == words
    for verb in words:
        way = WAYS[verb]
        assert way.screen == HOME or way.screen in SCREENS, verb
        kind = HomeScreen if way.screen == HOME else kind_of(way.screen)
        assert not way.action or hasattr(kind, f"action_{way.action}"), verb


@pytest.mark.parametrize("name", SCREENS)
async def test_no_english_is_left_in_chinese_and_help_is_there(app, name, tmp_path):
    if not issubclass(kind_of(name), SpeakingScreen):
        pytest.skip("a door has no text of its own")
    names = NAMES | MORE_NAMES | data_words(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, "按 Enter")
        app.go(name)
        screen = await settled(pilot)
        chinese = screen_text(pilot)
        # Flags are typed as they are, and what is cut off is no word.
        words = re.findall(r"[A-Za-z]+", re.sub(r"--[\w-]+|[A-Za-z]+…", "", chinese))
        left = [word for word in words if word.lower() not in names]
        assert left == [], chinese
        await pilot.press("f1")
        assert isinstance(app.screen, HelpScreen)
        help_text = await until(pilot, app.say(screen.heading)[:20])
        for key, meaning in screen.keys_now():
            assert key.label in help_text, help_text
            assert app.say(meaning)[:12] in help_text.replace("\n", ""), help_text
        await pilot.press("escape", "f2")
        await settled(pilot)
        english = screen_text(pilot)
        assert not re.search(r"[一-鿿]", english.replace("中文", "")), english
        assert english.splitlines()[-1] != chinese.splitlines()[-1]
        await pilot.press("f2", "escape")
        await until(pilot, "按 Enter")
