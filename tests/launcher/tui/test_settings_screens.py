"""The settings' and the update's screens over stand-ins of core, and their questions put to the real one."""

from __future__ import annotations

import threading
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from textual.widgets import Input

from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice, Progress, Step
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.process import CancelledError
from launcher.core.settings import Value, read_settings, setting_names
from launcher.core.text import t
from launcher.core.update.clone import Changes
from launcher.core.update.find import Update
from launcher.core.update.proof import Rebuilds
from launcher.setting_words import WORDS, read, what_wins, written
from launcher.tui.app import GessoApp
from launcher.tui.asks import Place, Wiring
from launcher.tui.asks_settings import SettingsAsks, SettingsSeen, UpdateAsks, Use, VersionSeen
from launcher.tui.screens.settings import SettingsScreen
from launcher.tui.screens.update import UpdateScreen
from launcher.tui.settings_state import Chosen, editable, shown
from tests.launcher.tui.test_home_screen import gone, until

SIZE = (80, 24)


@dataclass
class FakeSettings:
    """config.toml as a dict; `calls` says what was changed."""

    values: dict[str, object] = field(default_factory=lambda: dict.fromkeys(setting_names()))
    calls: list[str] = field(default_factory=list)
    go: threading.Event = field(default_factory=threading.Event)

    def look(self) -> SettingsSeen:
        stronger = tuple((key, what_wins(WORDS[key], {"HF_ENDPOINT": "https://me:pw@x.example"})) for key in WORDS)
        return SettingsSeen(Path("config.toml"), tuple(self.values.items()), ("colour",), stronger)

    def change(self, key: str, value: Value | None) -> SettingsSeen:
        self.calls.append(f"{key}={value}")
        if value == "nonsense":
            raise LauncherError("bad-settings", t("Not running."), t("Press Enter to start."))
        self.values[key] = tuple(value) if isinstance(value, list) else value
        return self.look()

    def count(self, cancel: threading.Event) -> Generator[Use, None, None]:
        yield Use(Path("there"), (("environments", 5 << 30),), 100 << 30)
        while not self.go.wait(0.01):
            if cancel.is_set():
                raise CancelledError
        yield Use(Path("there"), (("environments", 5 << 30), ("mine", 1 << 30)), 100 << 30, done=True)

    def asks(self) -> SettingsAsks:
        return SettingsAsks(self.look, self.change, self.count)


@dataclass
class FakeUpdate:
    """A newer version, or what stands in its way."""

    update: Update = field(
        default_factory=lambda: Update(
            "0.1.0",
            "0.2.0",
            "c" * 40,
            Changes(("abc Better",), ("launcher/x.py",)),
            Rebuilds(launcher=True, engine=False),
        )
    )
    before: str | None = None
    fails: LauncherError | None = None
    slow: bool = False
    calls: list[str] = field(default_factory=list)

    def find(self, cancel: threading.Event) -> Generator[Event, None, Update]:
        self.calls.append("find")
        yield Notice("x", "info", t("up to date"))
        yield Progress("fetch", 30, 60, "objects")
        while self.slow:
            if cancel.wait(0.01):
                raise CancelledError
        if self.fails:
            raise self.fails
        return self.update

    def carry_out(self, update: Update, cancel: threading.Event) -> Generator[Event, None, None]:
        self.calls.append(f"carry out {update.version}")
        yield Step("prove", t("Start the new version where it lies"), "started", 1, 2)

    def back(self) -> Generator[Event, None, str]:
        self.calls.append("back")
        yield Step("prove", t("Change to the new version"), "started", 1, 1)
        return "0.0.9"

    def asks(self) -> UpdateAsks:
        return UpdateAsks(lambda: VersionSeen("0.1.0", self.before), self.find, self.carry_out, self.back)


def app_of(fake, *stand_ins: object, language: str = "en") -> GessoApp:
    place = Place(Workspace(Path("nowhere")), Options())
    return GessoApp(fake.core(), language, Wiring(place, {type(each): each for each in stand_ins}))


def test_every_setting_has_its_words_and_every_word_its_setting() -> None:
    assert set(WORDS) == set(setting_names())


def test_what_is_typed_is_what_is_kept() -> None:
    assert read(WORDS["downloads.limit_kib"], " 12 ") == 12
    assert read(WORDS["proxy.direct"], "a.example, github,") == ["a.example", "github"]
    assert read(WORDS["python"], "  ") is None
    assert [written(each) for each in (None, (), ("a", "b"), 3)] == ["", "", "a, b", "3"]
    with pytest.raises(ValueError, match="invalid literal"):
        read(WORDS["downloads.limit_kib"], "fast")
    for key, words in WORDS.items():
        for choice, _ in words.choices:
            assert read(words, choice) == choice, key


def test_no_password_is_shown_or_put_into_a_field() -> None:
    told = "http://me:s3cret@x.example:1"
    assert "s3cret" not in shown("proxy.address", told, str)
    assert "s3cret" not in shown("mirrors.torch", told.replace("http:", "https:"), str)
    seen = SettingsSeen(Path("x"), (("proxy.address", told), ("python", "3.12")), (), ())
    assert editable(Chosen(seen), "proxy.address") == ""
    assert editable(Chosen(seen), "python") == "3.12"
    assert "pw" not in str(what_wins(WORDS["mirrors.huggingface"], {"HF_ENDPOINT": "https://me:pw@x.example"}))


async def test_a_setting_is_changed_refused_and_taken_back(fake):
    settings = FakeSettings()
    async with app_of(fake, settings.asks()).run_test(size=SIZE) as pilot:
        await until(pilot, "Press Enter to start.")
        pilot.app.go("settings")
        text = await until(pilot, "mirrors.torch")
        assert "(as the system)" in text
        assert "Nobody knows what these in config.toml mean: colour" in text
        screen = pilot.app.screen
        assert isinstance(screen, SettingsScreen)
        screen.query_one("#settings").pick("python")
        await pilot.press("enter")
        await until(pilot, "Setting: python")
        pilot.app.screen.query_one(Input).value = "nonsense"
        await pilot.press("enter")
        text = await until(pilot, "✗ Not running.")
        pilot.app.screen.query_one("#settings").pick("python")
        await pilot.press("enter")
        await until(pilot, "Setting: python")
        pilot.app.screen.query_one(Input).value = "3.12"
        await pilot.press("enter")
        text = await until(pilot, " 3.12 ")
        assert "✗" not in text
        await pilot.press("r")
        await until(pilot, "(the one that fits best)")
        await pilot.press("r")
        screen.query_one("#settings").pick("downloads.limit_kib")
        await pilot.press("enter")
        await until(pilot, "Setting: downloads.limit_kib")
        pilot.app.screen.query_one(Input).value = "fast"
        await until(pilot, "A whole number is needed here")
        await pilot.press("escape")
        screen.query_one("#settings").pick("mirrors.huggingface")
        await until(pilot, "HF_ENDPOINT is set, and wins: https://***@x.example")
    assert settings.calls == ["python=nonsense", "python=3.12", "python=None"]


async def test_language_and_colours_are_seen_at_once(fake):
    settings = FakeSettings()
    async with app_of(fake, settings.asks()).run_test(size=SIZE) as pilot:
        await until(pilot, "Press Enter to start.")
        pilot.app.go("settings")
        await until(pilot, "(as the system)")
        await pilot.press("enter")
        await until(pilot, "中文 (Chinese)")
        await pilot.press("enter")
        await until(pilot, "设置项")
        await pilot.press("down", "enter")
        await until(pilot, "高对比度")
        await pilot.press("down", "enter")
        await until(pilot, "浅色")
        assert (pilot.app.language, pilot.app.theme) == ("zh", "gesso-light")
        await pilot.press("r")
        await until(pilot, "(深色)")
        assert pilot.app.theme == "gesso"
    assert settings.calls == ["language=zh", "theme=light", "theme=None"]


async def test_the_workspace_is_counted_while_it_is_looked_at(fake):
    settings = FakeSettings()
    async with app_of(fake, settings.asks()).run_test(size=SIZE) as pilot:
        await until(pilot, "Press Enter to start.")
        pilot.app.go("settings")
        text = await until(pilot, "counting …")
        assert "environments 5.0 GB" in text
        settings.go.set()
        text = await until(pilot, "6.0 GB in all (shared files once); on this disk 100 GB free")
        assert "mine 1.0 GB" in text


async def test_an_update_is_found_shown_carried_out_and_left(fake):
    update = FakeUpdate()
    async with app_of(fake, update.asks()).run_test(size=SIZE) as pilot:
        await until(pilot, "Press Enter to start.")
        pilot.app.go("update")
        await until(pilot, "This is Gesso 0.1.0.")
        assert update.calls == []
        await pilot.press("enter")
        text = await until(pilot, "Change to 0.2.0")
        for said in ("Gesso 0.2.0 is there", "abc Better", "launcher/x.py", "made anew", "up to date"):
            assert said in text
        await pilot.press("enter")
        text = await until(pilot, "Leave, and start it again.")
        assert "Esc" not in text
        await pilot.press("escape", "b")
        screen = pilot.app.screen
        assert isinstance(screen, UpdateScreen)
        assert screen.newer.stage == "moved"
        await pilot.press("enter")
        await gone(pilot)
    assert update.calls == ["find", "carry out 0.2.0"]


async def test_what_stands_in_the_way_of_an_update_is_said_and_nothing_done(fake):
    obstacle = LauncherError("update-diverged", t("Not running."), t("Press Enter to start."))
    update = FakeUpdate(fails=obstacle)
    async with app_of(fake, update.asks()).run_test(size=SIZE) as pilot:
        await until(pilot, "Press Enter to start.")
        pilot.app.go("update")
        await until(pilot, "Look for one")
        await pilot.press("enter")
        await until(pilot, "✗ Not running.")
        update.fails, update.update = None, Update("0.1.0", "0.2.0", obstacle=obstacle)
        await pilot.press("enter")
        text = await until(pilot, "It cannot be done as things are")
        assert "Change to" not in text
        update.update = Update("0.1.0", None)
        await pilot.press("enter")
        await until(pilot, "Gesso 0.1.0 is the newest.")
        await pilot.press("enter")
        await pilot.pause(0.1)
    assert set(update.calls) == {"find"}


async def test_looking_for_an_update_can_be_stopped_and_the_version_before_comes_back(fake):
    update = FakeUpdate(before="0.0.9", slow=True)
    async with app_of(fake, update.asks(), language="zh").run_test(size=SIZE) as pilot:
        await until(pilot, "按 Enter")
        pilot.app.go("update")
        await until(pilot, "0.1.0")
        await pilot.press("enter")
        await until(pilot, "30 / 60")
        await pilot.press("s")
        await until(pilot, "检查新版本")
        await pilot.press("b")
        await until(pilot, "现在是 0.0.9")
    assert update.calls == ["find", "back"]


def test_the_real_settings_are_read_changed_and_taken_back(tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("PYTHON", raising=False)
    workspace = Workspace(tmp_path)
    asks = SettingsAsks.real(Place(workspace, Options()))
    assert dict(asks.look().values) == {
        name: () if name in ("proxy.direct", "models.linked") else None for name in setting_names()
    }
    assert dict(asks.change("theme", "light").values)["theme"] == "light"
    assert read_settings(workspace).theme == "light"
    with pytest.raises(LauncherError, match="bad-settings"):
        asks.change("downloads.limit_kib", -5)
    assert dict(asks.change("theme", None).values)["theme"] is None


def test_the_real_workspace_is_counted_once_for_each_file(tmp_path) -> None:
    (tmp_path / "models" / "deep").mkdir(parents=True)
    (tmp_path / "outputs").mkdir()
    (tmp_path / "models" / "deep" / "a").write_bytes(b"x" * 1000)
    (tmp_path / "outputs" / "same").hardlink_to(tmp_path / "models" / "deep" / "a")
    (tmp_path / "outputs" / "b").write_bytes(b"x" * 10)
    counted = list(SettingsAsks.real(Place(Workspace(tmp_path), Options())).count(threading.Event()))
    assert [use.done for use in counted] == [False, False, True]
    assert counted[-1].sizes == (("models", 1000), ("outputs", 10))
    assert (counted[-1].free or 0) > 0
    (nowhere,) = SettingsAsks.real(Place(Workspace(tmp_path / "not"), Options())).count(threading.Event())
    assert (nowhere.sizes, nowhere.done, nowhere.free is not None) == ((), True, True)
    (file,) = SettingsAsks.real(Place(Workspace(tmp_path / "outputs" / "b"), Options())).count(threading.Event())
    assert file == Use(tmp_path / "outputs" / "b", done=True)
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(CancelledError):
        list(SettingsAsks.real(Place(Workspace(tmp_path), Options())).count(stopped))


def test_the_real_update_knows_its_version(tmp_path) -> None:
    asks = UpdateAsks.real(Place(Workspace(tmp_path), Options()))
    assert asks.look().present[0].isdigit()
