"""What every screen has: the palette, the colours, the language, the help."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.events import Key

from launcher.core.errors import LauncherError
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.settings import read_settings
from launcher.core.text import t
from launcher.tui.app import GessoApp
from launcher.tui.asks import Place, Wiring
from launcher.tui.asks_frame import FrameAsks, saved_theme
from launcher.tui.screens.help import HelpScreen
from launcher.tui.speaking import KeyLine
from launcher.tui.themes import NAMES, THEMES, TITLES
from tests.launcher.tui.test_home_screen import screen_text, until

SIZE = (80, 24)


def app_of(fake, *, save=None, language: str = "en", root: Path = Path("nowhere"), colours: str | None = None):
    wiring = Wiring(Place(Workspace(root), Options()), {FrameAsks: FrameAsks(save)} if save else {})
    return GessoApp(fake.core(), language, wiring, colours)


def test_every_word_of_the_setting_has_its_colours() -> None:
    assert list(NAMES) == list(TITLES) == ["dark", "light", "contrast"]
    assert list(NAMES.values()) == [theme.name for theme in THEMES]


async def test_the_colours_change_at_once_and_are_kept(fake, tmp_path):
    async with app_of(fake, root=tmp_path).run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, "Press Enter to start.")
        assert pilot.app.screen.styles.background == pilot.app.screen.styles.background.parse("#16171a")
        await pilot.press("f3")
        await until(pilot, "light colours")
        assert pilot.app.theme == "gesso-light"
        assert pilot.app.screen.styles.background.hex == "#F6F2E9"
        await pilot.press("f3")
        await until(pilot, "colours of strong contrast")
    place = Place(Workspace(tmp_path), Options())
    assert read_settings(place.workspace).theme == saved_theme(place) == "contrast"
    async with app_of(fake, root=tmp_path, colours=saved_theme(place)).run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, "Press Enter to start.")
        assert pilot.app.theme == "gesso-contrast"


async def test_colours_that_cannot_be_kept_are_taken_all_the_same(fake):
    def refuse(_name: str) -> None:
        raise LauncherError("no-permission", t("up to date"), t("done"))

    async with app_of(fake, save=refuse).run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, "Press Enter to start.")
        await pilot.press("f3")
        await until(pilot, "The colours could not be kept")
        assert pilot.app.theme == "gesso-light"


@pytest.mark.parametrize(("written", "found"), [('theme = "dark"', "dark"), ("theme = 7", None), ("", None)])
def test_a_setting_that_is_wrong_takes_nobodys_colours(tmp_path, written, found) -> None:
    (tmp_path / "config.toml").write_text(written, encoding="utf-8")
    assert saved_theme(Place(Workspace(tmp_path), Options())) == found


async def test_the_palette_finds_in_both_languages_and_does_it(fake):
    async with app_of(fake, language="zh").run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, "按 Enter")
        await pilot.press("ctrl+p")
        await pilot.press(*"launch")
        await until(pilot, "gesso launch")
        await pilot.press("enter")
        await until(pilot, "hello from the runtime")
    assert "launch" in fake.calls


async def test_the_palette_says_that_nothing_is_called_so_and_closes(fake):
    async with app_of(fake).run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, "Press Enter to start.")
        await pilot.press("ctrl+p", *"xyzzyqq")
        await until(pilot, "Nothing is called so.")
        await pilot.press("escape")
        assert "Nothing is called so." not in screen_text(pilot)


async def test_the_palette_lists_this_screens_keys_first(fake):
    async with app_of(fake).run_test(size=(120, 40)) as pilot:
        await until(pilot, "Press Enter to start.")
        await pilot.press("ctrl+p")
        text = await until(pilot, "on this screen")
        assert text.index("the key Enter on this screen") < text.index("the key q on this screen")
        assert ">" in text


async def test_over_a_question_there_is_no_palette(fake):
    async with app_of(fake).run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, "Press Enter to start.")
        await pilot.press("enter")
        await until(pilot, "ready: press o")
        await pilot.press("q")
        await until(pilot, "What shall become")
        await pilot.press("ctrl+p")
        assert "What shall become" in screen_text(pilot)
        assert "Type a part" not in screen_text(pilot)


async def test_keys_before_the_first_screen_are_given_to_it_in_their_order(fake, tmp_path):
    app = app_of(fake, root=tmp_path)
    begin, held = app._open, []
    app._open = lambda: held.append(begin)
    async with app.run_test(size=SIZE) as pilot:
        for key in ("p", "question_mark"):
            app.post_message(Key(key, None))
        await pilot.pause()
        assert "is opening" in screen_text(pilot)
        held[0]()
        app.call_after_refresh(app._give_early)
        while not isinstance(app.screen, HelpScreen):
            await pilot.pause(0.02)
        assert [type(each).__name__ for each in app.screen_stack[1:]] == ["HomeScreen", "ProfilesScreen", "HelpScreen"]
        await pilot.press("escape", "escape")
        await until(pilot, "Press Enter to start.")


async def test_of_passing_remarks_the_last_one_stands_and_hides_no_key(fake, tmp_path):
    async with app_of(fake, root=tmp_path).run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, "Press Enter to start.")
        await pilot.press("f3", "f3", "f3")
        text = await until(pilot, pilot.app.say(TITLES["dark"]))
        assert pilot.app.say(TITLES["light"]) not in text
        lines = text.splitlines()
        assert lines[-1].rstrip().endswith("?  Help")
        assert lines[-2].rstrip().endswith("Settings")


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_keys_that_do_not_fit_are_left_out_whole_and_the_way_back_never(fake, tmp_path, language):
    async with app_of(fake, root=tmp_path, language=language).run_test(size=(60, 20)) as pilot:
        await until(pilot, "Enter")
        await pilot.press("p")
        await until(pilot, "lan")
        for _ in range(2):
            await pilot.pause()
        line = pilot.app.screen.query_one(KeyLine)

        def show() -> None:
            line.show(pilot.app.say, lambda key: t("{name}", name="a long meaning of it") if key.in_line else None)

        show()
        await pilot.pause()
        shown = [key.of.label for key in line.query("Key") if key.display]
        assert {"Enter", "Esc", "?"} <= set(shown) < {key.of.label for key in line.query("Key")}
        last = screen_text(pilot).splitlines()[-1]
        assert last.count("a long meaning") == 2, "Help stands at the right whatever is there"
        await pilot.resize_terminal(240, 20)
        show()
        assert all(key.display for key in line.query("Key"))
