"""Every sentence that a job, a model or a setting may answer with has a Chinese one.

The sources are read, not run: each string that ends like a sentence, each message and hint of a RequestError, and each
clause that ends up inside a sentence ("… cannot be read: its end is missing."). In an f-string every expression is a
slot, {0}, {1} and so on in the order of the text, and so it stands in zh_CN.json; the translation may put the slots in
another order. What is read in a terminal or by programs alone (_ELSEWHERE, logs) need not be there.
"""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.serving import CHECKOUT

RUNTIME = CHECKOUT / "runtime"
CHINESE: dict[str, str] = json.loads((RUNTIME / "assets" / "localizations" / "zh_CN.json").read_text(encoding="utf-8"))
#: flags, the start, the API's own words, and tables whose texts are labels of the page, which another test looks after
_ELSEWHERE = re.compile(
    r"(api/.*|gate/(accounts|connections|login|told)|infotext/.*|__main__|announce|flags|flag_table|port|prove\w*|protocol|server|starting_page|setting\w*"
    r"|engine/attention_trial|engine/memory/(ledger|reasons)|engine/switches|ui/calls|ui/share|ui/words)\.py"
)
_LOGGED = {"debug", "info", "warning", "error", "exception"}
_BUGS = {"AssertionError", "TypeError"}
#: caught before anybody reads them
_UNHEARD = {
    "no difference", "no number", "no number of a usable size", "{0} is not of the right type", "it is no JSON object",
    "--allow-host needs a name that this server is called by, as art.example.org, not {0}.",
    "{0} for {1}", "has a misshapen", "has an unexpected", "int | None", "This device captures no graphs.",
    "There was no memory left to capture the step as a CUDA graph; for now it is launched piece by piece.",
    "no list of calls for {0}",
    # what drivers say, and a key of the state file
    "illegal instruction was encountered", "no cuda-capable device is detected",
    "cuda-capable device(s) is/are busy or unavailable", "gpu is lost", "{0} of {1} MiB, {2}",
    "unable to find an engine",
}  # fmt: skip
_SENTENCE = re.compile(r".*\S \S.*[.?!]", re.DOTALL)
_CLAUSE = re.compile(
    r"(?=[a-z{<]|The |Put ).*\b(a|an|are|has|have|into|is|it|its|missing|more|no|not|of|on|out|the|was)\b.*[^.:?!]",
    re.DOTALL,
)


def form(node: ast.AST) -> str | None:
    """The text of a string or an f-string, with slots."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    text, slots = "", 0
    for part in node.values:
        text += str(part.value) if isinstance(part, ast.Constant) else f"{{{slots}}}"
        slots += not isinstance(part, ast.Constant)
    return text


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def unsaid(tree: ast.AST) -> Iterator[ast.AST]:
    """Docstrings, parts of f-strings, and what goes into the log or to a programmer."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value
        if isinstance(node, ast.JoinedStr):
            yield from node.values
            for part in node.values:
                if isinstance(part, ast.FormattedValue) and part.format_spec:
                    yield from ast.walk(part.format_spec)
        if isinstance(node, ast.Call) and called(node) in _LOGGED | _BUGS:
            yield from node.args


def said(source: str) -> Iterator[str]:
    """The sentences and clauses of a module."""
    tree = ast.parse(source)
    passed = set(unsaid(tree))
    errors = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and called(node) == "RequestError"]
    whole = {part for error in errors for part in error.args[1:]}
    for node in ast.walk(tree):
        text = None if node in passed else form(node)
        if text is None or re.search("</[a-z]", text) or not re.search("[a-z]{2}", text):
            continue
        if node in whole or _SENTENCE.fullmatch(text) or (" " in text and _CLAUSE.fullmatch(text)):
            yield text.strip()


def modules() -> list[Path]:
    return [
        file for file in sorted(RUNTIME.rglob("*.py")) if not _ELSEWHERE.fullmatch(file.relative_to(RUNTIME).as_posix())
    ]


def test_every_sentence_of_the_runtime_has_a_chinese_one() -> None:
    missing = {
        f"{file.relative_to(RUNTIME).as_posix()}: {text}"
        for file in modules()
        for text in said(file.read_text(encoding="utf-8"))
        if text not in CHINESE and text not in _UNHEARD
    }
    assert sorted(missing) == []


def test_a_translation_has_no_slot_that_the_sentence_lacks() -> None:
    def slots(text: str) -> set[str]:
        return set(re.findall(r"\{\d+\}", text))

    assert [key for key, text in CHINESE.items() if slots(text) - slots(key)] == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('raise RequestError("code", f"{name!r} has {len(parts):,} parts.", "Give fewer.")',
         ["{0} has {1} parts.", "Give fewer."]),
        ('def f():\n    """A docstring is one."""\n    _LOG.warning("It cannot be read.")', []),
        ('why = "its end is missing"', ["its end is missing"]),
        ("note(f\"No {what} is here; {'none' if x else 'one'} is used.\")", ["No {0} is here; {1} is used."]),
        ('{"Denoising strength": 1, "key": "value"}', []),
    ],
)  # fmt: skip
def test_sentences_are_found(source: str, expected: list[str]) -> None:
    assert list(said(source)) == expected
