"""The rules, from data: kinds of failure, and the signs by which a log shows them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

from launcher.core.errors import LauncherError
from launcher.core.facts import read_facts
from launcher.core.hardware.machine import Os, Vendor
from launcher.core.text import Bilingual, Text, t

RULES = Path(__file__).parents[2] / "data" / "rules"
Severity = Literal["error", "warning", "harmless"]
#: the most lines before and after a match that a sign may look at
FARTHEST = 200
#: characters that a literal needs at least: shorter ones stand in every log
_SHORTEST, _SHORTEST_CHINESE = 4, 2


@dataclass(frozen=True)
class Words:
    """A sentence in both languages."""

    en: str
    zh: str

    def text(self, **values: object) -> Text:
        """Ready to be said; `values` fill its {names}."""
        return Bilingual(self.en, tuple(values.items()), self.zh)


@dataclass(frozen=True)
class When:
    """Conditions on the machine; what is not known of it does not speak against a sign."""

    os: tuple[Os, ...] = ()
    vendor: tuple[Vendor, ...] = ()
    capability_below: str | None = None
    capability_at_least: str | None = None
    #: NVIDIA's driver
    driver_below: str | None = None
    disk_free_below_mib: int | None = None
    proxy_set: bool | None = None
    torch_below: str | None = None
    torch_at_least: str | None = None


@dataclass(frozen=True)
class Sign:
    """One recognisable message of a kind of failure."""

    #: unique within its kind
    name: str
    #: one of these must stand in the line, in whatever case of letters: the search is as fast as they are rare
    has: tuple[str, ...]
    #: logs that it recognises, and logs in which its kind must not be found
    yes: tuple[str, ...]
    no: tuple[str, ...]
    #: a regular expression that must be found in the line; its named groups are what `detail` and mends are filled with
    match: str | None = None
    #: each must be found in the surroundings, and none of `without`
    with_: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    #: lines before and after that are its surroundings
    around: int = 40
    #: a later line with one of these voids it: it went well after all
    until: tuple[str, ...] = ()
    #: 0 to 100: how surely it names the root of what happened
    weight: int = 50
    when: When = When()
    detail: Words | None = None
    mend: str | None = None


@dataclass(frozen=True)
class Kind:
    """A kind of failure: what it means and what helps."""

    slug: str
    title: Words
    severity: Severity
    cause: Words
    sign: tuple[Sign, ...]
    steps: tuple[Words, ...] = ()
    links: tuple[str, ...] = ()
    #: the name of the mend that Gesso can do by itself
    mend: str | None = None
    #: kinds that are mere consequences of this one where both are found
    explains: tuple[str, ...] = ()
    #: as `until` of a sign, for all of them
    until: tuple[str, ...] = ()


@dataclass(frozen=True)
class _File:
    kind: tuple[Kind, ...] = field(default_factory=tuple)


@cache
def read_rules(folder: Path = RULES) -> tuple[Kind, ...]:
    """All kinds, file by file in the order of their names. LauncherError `bad-facts` names file, rule and remedy."""
    kinds: dict[str, Kind] = {}
    for file in sorted(folder.glob("*.toml")):
        for kind in read_facts(file, _File).kind:
            if kind.slug in kinds:
                raise _bad(file, kind.slug, t("it stands twice"))
            for wrong in _mistakes(kind):
                raise _bad(file, kind.slug, wrong)
            kinds[kind.slug] = kind
    return tuple(kinds.values())


def _mistakes(kind: Kind) -> Iterator[Text]:
    if not kind.sign:
        yield t("it has no sign")
    names = [sign.name for sign in kind.sign]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield t("the sign {name} stands twice", name=name)
    if kind.severity != "harmless" and not kind.steps:
        yield t("it has no steps")
    yield from map(_too_short, _short(kind.until))
    for sign in kind.sign:
        for wrong in _mistakes_of(sign):
            yield t("the sign {name}: {wrong}", name=sign.name, wrong=wrong)


def _mistakes_of(sign: Sign) -> Iterator[Text]:
    if not sign.has or not sign.yes or not sign.no:
        yield t("it needs a literal, an example and a near miss")
    yield from map(_too_short, _short((*sign.has, *sign.until)))
    if not 0 <= sign.weight <= 100 or not 0 <= sign.around <= FARTHEST:
        yield t("weight goes from 0 to 100, around from 0 to {farthest}", farthest=FARTHEST)
    for pattern in filter(None, (sign.match, *sign.with_, *sign.without)):
        if why := _no_expression(pattern):
            yield t('"{pattern}" is no regular expression ({why})', pattern=pattern, why=why)


def _short(literals: tuple[str, ...]) -> list[str]:
    return [each for each in literals if len(each) < (_SHORTEST if each.isascii() else _SHORTEST_CHINESE)]


def _too_short(literal: str) -> Text:
    return t('the literal "{literal}" is too short', literal=literal)


def _no_expression(pattern: str) -> str | None:
    try:
        re.compile(pattern)
    except re.error as error:
        return str(error)
    return None


def _bad(file: Path, slug: str, what: Text) -> LauncherError:
    return LauncherError(
        "bad-facts",
        t("The file {file} is not right: {what}", file=file, what=t("{slug}: {what}.", slug=slug, what=what)),
        t("Correct it with a text editor; a file that came with Gesso is best taken afresh from its source."),
    )
