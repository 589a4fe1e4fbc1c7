"""What the troubleshooting screen knows, as one frozen value, and the rows that come of it; nothing here draws."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from launcher.core.text import Text, t

if TYPE_CHECKING:
    from launcher.core.diagnosis.advice import Advice
    from launcher.core.doctor.check import Checked
    from launcher.tui.asks_trouble import Found

State = Literal["error", "warning", "wrong", "then", "unknown", "well", "mended"]

STATES: dict[State, Text] = {
    "error": t("✗ error"), "warning": t("! warning"), "wrong": t("✗ to mend"), "unknown": t("- skipped"),
    "well": t("✓ well"), "mended": t("✓ mended"), "then": t("- back then"),
}  # fmt: skip
#: as a table colours the row; the word says the same
STYLES: dict[State, str] = {
    "error": "bold red",
    "warning": "yellow",
    "wrong": "bold red",
    "unknown": "dim",
    "then": "dim",
}
#: what a log of an earlier hour tells -> the check that tells how it is now
_NOW: dict[str, str] = {
    "env-disk-full": "disk", "env-long-path": "long-paths", "git-missing": "git", "git-dubious-ownership": "git",
    "git-locked": "git", "srv-port-in-use": "ports", "net-proxy-broken": "proxy", "model-file-corrupt": "models",
    "gpu-torch-cpu-build": "torch", "gpu-arch-unsupported": "torch", "gpu-driver-too-old": "driver",
    "py-venv-broken": "environment", "dep-conflict": "packages",
}  # fmt: skip
#: the check without which nothing else can be judged or mended
_SETTINGS = "settings"


@dataclass(frozen=True)
class Item:
    """One row: a finding of a log, or a check."""

    key: str
    state: State
    title: Text
    #: in one line
    short: Text
    #: what there is to read, before the steps
    paragraphs: tuple[Text, ...]
    steps: tuple[Text, ...] = ()
    links: tuple[str, ...] = ()
    mend: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    #: the page of the handbook; "" for a check
    slug: str = ""


@dataclass(frozen=True)
class Trouble:
    """What the logs show, by the name of the log, and what the checks say."""

    found: tuple[Found, ...] = ()
    checks: tuple[Checked, ...] = ()
    #: keys of findings that were mended since (the log still tells of them), and the mend's number
    mended: tuple[tuple[str, int], ...] = ()
    #: keys of rows whose mend has said that it can do nothing here, with its words
    refused: tuple[tuple[str, tuple[Text, ...]], ...] = ()

    @property
    def items(self) -> tuple[Item, ...]:
        """Settings that cannot be read; findings, then what is wrong, was so back then, is well, does not apply."""
        checks = [_check(each) for each in self.checks]
        first = next((each for each in checks if each.key == f"check {_SETTINGS}" and each.state == "wrong"), None)
        items = [self._promised(each) for each in (*self._findings(), *checks) if each != first]
        if first is not None and first.mend:
            items = [_waits(each) for each in items]
        items.sort(key=lambda each: _ORDER.get(each.state, 0))
        return (*(() if first is None else (self._promised(first),)), *items)

    def _promised(self, item: Item) -> Item:
        """A mend that can do nothing here is not offered; what it said instead is."""
        said = dict(self.refused).get(item.key)
        return item if said is None else replace(item, mend=None, paragraphs=(*item.paragraphs, *said))

    def _findings(self) -> Iterable[Item]:
        """The same failure in several logs stands once, where it was last."""
        seen: set[str] = set()
        for found in self.found:
            for advice in found.advice:
                # what nobody knows may be another each time
                name = advice.slug if advice.slug != "unknown" else advice.quote
                if name not in seen:
                    seen.add(name)
                    item = _finding(found, advice)
                    if item.key in dict(self.mended):
                        item = replace(item, state="mended")
                    elif found.log and (now := self._well(_NOW.get(advice.slug))):
                        item = _then(item, now)
                    yield item

    def _well(self, name: str | None) -> Checked | None:
        return next((each for each in self.checks if each.name == name and each.ok), None)

    def count(self, *states: State) -> int:
        """How many rows are in one of these states."""
        return sum(each.state in states for each in self.items)


_ORDER = {"wrong": 1, "then": 2, "well": 3, "unknown": 4}


def told(trouble: Trouble, news: Found | Checked) -> Trouble:
    """With what was just found, in the place of what was known of the same."""
    from launcher.core.doctor.check import Checked

    if isinstance(news, Checked):
        others = tuple(each for each in trouble.checks if each.name != news.name)
        return replace(trouble, checks=(*others, news))
    order = ("runtime.log", "", "runtime.previous.log")
    found = (*(each for each in trouble.found if each.log != news.log), news)
    return replace(trouble, found=tuple(sorted(found, key=lambda each: order.index(each.log))))


def only(trouble: Trouble, logs: Iterable[str]) -> Trouble:
    """Without the findings of logs that are there no more."""
    return replace(trouble, found=tuple(each for each in trouble.found if each.log in logs))


def _finding(found: Found, advice: Advice) -> Item:
    place = t("In {log}, line {number} ({where}):", log=found.log, number=advice.line, where=found.where)
    here = t("In the console ({where}):", where=found.where)
    said = (place if found.log else here, Text("  {quote}", (("quote", advice.quote),)), advice.cause)
    return Item(
        f"finding {found.log} {advice.slug}", advice.severity, advice.title, advice.cause,
        (*said, advice.detail) if advice.detail else said, advice.steps, advice.links, advice.mend,
        advice.for_mend(),
        advice.slug,
    )  # fmt: skip


def _check(check: Checked) -> Item:
    state: State = "unknown" if check.ok is None else "well" if check.ok else "wrong"
    fix = (check.fix,) if check.fix else ()
    # what is well needs no mend, even where one could be done
    mend = check.mend if check.ok is False else None
    return Item(f"check {check.name}", state, check.title, check.detail, (check.detail,), fix, (), mend, check.values)


def _then(item: Item, now: Checked) -> Item:
    said = t("That is how it was back then. Now: {title}: {detail}", title=now.title, detail=now.detail)
    return replace(item, state="then", short=said, paragraphs=(*item.paragraphs, said), mend=None)


def _waits(item: Item) -> Item:
    """Every mend reads the settings first."""
    if item.mend is None:
        return item
    said = t("Gesso may be able to mend this once its settings can be read: see the first row.")
    return replace(item, mend=None, paragraphs=(*item.paragraphs, said))
