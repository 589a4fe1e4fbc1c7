"""Every English text of the page has a Chinese one."""

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.flags import read_flags
from runtime.studio import Studio
from runtime.ui import model_card, real_model, words
from runtime.ui.page import build_blocks
from tests.fakes.serving import CHECKOUT

ASSETS = CHECKOUT / "runtime" / "assets"
_TEXTS = ("label", "placeholder", "info")
#: said in every language as they are
_NAMES = {"VAE", "Lora"}


def texts(blocks: Any) -> Iterator[str]:
    """What the built page shows: labels, hints, keys, HTML, and the words beside radio buttons."""
    for component in blocks.blocks.values():
        kind, found = type(component).__name__, component.get_config()
        if kind in ("State", "Timer"):
            continue
        yield from (str(found[name]) for name in _TEXTS if found.get(name) and found.get("show_label") is not False)
        yield str(found.get("placeholder") or "")
        if kind == "Button":
            yield str(found["value"])
        if kind == "Radio":
            yield from (str(label) for label, _ in found["choices"])
        if kind == "HTML":
            yield from re.findall(
                r">([^<>]+)<", re.sub(r"<(\w+)[^>]*data-untranslated.*?</\1>", "", found["value"] or "")
            )


def said() -> Iterator[str]:
    """Sentences that appear while the page is used, and the words of the keys that show a picture."""
    yield from model_card._SHOWN.values()
    for module in (words, real_model):
        found = ((name, value) for name, value in vars(module).items() if name.isupper() and name[0] != "_")
        yield from (value for _name, value in found if isinstance(value, str))
    for script in (ASSETS / "page").glob("hints.js"):
        yield from re.findall(r'^\s+\w+: "(.+)",$', script.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_chinese_page_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    studio = Studio(read_flags(["--data-dir", str(tmp_path)], {}), ("none",), lambda event: None)
    chinese = json.loads((ASSETS / "localizations" / "zh_CN.json").read_text(encoding="utf-8"))
    english = {html.unescape(text).strip() for text in (*texts(build_blocks(studio, tmp_path)), *said())}
    wanted = {text for text in english if re.search("[A-Za-z]{2}", text)} - _NAMES
    assert sorted(wanted - chinese.keys()) == []
    assert [key for key, text in chinese.items() if not re.search("[\u4e00-\u9fff]", text) and key not in _NAMES] == []
