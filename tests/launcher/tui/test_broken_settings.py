"""A config.toml that nobody can read: every screen says so, claims nothing, and the way out is one key."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.core.doctor.examine import CHECKS, examine
from launcher.core.errors import LauncherError
from launcher.core.mends.mend import Here
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.settings import read_settings
from launcher.tui import asks_trouble
from launcher.tui.app import GessoApp
from launcher.tui.asks import Place, Wiring
from tests.launcher.tui.test_home_screen import screen_text, until


@pytest.fixture
def place(tmp_path: Path) -> Place:
    workspace = Workspace(tmp_path / "w")
    model = workspace.models / "Stable-diffusion" / "mine.safetensors"
    model.parent.mkdir(parents=True)
    model.write_bytes(b"x")
    workspace.config_file.write_text("[[[broken", encoding="utf-8")
    return Place(workspace, Options())


async def test_the_settings_show_the_way_and_are_there_again_afterwards(place, fake, monkeypatch):
    asked = tuple(each for each in CHECKS if each.name in ("settings", "models"))
    monkeypatch.setattr(asks_trouble, "_checks", lambda _place: examine(Here(place.workspace, {}), asked, seconds=10))
    async with GessoApp(fake.core(), "en", Wiring(place)).run_test(size=(120, 40)) as pilot:
        pilot.app.go("settings")
        assert "t: troubleshooting can set this file aside" in await until(pilot, "✗")
        await pilot.press("t")
        await until(pilot, "Not looked at, because the settings")
        await pilot.press("enter")
        assert "config.toml.broken-" in await until(pilot, "This will be changed:")
        await pilot.press("enter")
        await until(pilot, "all is well")
        assert read_settings(place.workspace).language is None
        await pilot.press("escape")
        await until(pilot, "mirrors.packages")


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_models_screen_claims_nothing(place, fake, language):
    async with GessoApp(fake.core(), language, Wiring(place)).run_test(size=(80, 24)) as pilot:
        pilot.app.go("models")
        text = await until(pilot, "config.toml")
        assert {"en": "not known", "zh": "未知"}[language] in text
        assert not any(each in text for each in ("There are no models", "还没有模型", "0 of 0", "0 个模型"))


async def test_the_cards_of_home_say_that_nothing_is_known(fake):
    def cannot():
        raise LauncherError("bad-settings", asks_trouble.HERE, asks_trouble.HERE)

    fake.look = cannot
    async with fake.app().run_test(size=(80, 24)) as pilot:
        await until(pilot, "not known")
        assert "Looking …" not in screen_text(pilot)
