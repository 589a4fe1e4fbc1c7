"""The models' and catalogue's screens, over files as their makers write them: what is asked, said and drawn."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from launcher.core.errors import LauncherError
from launcher.core.events import Event, Progress, Step
from launcher.core.models.add import Added
from launcher.core.models.catalogue import read_catalogue
from launcher.core.models.entry import Library
from launcher.core.models.facts import Facts
from launcher.core.models.library import read_library
from launcher.core.models.other_installs import OtherInstall
from launcher.core.models.verify import Verdict
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.text import t
from launcher.tui.app import GessoApp
from launcher.tui.asks import Place, Wiring
from launcher.tui.asks_models import ModelsAsks, Offer
from launcher.tui.models_table import Shown, next_order
from launcher.tui.screens.catalogue import CatalogueScreen
from launcher.tui.screens.models import ModelsScreen
from tests.fakes.model_files import checkpoint, lora, write_safetensors
from tests.launcher.tui.test_home_screen import screen_text, until

HOSTILE = "wrong [red]place[/].safetensors"


@dataclass
class Shelf:
    """A library of true headers; `calls` says what was asked of it."""

    workspace: Workspace
    calls: list[Any] = field(default_factory=list)
    fails: LauncherError | None = None

    def look(self, cancel) -> Generator[Event, None, Library]:
        self.calls.append("look")
        return (yield from read_library(self.workspace, cancel=cancel))

    def work(self, name: str, given: Any, result: Any, cancel) -> Generator[Event, None, Any]:
        self.calls.append((name, given))
        yield Step("x", t("loading torch"), "started", 1, 1)
        yield Progress("x", 50_000_000, 200_000_000, rate=1_000_000.0, seconds_left=150.0)
        if self.fails:
            raise self.fails
        return result

    def asks(self) -> ModelsAsks:
        entries = read_catalogue().file[:3]
        offers = (Offer(entries[0], False, True), Offer(entries[1], True, True), Offer(entries[2], False, False))

        def offered(cancel) -> Generator[Event, None, tuple[Offer, ...]]:
            yield Progress("models", 1, 1, unit="files")
            return offers

        return ModelsAsks(
            look=self.look,
            hash=lambda library, cancel: self.work("hash", len(library.models), library, cancel),
            verify=lambda models, cancel: self.work(
                "verify", [m.name for m in models], tuple(Verdict(m, "right", t("Looking …")) for m in models), cancel
            ),
            convert=lambda model, cancel: self.work("convert", model.name, Path("/x.safetensors"), cancel),
            add=lambda source, cancel: self.work(
                "add", source, Added(Path("/models/new.safetensors"), "lora", Facts(), "downloaded"), cancel
            ),
            link=lambda folder: OtherInstall(Path(folder), "forge", ()),
            unlink=Path,
            offers=offered,
            fetch=lambda entries, cancel: self.work("fetch", [entry.stem for entry in entries], None, cancel),
        )


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    root = tmp_path / "我的 画图"
    write_safetensors(root / "models/Stable-diffusion/dream 梦境.safetensors", checkpoint("sd1", blocks=12))
    write_safetensors(root / "models/Stable-diffusion/base.safetensors", checkpoint("sdxl", blocks=12))
    write_safetensors(root / "models/Lora/水墨.safetensors", lora("sd1"))
    write_safetensors(root / "models/VAE" / HOSTILE.replace("/", "-"), checkpoint("sd1", blocks=12))
    (root / "models/Lora/broken.safetensors").write_bytes(b"<html>no</html>")
    return Shelf(Workspace(root))


def app_over(shelf: Shelf, fake, language: str = "en") -> GessoApp:
    return GessoApp(fake.core(), language, Wiring(Place(shelf.workspace, Options()), {ModelsAsks: shelf.asks()}))


async def opened(pilot, name: str, needle: str) -> str:
    pilot.app.go(name)
    return await until(pilot, needle)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_every_model_is_shown_with_what_is_wrong_and_nothing_is_taken_for_markup(shelf, fake, size):
    async with app_over(shelf, fake).run_test(size=size) as pilot:
        text = await opened(pilot, "models", "5 of 5 models")
        for said in ("dream 梦境", "checkpoint", "sdxl", "fp16", "LoRA", "wrong [red]place"):
            assert said in text
        for _ in range(5):
            if "web page" in screen_text(pilot):
                break
            await pilot.press("down")
            await pilot.pause(0.05)
        assert "This is a web page that was saved under a model's name." in screen_text(pilot)


async def test_the_filter_takes_letters_that_are_keys_and_esc_shows_all_again(shelf, fake):
    async with app_over(shelf, fake).run_test(size=(80, 24)) as pilot:
        await opened(pilot, "models", "5 of 5 models")
        await pilot.press("slash", "s", "d", "x", "l")
        await until(pilot, "1 of 5 models")
        assert pilot.app.screen.shown.needle == "sdxl"
        assert "look" not in shelf.calls[1:]
        await pilot.press("enter", "escape")
        await until(pilot, "5 of 5 models")
        assert isinstance(pilot.app.screen, ModelsScreen)
        await pilot.press("escape")
        await pilot.pause()
        assert not isinstance(pilot.app.screen, ModelsScreen)


def test_orders_go_round_and_problems_come_first(shelf):
    found: list[Library] = []

    def walk() -> Generator[Event, None, None]:
        found.append((yield from read_library(shelf.workspace)))

    list(walk())
    library = found[0]
    seen, order = [], "kind"
    for _ in range(5):
        seen.append(order)
        order = next_order(order)
    assert order == "kind"
    assert len(set(seen)) == 5
    wrong = Shown(library, order="problems").models
    assert [bool(model.problems) for model in wrong] == [True, True, False, False, False]
    sizes = [model.size for model in Shown(library, order="size").models]
    assert sizes == sorted(sizes, reverse=True)
    assert [model.name for model in Shown(library, needle="水").models] == ["水墨.safetensors"]


async def test_work_is_told_in_place_and_what_it_found_stays_to_be_read(shelf, fake):
    async with app_over(shelf, fake).run_test(size=(80, 24)) as pilot:
        await opened(pilot, "models", "5 of 5 models")
        await pilot.press("v")
        await until(pilot, "right.")
        name, given = shelf.calls[1]
        assert (name, len(given)) == ("verify", 1)
        assert await until(pilot, "5 of 5 models")
        await pilot.press("a")
        await until(pilot, "Add a model")
        await pilot.press(*"c:/x.ckpt", "enter")
        await until(pilot, "It lies in /models/new.safetensors now.")
        assert ("add", "c:/x.ckpt") in shelf.calls


async def test_another_install_is_used_where_it_lies(shelf, fake, tmp_path):
    async with app_over(shelf, fake).run_test(size=(80, 24)) as pilot:
        await opened(pilot, "models", "5 of 5 models")
        await pilot.press("i")
        await until(pilot, "Use another install")
        pilot.app.screen.query_one("#value").value = str(tmp_path / "not there")
        await pilot.press("enter")
        await until(pilot, "There is no such folder.")
        pilot.app.screen.query_one("#value").value = str(tmp_path)
        await pilot.press("enter")
        await until(pilot, "next start on.")


async def test_a_failure_says_what_next_and_the_table_stays(shelf, fake):
    shelf.fails = LauncherError("disk-full", t("Nothing is written yet."), t("Write something, or press Esc."))
    async with app_over(shelf, fake).run_test(size=(80, 24)) as pilot:
        await opened(pilot, "models", "5 of 5 models")
        await pilot.press("h")
        text = await until(pilot, "Nothing is written yet.")
        assert "Write something, or press Esc." in text
        assert "dream" in text


async def test_marked_models_are_fetched_together_and_what_is_there_is_not(shelf, fake):
    async with app_over(shelf, fake).run_test(size=(80, 24)) as pilot:
        text = await opened(pilot, "catalogue", "[ ]")
        assert "✓" in text
        assert isinstance(pilot.app.screen, CatalogueScreen)
        assert len(pilot.app.screen.offers) == 3
        await pilot.press("space")
        await until(pilot, "Marked: 1")
        await pilot.press("down", "space", "f")
        await until(pilot, "≥ ")
        assert len(pilot.app.screen.marked) == 1, "what is there cannot be marked"
        await pilot.press("enter")
        await until(pilot, "Everything that was marked is there.")
        assert [call for call in shelf.calls if call[0] == "fetch"] == [("fetch", [read_catalogue().file[0].stem])]


@pytest.mark.parametrize("name", ["models", "catalogue"])
async def test_the_words_change_with_the_language_while_it_is_open(shelf, fake, name):
    async with app_over(shelf, fake).run_test(size=(80, 24)) as pilot:
        await opened(pilot, name, "checkpoint")
        await pilot.press("f2")
        text = await until(pilot, "大模型")
        assert "checkpoint" not in text
        assert "帮助" in text


async def test_a_small_terminal_still_shows_the_names(shelf, fake):
    async with app_over(shelf, fake).run_test(size=(60, 20)) as pilot:
        await opened(pilot, "models", "5 of 5 models")
        await pilot.resize_terminal(30, 10)
        await pilot.pause(0.1)
        await pilot.resize_terminal(80, 24)
        assert "dream" in await until(pilot, "5 of 5 models")
        assert replace(pilot.app.screen.shown, needle="") == pilot.app.screen.shown
