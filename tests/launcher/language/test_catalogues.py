"""Every sentence has its Chinese, and the compiled catalogue says what the written one says."""

from __future__ import annotations

import io
import re

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

from tools.catalogues import (
    CATALOGUE,
    compiled_differs,
    faults,
    from_facts,
    from_python,
    merged,
    read_catalogue,
    sentences,
    write_catalogue,
)

# what is called the same in both languages
NAMES = {"Torch", "PyTorch", "Python", "LoRAs", "VAEs"}


def test_every_sentence_has_its_chinese():
    said = sentences()
    assert len(said) > 100
    assert faults(read_catalogue(), said) == [], "run: python -m tools.catalogues, then translate"


def test_the_compiled_catalogue_is_made_from_the_written_one():
    assert not compiled_differs(read_catalogue(), CATALOGUE.with_suffix(".mo"))


def test_the_translations_hold_chinese():
    # Names and pure layouts of placeholders are the same in both languages; the other language's name is English.
    for entry in read_catalogue():
        bare = re.sub(r"\{\w+\}", "", str(entry.id))
        if entry.id and re.search(r"[A-Za-z]{4}", bare) and entry.id not in NAMES:
            assert re.search(r"[一-鿿]", str(entry.string)), entry.id


def test_sentences_are_found_wherever_they_are_said():
    source = 't("one {x}", x=t("two")); core.t("three " "more"); _("four"); t(variable); print("not this"); t()'
    assert set(from_python(source)) == {"one {x}", "two", "three more", "four"}
    facts = {"title": "five", "flags": ["--no"], "table": [{"why": "six", "name": "no"}], "inner": {"reason": "seven"}}
    assert set(from_facts(facts)) == {"five", "six", "seven"}


@pytest.mark.parametrize(
    ("string", "flags", "fault"),
    [
        ("", (), "not translated"),
        ("好 {y}", (), "other placeholders"),
        ("好 {x}", ("fuzzy",), "fuzzy"),
        ("好 {x}", (), None),
    ],
)
def test_faults_are_named(string, flags, fault):
    catalogue = Catalog(locale="zh")
    catalogue.add("good {x}", string, flags=flags)
    found = faults(catalogue, {"good {x}": []})
    assert [line.partition(":")[0] for line in found] == ([fault] if fault else [])


def test_what_nobody_says_any_more_leaves_the_catalogue(tmp_path):
    catalogue = Catalog(locale="zh")
    catalogue.add("kept", "留着")
    catalogue.add("gone", "没了")
    assert faults(catalogue, {"kept": []}) == ["no longer said: 'gone'"]
    file = tmp_path / "gesso.po"
    write_catalogue(merged(catalogue, {"kept": ["a.py"], "new": ["b.py"]}), file)
    again = read_catalogue(file)
    assert {str(entry.id): entry.string for entry in again if entry.id} == {"kept": "留着", "new": ""}
    assert not compiled_differs(again, file.with_suffix(".mo"))
    again["kept"].string = "变了"
    assert compiled_differs(again, file.with_suffix(".mo"))


def test_the_same_sentences_give_the_same_bytes():
    said = sentences()
    first, second = io.BytesIO(), io.BytesIO()
    for file in (first, second):
        write_po(file, merged(read_catalogue(), said))
    assert first.getvalue() == second.getvalue()
