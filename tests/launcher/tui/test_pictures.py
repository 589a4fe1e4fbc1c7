"""The pictures of the interface: small, whole, loading nothing; each that the pages show is there, and no other."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.segment import Segment
from rich.style import Style

from launcher.tui.screens import SCREENS
from tools.screenshots import CHECKOUT, SHOTS, SHOWN, SIZES, Shot, draw
from tools.terminal_svg import Run, _pieces, runs

IMAGES = CHECKOUT / "docs" / "images"


def test_neighbours_that_look_alike_are_one_run() -> None:
    bold = Style(bold=True, color="#ffffff", bgcolor="#000000")
    plain = Style(color="#ffffff", bgcolor="#000000")
    found = list(runs([Segment("ab", bold), Segment("c", bold), Segment("显存", plain), Segment("", plain)]))
    assert [(run.x, run.text, run.bold, run.cells) for run in found] == [(0, "abc", True, 3), (3, "显存", False, 4)]


def test_every_piece_stands_in_its_own_cells() -> None:
    found = list(_pieces(Run(4, "显存 12 GB   ▄x  ", "#fff", "#000")))
    assert [(piece.x, piece.text, piece.cells) for piece in found] == [
        (4, "显存", 4), (9, "12 GB", 5), (17, "▄", 1), (18, "x", 1),
    ]  # fmt: skip


async def test_a_picture_is_whole_and_asks_nobody(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv("COMMANDLINE_ARGS", raising=False)
    drawn = await draw(Shot("settings", "settings"), "zh", (80, 24), tmp_path / "w")
    root = ElementTree.fromstring(drawn)
    texts = [each.text or "" for each in root.iter() if each.tag.endswith("text")]
    assert "设置" in texts
    assert f"{SHOWN}/config.toml" in texts
    assert set(re.findall(r"https?://[^\"' <]+", drawn)) == {"http://www.w3.org/2000/svg"}
    assert len(drawn) < 60_000


@pytest.mark.parametrize(("page", "language"), [("interface.md", "en"), ("interface.zh.md", "zh")])
def test_the_pages_show_every_picture_and_there_is_no_other(page: str, language: str) -> None:
    text = (CHECKOUT / "docs" / page).read_text(encoding="utf-8")
    shown = set(re.findall(r"images/interface/([\w-]+)\.svg", text))
    wanted = {
        f"{shot.name}-{language}-{width}" for shot in SHOTS for width, _ in SIZES if shot.screen in {"home", *SCREENS}
    }
    assert shown == wanted
    assert {file.stem for file in (IMAGES / "interface").glob(f"*-{language}-*")} == wanted


def test_all_pictures_together_are_small() -> None:
    assert sum(file.stat().st_size for file in IMAGES.rglob("*.*")) < 3 << 20
