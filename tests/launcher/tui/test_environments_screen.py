"""The environments' screen: what is asked before anything changes, what is said afterwards, how it looks."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from launcher.core.environments.environments import Stamp
from launcher.core.environments.freeze import Differing
from launcher.core.environments.listing import Listed, Size
from launcher.core.errors import LauncherError
from launcher.core.events import Event, Step
from launcher.core.install.repair import Health
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.text import t
from launcher.tui.app import GessoApp
from launcher.tui.asks import Place, Wiring
from launcher.tui.asks_environments import EnvironmentsAsks, EnvironmentsSeen
from launcher.tui.jobs import Cancel
from tests.launcher.tui.test_home_screen import screen_text, until

GIB = 1024**3


def listed(name: str, state: Any, torch: str = "2.13.0+cu130") -> Listed:
    stamp = Stamp(torch, "cu130", "https://mirror.example/whl", ("0" * 64,), "1" * 64, "3.12", "2026-11-20T10:00:00")
    return Listed(Path("/e") / name, state, None if state == "unfinished" else stamp, Size(9 * GIB, 7 * GIB))


@dataclass
class Shelf:
    """Three environments; `calls` says what was asked."""

    calls: list[Any] = field(default_factory=list)
    found: tuple[Listed, ...] = (
        listed("torch-new", "current"), listed("torch-[old]", "previous", "2.12.0+cu126"), listed("half", "unfinished"),
    )  # fmt: skip
    health: Health = field(default_factory=lambda: Health(None, (), ()))
    fails: LauncherError | None = None

    def work(self, *call: Any) -> Generator[Event, None, None]:
        self.calls.append(call)
        yield Step("torch", t("loading torch"), "started", 1, 5)
        if self.fails:
            raise self.fails

    def check(self, folder: Path, _cancel: Cancel) -> Health:
        self.calls.append(("check", folder.name))
        return self.health

    def rollback(self) -> Path:
        self.calls.append(("rollback",))
        return Path("/e/torch-[old]")

    def asks(self) -> EnvironmentsAsks:
        return EnvironmentsAsks(
            look=lambda: EnvironmentsSeen(self.found, None),
            check=self.check,
            repair=lambda folder, health, cancel: self.work("repair", folder.name),
            create=lambda cancel: self.work("create"),
            switch=lambda folder: self.calls.append(("switch", folder.name)),
            rollback=self.rollback,
            remove=lambda folder: self.calls.append(("remove", folder.name)),
        )


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def app_over(shelf: Shelf, fake, language: str = "en") -> GessoApp:
    place = Place(Workspace(Path("/w")), Options())
    return GessoApp(fake.core(), language, Wiring(place, {EnvironmentsAsks: shelf.asks()}))


async def opened(pilot, needle: str = "torch-new") -> str:
    pilot.app.go("environments")
    return await until(pilot, needle)


@pytest.mark.parametrize(("language", "size"), [("en", (80, 24)), ("zh", (120, 40))])
async def test_each_is_shown_with_its_state_and_size(shelf, fake, language, size):
    async with app_over(shelf, fake, language).run_test(size=size) as pilot:
        text = await opened(pilot)
        said = ("current", "the one before", "unfinished") if language == "en" else ("当前", "上一个", "未完成")
        for each in (*said, "torch-[old]", "9.0 GB", "7.0 GB", "2.12.0+cu126"):
            assert each in text, each
    assert shelf.calls == []


async def test_the_current_one_can_neither_be_removed_nor_switched_to(shelf, fake):
    async with app_over(shelf, fake).run_test(size=(100, 24)) as pilot:
        text = await opened(pilot)
        assert "Make it current" not in text
        assert "Remove" not in text
        await pilot.press("enter", "x")
        await pilot.pause(0.1)
        assert shelf.calls == []
        await pilot.press("down")
        text = await until(pilot, "Make it current")
        assert "Remove" in text
        await pilot.press("enter")
        await until(pilot, "It counts from the next start on.")
    assert shelf.calls == [("switch", "torch-[old]")]


async def test_removing_asks_first_and_esc_leaves_it(shelf, fake):
    async with app_over(shelf, fake).run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await pilot.press("down", "x")
        assert "Remove torch-[old]? 2.0 GB become free." in await until(pilot, "become free")
        await pilot.press("escape")
        await pilot.pause(0.1)
        assert shelf.calls == []
        await pilot.press("x")
        await until(pilot, "become free")
        await pilot.press("enter")
        await until(pilot, "It is removed.")
    assert shelf.calls == [("remove", "torch-[old]")]


async def test_what_a_check_finds_is_named_and_can_be_repaired(shelf, fake):
    shelf.health = Health(None, (), (Differing("numpy", ("2.0",), "1.0"),))
    async with app_over(shelf, fake).run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await pilot.press("f")
        await pilot.pause(0.1)
        assert shelf.calls == [], "nothing was found yet that could be repaired"
        await pilot.press("h")
        await until(pilot, "numpy is another version, or gone")
        await pilot.press("f")
        await until(pilot, "be built again")
        await pilot.press("enter")
        await until(pilot, "It is built again, and proven.")
    assert shelf.calls == [("check", "torch-new"), ("repair", "torch-new")]


async def test_a_failure_is_said_with_its_hint_and_the_keys_come_back(shelf, fake):
    shelf.fails = LauncherError("disk-full", t("Nothing is written yet."), t("Write something, or press Esc."))
    async with app_over(shelf, fake).run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await pilot.press("n")
        await until(pilot, "Make another environment")
        await pilot.press("enter")
        text = await until(pilot, "Nothing is written yet.")
        assert "Write something, or press Esc." in text
        assert "torch-new" in text
        assert not pilot.app.screen.busy
    assert shelf.calls == [("create",)]


async def test_one_key_goes_back(shelf, fake):
    async with app_over(shelf, fake).run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await pilot.press("b")
        await until(pilot, "It counts from the next start on.")
        assert shelf.calls == [("rollback",)]
        shelf.found = shelf.found[:1]
        await pilot.press("r")
        for _ in range(100):
            await pilot.pause(0.02)
            if "Back to the one before" not in screen_text(pilot):
                break
        assert "Back to the one before" not in screen_text(pilot), "there is none"
