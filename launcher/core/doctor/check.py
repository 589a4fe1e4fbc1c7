"""What a check of the doctor is, and what it has found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from launcher.core.text import Text, t


@dataclass(frozen=True)
class Checked:
    """One check and how it went."""

    #: stable, for `--json` and for scripts: "disk", "git", "ports" …
    name: str
    #: a few words, for a list
    title: Text
    #: None: it does not apply here, or could not be told in time
    ok: bool | None
    #: what was found, in a sentence or two, with its numbers
    detail: Text
    #: what to do, or, where nothing is wrong, what could be made better or looked at more closely; None: nothing
    fix: Text | None = None
    #: of launcher.core.mends, where one can do it
    mend: str | None = None
    #: what the mend needs to know: "path", "port", "host" …
    values: Mapping[str, str] = field(default_factory=dict)
    #: False: nothing of the kind is here, so that there is nothing to look at
    applies: bool = True
    #: of further faults that this check has found: a mend, and what it needs to know
    others: tuple[tuple[str, Mapping[str, str]], ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What a check says; its name and title are added to it."""

    ok: bool | None
    detail: Text
    fix: Text | None = None
    mend: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    applies: bool = True
    others: tuple[tuple[str, Mapping[str, str]], ...] = ()


def well(detail: Text, advice: Text | None = None) -> Verdict:
    """Nothing has to be done; `advice` is what could be made better."""
    return Verdict(True, detail, advice)


def unknown(detail: Text, advice: Text | None = None) -> Verdict:
    """It could not be told; `advice` is how it can be told."""
    return Verdict(None, detail, advice)


def not_here(detail: Text) -> Verdict:
    """It does not apply on this computer."""
    return Verdict(None, detail, applies=False)


def wrong(detail: Text, fix: Text, mend: str | None = None, **values: object) -> Verdict:
    """Something is wrong; `values` are told to the mend."""
    return Verdict(False, detail, fix, mend, {name: str(value) for name, value in values.items()})


def sentences(parts: Iterable[Text]) -> Text:
    """One after the other; there is at least one."""
    first, *rest = parts
    for each in rest:
        first = t("{sentences} {sentence}", sentences=first, sentence=each)
    return first


def lines(parts: Iterable[Text]) -> Text:
    """One below the other; there is at least one."""
    first, *rest = parts
    for each in rest:
        first = Text("{lines}\n    {line}", (("lines", first), ("line", each)))
    return first


def listed(parts: Iterable[Text]) -> Text:
    """One after the other, none of which is a whole sentence; there is at least one."""
    first, *rest = parts
    for each in rest:
        first = t("{list}; {entry}", list=first, entry=each)
    return t("{list}.", list=first)
