"""Emphasis and chunks, by the vectors of AUTOMATIC1111's contract."""

import time
from dataclasses import dataclass

import pytest

from runtime.engine.cleaning import cleaned
from runtime.engine.prompt import CHUNK, chunks_of, comma_id, parse_emphasis, prompt_chunks
from runtime.engine.tokenizer import END, START, token_ids


@pytest.mark.parametrize(
    ("prompt", "runs"),
    [
        ("", []),
        ("a (cat)", [("a ", 1.0), ("cat", 1.1)]),
        ("((cat))", [("cat", 1.21)]),
        ("(cat:1.5)", [("cat", 1.5)]),
        ("((cat:1.5))", [("cat", 1.65)]),
        ("(cat : -0.5 )", [("cat ", -0.5)]),
        ("[cat]", [("cat", 1 / 1.1)]),
        ("[[cat]]", [("cat", 1 / 1.21)]),
        (r"\(cat\)", [("(cat)", 1.0)]),
        (r"\[a\] \\ \b", [("[a] \\ b", 1.0)]),
        ("(cat", [("cat", 1.1)]),
        ("cat)", [("cat)", 1.0)]),
        ("a]b", [("a]b", 1.0)]),
        ("(a)(b)", [("ab", 1.1)]),
        ("[cat:1.3]", [("cat:1.3", 1 / 1.1)]),
        ("ratio 16:9", [("ratio 16:9", 1.0)]),
        ("x:1.3)", [("x:1.3)", 1.0)]),
        ("(a:b:1.2)", [("a:b", 1.2)]),
        ("(a [b) c]", [("a ", 1.1), ("b", 1.0), (" c", 1 / 1.1)]),
        ("(a (b:2) c:3)", [("a ", 3.0), ("b", 6.0), (" c", 3.0)]),
        ("(红色:1.2)的圆", [("红色", 1.2), ("的圆", 1.0)]),
    ],
)
def test_emphasis(prompt, runs):
    found = parse_emphasis(prompt)
    assert [run.text for run in found] == [text for text, _ in runs]
    assert [run.weight for run in found] == pytest.approx([weight for _, weight in runs])


@pytest.mark.parametrize("piece", ["(", ")", "(a:1", "((a)", "[(x", " ", "1", ": ", "\\"])
def test_parsing_is_linear(piece):
    """Twenty-five times as long may take at most 200 times as long (a quadratic parser: 625 times)."""

    def seconds(times):
        started = time.process_time()
        parse_emphasis(piece * times)
        return time.process_time() - started

    short = max(min(seconds(1_000) for _ in range(3)), 1e-4)
    assert min(seconds(25_000) for _ in range(2)) < 200 * short


def test_token_ids_are_clips():
    """Ids from CLIP's published vocabulary."""
    assert token_ids("a photo of a cat") == [320, 1125, 539, 320, 2368]
    assert comma_id() == 267


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("１girl，ｓｏｌｏ：（ｃａｔ）", "1girl,solo:(cat)"),
        ("a\u3000cat", "a cat"),
        ("don’t “look”", 'don\'t "look"'),
        ("ﬁeld", "field"),
        ("black &amp; white &lt;3", "black & white <3"),
        ("a\x00 c\ufeffat\x07", "a cat"),
        ("e\u0301", "é"),
        ("ｶ", "カ"),
        ("\ud83d\ude00", "😀"),
        ("\ud800", "\ufffd"),
    ],
)
def test_signs_are_read_as_clip_reads_them(text, same):
    assert token_ids(text) == token_ids(same)


@pytest.mark.parametrize("text", ["红色的圆。", "a < b &amp; c", "…", "é"])
def test_other_signs_are_themselves(text):
    assert cleaned(text) == text


def test_a_full_width_comma_ends_a_phrase_too():
    plain, wide = (prompt_chunks("cat " * 60 + comma + " mat" * 20) for comma in (",", "，"))
    assert plain == wide
    assert plain[0].ids[62] == END


def test_one_chunk_is_framed_and_padded():
    (chunk,) = prompt_chunks("a (cat:1.5)")
    assert chunk.ids == (START, 320, 2368, *(END,) * 74)
    assert chunk.weights == (1.0, 1.0, 1.5, *(1.0,) * 74)


def test_empty_prompt_is_one_chunk():
    (chunk,) = prompt_chunks("")
    assert chunk.ids == (START, *(END,) * 76)


@pytest.mark.parametrize(("words", "chunks"), [(75, 1), (76, 2), (150, 2), (151, 3)])
def test_chunks_hold_75_tokens(words, chunks):
    assert len(prompt_chunks("cat " * words)) == chunks


def test_break_starts_a_chunk():
    first, second = prompt_chunks("cat BREAK mat")
    assert (first.ids[1], second.ids[1]) == (2368, token_ids("mat")[0])
    assert len(prompt_chunks("cat BREAKFAST")) == 1


def test_a_phrase_moves_with_its_comma():
    """60 words, a comma, 20 words: the chunk is full after 14 of the 20, so all 20 move on."""
    first, second = prompt_chunks("cat " * 60 + "," + " mat" * 20)
    assert first.ids[61] == comma_id()
    assert first.ids[62:] == (END,) * 15
    assert second.ids[1:21] == tuple(token_ids("mat") * 20)


def test_a_comma_out_of_reach_moves_nothing():
    first, _ = prompt_chunks("cat " * 50 + "," + " mat" * 30)
    assert END not in first.ids[:76]


def test_reach_is_twenty_tokens():
    near, far = ("cat " * before + "," + " mat" * 40 for before in (CHUNK - 20, CHUNK - 21))
    assert END in prompt_chunks(near)[0].ids[:76]
    assert END not in prompt_chunks(far)[0].ids[:76]


def test_weights_survive_a_move():
    _, second = chunks_of(parse_emphasis("cat " * 70 + ", (mat:1.5)" + " (mat:1.5)" * 10))
    assert second.weights[1:12] == (1.5,) * 11


def test_break_inside_brackets_starts_a_chunk_too():
    first, second = prompt_chunks("(cat BREAK mat:1.5)")
    assert (first.ids[1], second.ids[1]) == (2368, token_ids("mat")[0])
    assert (first.weights[1], second.weights[1]) == (1.5, 1.5)
    assert len(prompt_chunks("(cat)(BREAK)")) == 1
    assert len(prompt_chunks("BREAK cat BREAK")) == 2


def test_the_option_sets_the_reach():
    near, none = (prompt_chunks("cat " * 70 + "," + " mat" * 40, reach=reach) for reach in (20, 0))
    assert near[0].ids[72] == END
    assert none[0].ids[75] != END


def test_emphasis_none_reads_brackets_as_words():
    (chunk,) = prompt_chunks("(cat:1.5) BREAK", emphasis="None")
    assert set(chunk.weights) == {1.0}
    assert chunk.ids[1 : 1 + len(token_ids("(cat:1.5) BREAK"))] == tuple(token_ids("(cat:1.5) BREAK"))


@dataclass(frozen=True)
class Word:
    name: str
    vectors: tuple[tuple[int, ...], ...]
    sha12: str = ""

    @property
    def length(self):
        return len(token_ids(self.name))


class Shelf:
    """Embeddings by name; `count` vectors each."""

    def __init__(self, **counts):
        words = [Word(name.replace("_", " "), ((0,) * count,)) for name, count in counts.items()]
        self.words = sorted(words, key=lambda word: -word.length)

    def match(self, ids, at):
        return next((one for one in self.words if list(ids[at : at + one.length]) == token_ids(one.name)), None)

    def remarks(self, ids):
        return ()


def test_an_embedding_takes_its_names_place():
    book = Shelf(red_cat=3)
    (chunk,) = prompt_chunks("a (Red  CAT:1.5), mat", book=book)
    assert chunk.ids[:7] == (START, 320, 0, 0, 0, comma_id(), token_ids("mat")[0])
    assert chunk.weights[:7] == (1.0, 1.0, 1.5, 1.5, 1.5, 1.0, 1.0)
    assert chunk.embeddings == ((2, book.words[0]),)


def test_an_embeddings_name_is_not_found_across_weights():
    (chunk,) = prompt_chunks("a red (cat)", book=Shelf(red_cat=3))
    assert chunk.embeddings == ()


def test_an_embedding_that_does_not_fit_starts_a_chunk():
    book = Shelf(mat=4)
    first, second = prompt_chunks("cat " * 72 + "mat cat", book=book)
    assert first.ids[73:76] == (END,) * 3
    assert (second.ids[:6], second.embeddings) == ((START, 0, 0, 0, 0, 2368), ((1, book.words[0]),))
    (whole,) = prompt_chunks("cat " * 71 + "mat", book=book)
    assert whole.embeddings == ((72, book.words[0]),)


def test_an_embedding_moves_with_its_phrase():
    book = Shelf(mat=4)
    first, second = prompt_chunks("cat " * 65 + ", mat" + " cat" * 20, book=book)
    assert (first.embeddings, second.embeddings) == ((), ((1, book.words[0]),))
    assert first.ids[67:] == (END,) * 10
    assert second.ids[1:6] == (0, 0, 0, 0, 2368)


@pytest.mark.parametrize("text", ["\ud800", "a \ud83d b", "\x00", "\ufffe", "e\u0301" * 50, "😀" * 80])
def test_any_character_has_tokens(text):
    assert all(len(chunk.ids) == 77 for chunk in prompt_chunks(text))
