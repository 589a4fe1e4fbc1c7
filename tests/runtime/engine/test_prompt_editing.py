"""Prompt editing, alternation, AND, tags and comments, by the vectors of AUTOMATIC1111's contract."""

import time

import pytest

from runtime.engine.prompt import (
    NetworkTag,
    Part,
    count_tokens,
    edit_schedule,
    editing,
    split_parts,
    take_networks,
    without_comments,
)
from runtime.request import RequestError


def spans(text, steps=10, **rule):
    return [(span.until, span.text) for span in edit_schedule(text, steps, **rule)]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a [cat:3]", [(3, "a "), (10, "a cat")]),
        ("a [cat:.5] b", [(5, "a  b"), (10, "a cat b")]),
        ("[cat::4] x", [(4, "cat x"), (10, " x")]),
        ("[cat:dog:4] x", [(4, "cat x"), (10, "dog x")]),
        ("a[b:[c:d:2]:1]e", [(1, "abe"), (2, "ace"), (10, "ade")]),
        ("[(a:2):3]", [(3, ""), (10, "(a:2)")]),
        ("[a: 0.25 ]", [(2, ""), (10, "a")]),
        ("[a:1.0]", [(10, "")]),
        ("[a:2.]", [(10, "")]),
        ("[a:1]", [(1, ""), (10, "a")]),
        ("[a:99]", [(10, "")]),
        ("[a:b:0]", [(10, "b")]),
        ("[a:b:-3]", [(10, "b")]),
        ("[a:b:+3]", [(3, "a"), (10, "b")]),
        ("[a:b:3e0]", [(3, "a"), (10, "b")]),
        ("[a:1e999]", [(10, "")]),
        ("[:3]", [(3, ""), (10, "")]),
        ("[[a:b:2]:[c:d:8]:5]", [(2, "a"), (5, "b"), (8, "c"), (10, "d")]),
        ("([a:3])", [(3, "()"), (10, "(a)")]),
        ("", [(10, "")]),
        ("a cat", [(10, "a cat")]),
    ],
)
def test_edits(prompt, expected):
    assert spans(prompt) == expected


@pytest.mark.parametrize(
    "prompt",
    [
        "a [cat",
        "a cat]",
        "[cat]",
        "[a:b]",
        "[a:b:c]",
        "[a:b:c:3]",
        "[a:3:]",
        "(a:b:c)",
        "[a (b:3] c)",
        "[(a:b:c):3]",
        "] ) : ( [",
        r"\[a:3\]",
        r"[a\:3]",
        "[a:(3)]",
        "[a:1_0]",
        "[a:٣]",
    ],
)
def test_brackets_without_an_edit_stay(prompt):
    assert spans(prompt) == [(10, prompt)]


@pytest.mark.parametrize(
    "prompt",
    [
        "a | [b:3]",
        "(a|b) [b:3]",
        "[a|b [c:3]",
        "[a|b:3] [b:3]",
        "[a|(b] [c:3])",
        "[b:3] \\",
        "[b:3]\\\nx",
        "[x|(a:b:c)]",
    ],
)
def test_what_cannot_be_read_is_taken_as_it_stands(prompt):
    assert spans(prompt) == [(10, prompt)]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("[a:b] [c:3]", [(3, "[a:b] "), (10, "[a:b] c")]),
        ("( [c:3]", [(3, "( "), (10, "( c")]),
        ("[x [c:3]", [(3, "[x "), (10, "[x c")]),
        ("[[c:3]:b]", [(3, "[:b]"), (10, "[c:b]")]),
        ("[(a] [c:3])", [(3, "[(a] )"), (10, "[(a] c)")]),
        (r"[a\|b:3]", [(3, ""), (10, r"a\|b")]),
        (r"\\ [c:3]", [(3, "\\\\ "), (10, "\\\\ c")]),
    ],
)
def test_an_edit_holds_beside_and_inside_mere_brackets(prompt, expected):
    assert spans(prompt) == expected


@pytest.mark.parametrize(
    ("prompt", "cycle"),
    [
        ("[x|y]", ["x", "y"]),
        ("[x|||]z", ["xz", "z", "z", "z"]),
        ("[fe|]male", ["female", "male"]),
        ("[|]", ["", ""]),
        ("[a|[b|c]]", ["a", "c"]),
        ("[(a:1.2)|b]", ["(a:1.2)", "b"]),
    ],
)
def test_alternation(prompt, cycle):
    assert spans(prompt, 9) == [(step + 1, cycle[step % len(cycle)]) for step in range(9)]


def test_an_edit_inside_an_alternation():
    texts = [text for _, text in spans("[a|b [c:d:2]|e]", 6)]
    assert texts == ["a", "b c", "e", "a", "b d", "e"]


def test_the_old_rule():
    """Below 1 is a fraction, however it is written."""
    assert spans("[a:b:3.0]", old=True) == [(3, "a"), (10, "b")]
    assert spans("[a:b:.3]", old=True) == [(3, "a"), (10, "b")]
    assert spans("[a:b:3.0]") == [(10, "a")]
    assert spans("[a:b:1.0]", old=True) == [(1, "a"), (10, "b")]


def test_the_hires_pass_counts_on():
    assert spans("[a:b:5]", hires_steps=4) == [(4, "b")]
    assert spans("[a:b:12]", hires_steps=4) == [(2, "a"), (4, "b")]
    assert spans("[a:b:0.5]", hires_steps=4) == [(4, "b")]
    assert spans("[a:b:1.5]", hires_steps=4) == [(2, "a"), (4, "b")]
    assert spans("[a:b:12]", hires_steps=4, old=True) == [(10, "a")]
    assert spans("[a|b]", hires_steps=2) == [(1, "a"), (2, "b")]


def test_boundaries_are_cut_down_to_whole_steps():
    assert spans("[a:b:.29]", 10) == [(2, "a"), (10, "b")]
    assert spans("[a:b:.05]", 10) == [(10, "b")]


def test_texts_beyond_all_measure_are_refused():
    with pytest.raises(RequestError) as refused:
        edit_schedule("[a|b]" + "x" * (editing.MOST_TEXT // 100), 1000)
    assert refused.value.code == "prompt-too-long"


@pytest.mark.parametrize(
    ("prompt", "parts"),
    [
        ("a cat", [("a cat", 1.0)]),
        ("", [("", 1.0)]),
        ("a AND b", [("a", 1.0), (" b", 1.0)]),
        ("a :1.2 AND b:-.5", [("a", 1.2), (" b", -0.5)]),
        ("a:2. AND b: +3 ", [("a", 2.0), (" b", 3.0)]),
        ("ratio 16:9", [("ratio 16", 9.0)]),
        ("a:1:2", [("a:1", 2.0)]),
        ("a:1.2.3", [("a:1.2.3", 1.0)]),
        ("(a:1.2)", [("(a:1.2)", 1.0)]),
        ("(a AND b:1.2)", [("(a", 1.0), (" b:1.2)", 1.0)]),
        ("BRAND ANDROID and a_AND_b", [("BRAND ANDROID and a_AND_b", 1.0)]),
        ("AND", [("", 1.0), ("", 1.0)]),
        ("a\nAND\nb :2\n", [("a", 1.0), ("\nb", 2.0)]),
    ],
)
def test_parts(prompt, parts):
    assert split_parts(prompt) == tuple(Part(text, weight) for text, weight in parts)


@pytest.mark.parametrize(
    ("prompt", "rest", "tags"),
    [
        ("a <lora:x> b", "a  b", [("lora", ("x",), {})]),
        ("<lora:x:.5:1:4>", "", [("lora", ("x", ".5", "1", "4"), {})]),
        ("<lora:x:te=.5:unet=1:dyn=4>", "", [("lora", ("x",), {"te": ".5", "unet": "1", "dyn": "4"})]),
        ("<lyco:x:1><hypernet:y:.3>", "", [("lyco", ("x", "1"), {}), ("hypernet", ("y", ".3"), {})]),
        ("<what:ever>", "", [("what", ("ever",), {})]),
        ("<lora:>", "<lora:>", []),
        ("<lora>", "<lora>", []),
        ("< lora:x>", "< lora:x>", []),
        ("<lora:x", "<lora:x", []),
        ("a < b:c > d", "a < b:c > d", []),
        ("<<lora:x>>", "<>", [("lora", ("x",), {})]),
        ("<lora:a<lora:b>", "", [("lora", ("a<lora", "b"), {})]),
        ("<lora:\u4e2d\u6587 name:1>", "", [("lora", ("\u4e2d\u6587 name", "1"), {})]),
    ],
)
def test_tags(prompt, rest, tags):
    assert take_networks(prompt) == (rest, tuple(NetworkTag(*tag) for tag in tags))


@pytest.mark.parametrize(
    ("prompt", "rest"),
    [
        ("a cat # blue?\non a mat", "a cat \non a mat"),
        ("a\n# nothing\nb", "a\nb"),
        ("# nothing", ""),
        ("a # b # c", "a"),
        (" a ", " a "),
    ],
)
def test_comments(prompt, rest):
    assert without_comments(prompt) == rest


@pytest.mark.parametrize(
    ("prompt", "used", "room"),
    [
        ("", 0, 75),
        ("a cat", 2, 75),
        ("cat " * 75, 75, 75),
        ("cat " * 76, 76, 150),
        ("a BREAK b", 76, 150),
        ("<lora:some long name:1> a cat # of many words", 2, 75),
        ("[a:a cat on a mat:5] AND a", 5, 75),
        ("a AND a cat on a mat", 5, 75),
        ("(a cat:1.3)", 2, 75),
    ],
)
def test_the_counter(prompt, used, room):
    assert count_tokens(prompt, 20) == (used, room)


@pytest.mark.parametrize(
    "piece", ["[", "[a:", "[a|", "[x:1]", "[a|b]", "(a|", "[[a:1]:b]", "|[", "<a:", "\\[", "[a:1" + "1" * 50]
)
def test_reading_is_linear(piece):
    """Sixteen times as long may take at most 100 times as long (a quadratic reader: 256 times)."""

    def seconds(times):
        started = time.process_time()
        text, _ = take_networks(piece * times)
        for part in split_parts(text):
            edit_schedule(part.text, 10)
        return time.process_time() - started

    short = max(min(seconds(1_000) for _ in range(3)), 1e-4)
    assert min(seconds(16_000) for _ in range(2)) < 100 * short
