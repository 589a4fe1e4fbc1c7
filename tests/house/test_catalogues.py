"""Every sentence that the launcher can say is in the Chinese catalogue, with the same blanks to fill."""

from __future__ import annotations

import ast
import gettext
import re

from launcher.language import translator
from tests.house.tracked import ROOT, texts

LOCALE = ROOT / "launcher" / "data" / "locale"
BLANK = re.compile(r"\{\w*[^}]*\}")


def sentences() -> set[str]:
    """The first argument of every `t("…")` and `_("…")` in the launcher."""
    found = set()
    for name, text in texts().items():
        if not (name.startswith("launcher/") and name.endswith(".py")):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("t", "_"):
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    found.add(first.value)
    return found


def catalogue(language: str) -> gettext.GNUTranslations:
    """The compiled catalogue, as the launcher reads it."""
    with (LOCALE / language / "LC_MESSAGES" / "gesso.mo").open("rb") as file:
        return gettext.GNUTranslations(file)


def test_there_are_sentences() -> None:
    assert len(sentences()) > 20


def test_every_sentence_has_a_chinese_one() -> None:
    chinese = catalogue("zh")
    missing = sorted(
        sentence for sentence in sentences() if chinese.gettext(sentence).isascii() and sentence[:1].isalpha()
    )
    assert [sentence for sentence in missing if " " in sentence] == []


def test_the_chinese_sentences_fill_the_same_blanks() -> None:
    chinese = catalogue("zh")
    different = [
        sentence for sentence in sentences()
        if set(BLANK.findall(sentence)) != set(BLANK.findall(chinese.gettext(sentence)))
    ]  # fmt: skip
    assert different == []


def test_in_english_the_sentences_are_what_the_code_says() -> None:
    """English is the key itself; a catalogue of it, should there be one, may not say something else."""
    english = translator("en")
    assert [sentence for sentence in sentences() if english(sentence) != sentence] == []
