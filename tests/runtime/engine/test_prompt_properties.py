"""Whatever is written is read, quickly, and what is read obeys the language's laws."""

import time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from runtime.engine.prompt import (
    CHUNK,
    Break,
    count_tokens,
    edit_schedule,
    parse_emphasis,
    prompt_chunks,
    split_parts,
    take_networks,
    without_comments,
)
from runtime.engine.tokenizer import END, START

SIGNS = [
    "[",
    "]",
    "(",
    ")",
    ":",
    "|",
    "\\",
    "#",
    "<",
    ">",
    "=",
    ",",
    " ",
    "\n",
    "AND",
    "BREAK",
    "a",
    "cat",
    "3",
    ".5",
    "-1",
    "红",
]
prompts = st.one_of(st.text(st.characters(), max_size=60), st.lists(st.sampled_from(SIGNS), max_size=40).map("".join))
steps = st.integers(1, 60)
quick = settings(max_examples=150, deadline=1000, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(prompts, steps)
@example("\ud800[a|\udfff]", 3)
@example("", 1)
@example("(a BREAK [b AND c:3] BREAK:1.2) AND", 5)
def test_any_text_becomes_chunks(prompt, count):
    text, _ = take_networks(without_comments(prompt))
    for part in split_parts(text):
        spans = edit_schedule(part.text, count)
        assert [span.until for span in spans] == sorted({span.until for span in spans})
        assert spans[0].until >= 1
        assert spans[-1].until == count
        for span in spans:
            for chunk in prompt_chunks(span.text):
                assert len(chunk.ids) == len(chunk.weights) == CHUNK + 2
                assert (chunk.ids[0], chunk.ids[-1]) == (START, END)


@quick
@given(prompts, steps)
def test_the_counter_counts_whole_chunks(prompt, count):
    used, room = count_tokens(prompt, count)
    assert 0 <= used <= room
    assert room % CHUNK == 0
    assert room - used < CHUNK or used == 0


@quick
@given(prompts)
def test_text_without_signs_is_left_alone(prompt):
    plain = "".join(sign for sign in prompt if sign not in "[]()|:\\#<>").replace("BREAK", "").replace("AND", "")
    assert [span.text for span in edit_schedule(plain, 5)] == [plain]
    assert "".join(run.text for run in parse_emphasis(plain)) == plain


@quick
@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=40))
def test_guarded_text_stays_itself(text):
    """A backslash before each bracket and backslash makes any text literal."""
    guarded = "".join(f"\\{sign}" if sign in "()[]\\" else sign for sign in text.replace("BREAK", ""))
    assert "".join(run.text for run in parse_emphasis(guarded)) == text.replace("BREAK", "")


@quick
@given(prompts, prompts, st.integers(0, 30), steps)
def test_an_edit_holds_one_text_before_and_the_other_after(before, after, when, count):
    first, second = ("".join(sign for sign in text if sign not in "[]()|:\\") for text in (before, after))
    for span in edit_schedule(f"<[{first}:{second}:{when}]>", count):
        assert span.text == f"<{first if span.until <= when else second}>"


@pytest.mark.parametrize(
    "prompt",
    [
        "cat " * 100_000,
        "(" * 100_000 + "cat",
        "[" * 100_000 + "a" + "]" * 100_000,
        "(" * 100_000 + "a" + ")" * 100_000,
        "[a|b] " * 33_000,
    ],
    ids=["words", "unclosed", "square", "round", "alternations"],
)
def test_a_hundred_thousand_take_seconds_at_most(prompt):
    """Well under a second for each stage on an idle processor; the bound leaves room for a busy one."""
    started = time.process_time()
    text, _ = take_networks(without_comments(prompt))
    for part in split_parts(text):
        spans = edit_schedule(part.text, 20)
        read = parse_emphasis(spans[0].text)
        assert not any(isinstance(piece, Break) for piece in read)
        assert prompt_chunks(spans[0].text)
    assert time.process_time() - started < 4
