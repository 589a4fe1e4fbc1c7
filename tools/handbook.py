"""Writes docs/handbook.md and docs/handbook.zh.md: every kind of failure and every word, as the interface has them."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from launcher.core.diagnosis.rules import Words
from launcher.core.handbook.entries import Entry, Sort, read_handbook

DOCS = Path(__file__).parents[1] / "docs"
FILES = {"en": "handbook.md", "zh": "handbook.zh.md"}
#: heading, what stands under it, and how the other file is called
_ABOUT_EN = """\
What goes wrong, what is behind it and what helps; then the words that a newcomer meets. The interface has the same, to
be searched without a network: `t`, then `h`. `gesso diagnose LOG` finds the right page for a log. This file is made by
`python -m tools.handbook` from `launcher/data/rules/` and `launcher/data/terms.toml`."""
_ABOUT_ZH = """\
会出什么问题、原因是什么、怎么解决；然后是新手会遇到的词。界面里按 `t` 再按 `h` 可以搜索同样的内容，不需要网络。
`gesso diagnose 日志文件` 会找出对应的那一页。本文件由 `python -m tools.handbook` 根据 `launcher/data/rules/` 和
`launcher/data/terms.toml` 生成。"""
_SAID = {
    "en": ("# Handbook", "[中文](handbook.zh.md)", _ABOUT_EN),
    "zh": ("# 手册", "[English](handbook.md)", _ABOUT_ZH),
}
_SECTIONS: dict[Sort, dict[str, str]] = {
    "failure": {"en": "When something goes wrong", "zh": "出问题时"},
    "harmless": {"en": "Frightening, but harmless", "zh": "看着吓人，其实没事"},
    "term": {"en": "Words", "zh": "名词"},
}
_MENDED = {"en": "Gesso can do this by one key.", "zh": "Gesso 可以一键解决。"}


def page(entries: tuple[Entry, ...], language: str) -> str:
    """The whole file."""
    heading, other, about = _SAID[language]
    lines = [heading, "", other, "", about, ""]
    for sort, titles in _SECTIONS.items():
        found = [each for each in entries if each.sort == sort]
        if found:
            lines += [f"## {titles[language]}", "", *(line for each in found for line in _entry(each, language))]
    return "\n".join(lines).rstrip() + "\n"


def _entry(entry: Entry, language: str) -> Iterator[str]:
    yield from (f"### {_in(entry.title, language)}", "")
    if entry.sort != "term":
        yield from (f"`{entry.name}`", "")
    yield from (_in(entry.body, language), "")
    if entry.steps:
        yield from (f"{number}. {_in(step, language)}" for number, step in enumerate(entry.steps, 1))
        yield ""
    if entry.mend:
        yield from (_MENDED[language], "")
    if entry.links:
        yield from (" · ".join(f"<{link}>" for link in entry.links), "")


def _in(words: Words, language: str) -> str:
    """In that language; outside of code the signs of Markdown and HTML are signs."""
    said = words.zh if language == "zh" else words.en
    parts = said.split("`")
    return "`".join(part if number % 2 else re.sub(r"[\\<*_\[]", r"\\\g<0>", part) for number, part in enumerate(parts))


def main() -> int:
    """Both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=DOCS)
    into = parser.parse_args().into
    for language, name in FILES.items():
        (into / name).write_text(page(read_handbook(), language), encoding="utf-8")
        print(into / name, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
