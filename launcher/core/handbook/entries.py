"""What stands in the handbook: an entry for each kind of failure and for each word."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

from launcher.core.diagnosis.rules import RULES, Words, read_rules
from launcher.core.facts import read_facts
from launcher.core.text import Text, t

TERMS = Path(__file__).parents[2] / "data" / "terms.toml"
#: a kind of failure; one that only looks like it; a word
Sort = Literal["failure", "harmless", "term"]
_NOTHING_TO_DO = t("It only looks frightening: there is nothing to do.")


@dataclass(frozen=True)
class Term:
    """A word of the field."""

    #: unique
    name: str
    title: Words
    explanation: Words
    #: other spellings, and words that people search by
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class _File:
    term: tuple[Term, ...] = field(default_factory=tuple)


@dataclass(frozen=True)
class Entry:
    """One page of the handbook."""

    #: the slug of a failure, or "term-" and the word's name
    name: str
    sort: Sort
    title: Words
    #: the cause, or the explanation
    body: Words
    steps: tuple[Words, ...] = ()
    links: tuple[str, ...] = ()
    #: name of the mend that Gesso can do by itself
    mend: str | None = None
    #: words that it is found by as well; of a failure what stands in the log
    also: tuple[str, ...] = ()

    def paragraphs(self) -> tuple[Text, ...]:
        """What there is to read, without the steps."""
        said = (self.body.text(),)
        return (*said, _NOTHING_TO_DO) if self.sort == "harmless" and not self.steps else said


def read_terms(file: Path = TERMS) -> tuple[Term, ...]:
    """In the order of the file. LauncherError `bad-facts`."""
    return read_facts(file, _File).term


@cache
def read_handbook(rules: Path = RULES, terms: Path = TERMS) -> tuple[Entry, ...]:
    """Failures, then what only looks like one, then words. Reading the rules takes some tenths of a second.

    LauncherError `bad-facts`.
    """
    kinds = [
        Entry(
            kind.slug, "harmless" if kind.severity == "harmless" else "failure", kind.title, kind.cause, kind.steps,
            kind.links, kind.mend, tuple(dict.fromkeys(literal for sign in kind.sign for literal in sign.has)),
        )
        for kind in read_rules(rules)
    ]  # fmt: skip
    words = [Entry(f"term-{each.name}", "term", each.title, each.explanation, also=each.also)
             for each in read_terms(terms)]  # fmt: skip
    return (*sorted(kinds, key=lambda each: each.sort), *words)
