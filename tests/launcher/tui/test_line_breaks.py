"""Lines of Chinese break between characters, with their marks where they belong; others as Textual breaks them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, strategies
from rich._wrap import divide_line as textuals
from rich.cells import cell_len
from textual.content import Content
from textual.css.styles import RulesMap

from launcher.tui.app import GessoApp
from launcher.tui.line_breaks import divide_line


def wrapped(text: str, width: int) -> list[str]:
    starts = [0, *divide_line(text, width), len(text)]
    return [text[start:end] for start, end in pairwise(starts)]


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("Gesso 需要的文件都有来源。", 14, ["Gesso 需要的文", "件都有来源。"]),
        ("带 ● 的一行是当前采用的", 12, ["带 ● 的一行", "是当前采用的"]),
        ("我们用镜像，很快。", 10, ["我们用镜", "像，很快。"]),
        ("一二三四（五）", 9, ["一二三四", "（五）"]),
        ("看 https://a.example/b 吧", 10, ["看 ", "https://a.", "example/b ", "吧"]),
        ("", 5, [""]),
    ],
)
def test_chinese_breaks_between_characters(text, width, lines):
    assert wrapped(text, width) == lines


@given(strategies.text("ab -.,x", max_size=60), strategies.integers(1, 30))
def test_without_chinese_nothing_is_different(text, width):
    assert divide_line(text, width) == textuals(text, width)


@given(strategies.text("一二，。（）ab “”…x ", max_size=80), strategies.integers(4, 30))
def test_no_line_is_too_wide_and_nothing_is_lost(text, width):
    lines = wrapped(text, width)
    assert "".join(lines) == text
    assert all(cell_len(line.rstrip()) <= width for line in lines)


async def test_every_widget_wraps_so(fake):
    async with GessoApp(fake.core(), "zh").run_test(size=(80, 24)):
        assert Content("Gesso 需要的文件都有来源。").get_height(RulesMap(), 14) == 2
        drawn = Content("Gesso 需要的文件都有来源。").wrap(14)
        assert [line.plain.rstrip() for line in drawn] == ["Gesso 需要的文", "件都有来源。"]
