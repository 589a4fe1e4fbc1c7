"""Chinese has Chinese punctuation: in the catalogue, in the tables of both languages, and before Gesso starts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launcher.core.facts import read_table
from tools.catalogues import CHECKOUT, read_catalogue

_DATA = CHECKOUT / "launcher" / "data"
#: what is typed as it stands, with Chinese words for what each puts in
_TYPED = re.compile(r"`[^`]*`|<[^>]*>|用户名:密码|(?:主机|127\.0\.0\.1):端口|(?:127\.0\.0\.1):\{port\}")
_CHINESE = "\u4e00-\u9fff，。：；（）“”"
_HALF = re.compile(rf"(?<=[{_CHINESE}}}])[,:;()?!]|[,:;()?!](?=[{_CHINESE}])")


def half_width(sentence: str) -> list[str]:
    """The half-width marks of a Chinese sentence, each with what stands around it."""
    said = _TYPED.sub("X", sentence)
    return [said[max(found.start() - 8, 0) : found.end() + 8] for found in _HALF.finditer(said)]


@pytest.mark.parametrize(
    ("sentence", "faults"),
    [
        ("好:坏", 1),
        ("好(坏)", 2),
        ("第 {line} 行:{quote}", 1),
        ("{slug}:{what}。", 1),
        ("DLL,坏", 1),
        ("“好”;坏", 1),
        ("写成 用户名:密码，或 http://主机:端口。运行 `gesso proxy set 127.0.0.1:端口`。", 0),
        ("使用 127.0.0.1:{port} 上的代理：好（坏）", 0),
    ],
)
def test_half_width_marks_are_found(sentence: str, faults: int) -> None:
    assert len(half_width(sentence)) == faults


def test_the_catalogue_has_chinese_punctuation() -> None:
    assert [fault for entry in read_catalogue() if entry.id for fault in half_width(str(entry.string))] == []


@pytest.mark.parametrize("file", sorted(_DATA.rglob("*.toml")), ids=lambda file: file.stem)
def test_the_tables_have_chinese_punctuation(file: Path) -> None:
    assert [fault for sentence in in_chinese(read_table(file)) for fault in half_width(sentence)] == []


def test_the_first_words_have_chinese_punctuation() -> None:
    assert half_width((_DATA / "first_words.txt").read_text(encoding="utf-8")) == []


def in_chinese(facts: Any) -> Iterator[str]:
    """Every `zh` of a table, at any depth."""
    if isinstance(facts, dict):
        for key, value in facts.items():
            if key == "zh" and isinstance(value, str):
                yield value
            else:
                yield from in_chinese(value)
    elif isinstance(facts, list):
        for each in facts:
            yield from in_chinese(each)
