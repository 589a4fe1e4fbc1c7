"""The handbook: its words, what a search finds in it, and that the pages in docs are made of the same data."""

from __future__ import annotations

import re

import pytest

from launcher.core.diagnosis.rules import Words, read_rules
from launcher.core.errors import LauncherError
from launcher.core.handbook.entries import Entry, read_handbook, read_terms
from launcher.core.handbook.search import search
from tools.handbook import DOCS, FILES, page

CHINESE = re.compile("[㐀-鿿]")


@pytest.fixture(scope="module")
def book() -> tuple[Entry, ...]:
    return read_handbook()


def test_the_words_of_a_newcomer_are_there_in_both_languages() -> None:
    terms = read_terms()
    assert len(terms) >= 60
    assert len({each.name for each in terms}) == len(terms)
    for each in terms:
        assert not CHINESE.search(each.title.en + each.explanation.en), each.name
        assert CHINESE.search(each.explanation.zh), each.name
        assert 20 < len(each.explanation.en) < 400, each.name


def test_every_rule_is_a_page(book) -> None:
    assert {kind.slug for kind in read_rules()} == {each.name for each in book if each.sort != "term"}
    assert all(each.paragraphs() for each in book)


@pytest.mark.parametrize(("asked", "first"), [
    ("显存", "term-vram"), ("vram", "term-vram"), ("半精度", "term-half"), ("VAE", "term-vae"), ("lora", "term-lora"),
    ("采样器", "term-sampler"), ("CFG", "term-cfg"), ("种子", "term-seed"),
    ("镜像", "term-mirror"), ("代理", "term-proxy"), ("虚拟环境", "term-environment"),
    ("xformers", "term-xformers"), ("medvram", "term-medvram"),
    ("掩码", "term-mask"), ("整合包", "term-integration-package"), ("  pagefile ", "term-pagefile"),
])  # fmt: skip
def test_a_word_is_found_first(book, asked, first) -> None:
    terms = [each for each in book if each.sort == "term"]
    assert search(terms, asked)[0].name == first


def entry(name: str, en: str, zh: str, also: tuple[str, ...] = ()) -> Entry:
    return Entry(name, "failure", Words(en, zh), Words(f"About {en}", f"关于{zh}"), also=also)


def test_words_are_looked_for_one_by_one_and_chinese_without_blanks() -> None:
    entries = (
        entry("port", "The port is taken", "端口被占用", ("address already in use",)),
        entry("memory", "VRAM is used up", "显存不足", ("CUDA out of memory",)),
        entry("disk", "The disk is full", "磁盘已满"),
    )
    found = {
        "": ["port", "memory", "disk"],
        "显存不足怎么办": ["memory"],
        "我的端口被占用了": ["port"],
        "out of memory": ["memory"],
        "IN USE": ["port"],
        "the disk full": ["disk"],
        "the port full": ["port", "disk"],
        "爆显存了怎么办": ["memory"],
        "nothing of the kind": [],
        "磁盘": ["disk"],
    }
    assert {asked: [each.name for each in search(entries, asked)] for asked in found} == found


def test_a_mistake_in_the_words_names_file_and_key(tmp_path) -> None:
    (tmp_path / "terms.toml").write_text('[[term]]\nname = "x"\ntitle = { en = "X" }\n')
    with pytest.raises(LauncherError, match=r"terms\.toml.*title\.zh"):
        read_terms(tmp_path / "terms.toml")


@pytest.mark.parametrize("language", FILES)
def test_the_pages_in_docs_are_made_of_the_same_data(book, language) -> None:
    written = (DOCS / FILES[language]).read_text(encoding="utf-8")
    assert written == page(book, language), "python -m tools.handbook makes them anew"
