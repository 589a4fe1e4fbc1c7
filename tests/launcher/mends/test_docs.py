"""The pages about the mends name every mend that there is, and no other."""

import re

import pytest

from launcher.core.mends import MENDS, find_mend
from launcher.core.paths import checkout


@pytest.mark.parametrize("page", ["mends.md", "mends.zh.md"])
def test_every_mend_stands_in_the_table_once(page):
    text = (checkout() / "docs" / page).read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE)) == sorted(MENDS)


@pytest.mark.parametrize(("page", "words"), [("mends.md", "cannot be taken back"), ("mends.zh.md", "无法撤销")])
def test_what_cannot_be_taken_back_is_said(page, words):
    text = (checkout() / "docs" / page).read_text(encoding="utf-8")
    said = {name for name, rest in re.findall(r"^\| `([a-z-]+)` \|(.*)", text, re.MULTILINE) if words in rest}
    assert said == {name for name in MENDS if not find_mend(name).reversible}
