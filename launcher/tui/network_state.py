"""What the mirrors' screen knows, as one frozen value, and the rows that are drawn from it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from launcher.amounts import in_bytes
from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice, Probed
from launcher.core.text import Text, minutes_ago, t
from launcher.core.web_address import shown
from launcher.tui.asks_network import MirrorsSeen
from launcher.tui.widgets.card import Say
from launcher.tui.widgets.row_table import Line

if TYPE_CHECKING:
    from launcher.core.network.mirror_table import MirrorTable
    from launcher.core.network.mirror_verdicts import Verdict
    from launcher.core.network.mirrors import Kind, Mirror

#: what the files of each kind are, as people call them
KINDS: dict[Kind, Text] = {
    "packages": t("packages"),
    "torch": Text("PyTorch"),
    "huggingface": Text("Hugging Face"),
    "modelscope": t("ModelScope"),
    "github": Text("GitHub"),
    "python": Text("Python"),
}
#: how the rows of each kind are ordered, in turn
SORTS: dict[str, Text] = {
    "listed": t("as they are listed"),
    "speed": t("the fastest first"),
    "name": t("by name"),
}
_BAR = 10


@dataclass(frozen=True)
class Network:
    """The whole state of the screen."""

    seen: MirrorsSeen | None = None
    #: None: all
    kind: Kind | None = None
    sort: str = "listed"
    measuring: bool = False
    #: what is being asked for
    doing: Text | None = None
    probes: Mapping[tuple[str, str], Probed] = field(default_factory=dict)
    error: LauncherError | None = None

    @property
    def tables(self) -> tuple[MirrorTable, ...]:
        """Those that are shown."""
        return tuple(each for each in (self.seen.tables if self.seen else ()) if self.kind in (None, each.kind))

    def table(self, kind: str) -> MirrorTable | None:
        """The one of `kind`."""
        return next((each for each in (self.seen.tables if self.seen else ()) if each.kind == kind), None)

    def at(self, key: str | None) -> tuple[MirrorTable, Mirror] | None:
        """The mirror of a row."""
        kind, _, name = (key or "").partition("/")
        table = self.table(kind)
        mirror = next((each for each in table.mirrors if each.name == name), None) if table else None
        return (table, mirror) if table and mirror else None


def after(network: Network, events: Iterable[Event]) -> Network:
    """The state once these have happened."""
    probes, doing = dict(network.probes), network.doing
    for event in events:
        if isinstance(event, Probed):
            probes[event.kind, event.name] = event
        elif isinstance(event, Notice):
            doing = event.text
    return replace(network, probes=probes, doing=doing)


def begun(network: Network) -> Network:
    """The measuring begins."""
    return replace(network, measuring=True, probes={}, doing=t("Finding out what has to be fetched …"), error=None)


def rested(network: Network) -> Network:
    """It is over, well or not."""
    return replace(network, measuring=False, probes={}, doing=None)


def filtered(network: Network) -> Network:
    """The next kind alone, and after the last all again."""
    kinds = [None, *KINDS]
    return replace(network, kind=kinds[(kinds.index(network.kind) + 1) % len(kinds)])


def sorted_next(network: Network) -> Network:
    """The next order."""
    names = list(SORTS)
    return replace(network, sort=names[(names.index(network.sort) + 1) % len(names)])


def lines(network: Network, say: Say, *, wide: bool, now: float | None = None) -> list[Line]:
    """A row for each mirror: for what, its name, with `wide` its group, speed, delay, how it fared, and when."""
    now = time.time() if now is None else now
    return [
        _line(network, table, mirror, say, wide=wide, now=now)
        for table in network.tables
        for mirror in _ordered(table, network.sort)
    ]


def _ordered(table: MirrorTable, sort: str) -> list[Mirror]:
    def speed(mirror: Mirror) -> float:
        verdict = _verdict(table, mirror)
        return -(verdict.rate or 0.0) if verdict and verdict.usable else 1.0

    if sort == "speed":
        return sorted(table.mirrors, key=speed)
    return sorted(table.mirrors, key=lambda each: each.name) if sort == "name" else list(table.mirrors)


def _line(network: Network, table: MirrorTable, mirror: Mirror, say: Say, *, wide: bool, now: float) -> Line:
    verdict, probe = _verdict(table, mirror), network.probes.get((table.kind, mirror.name))
    counts = mirror == table.first
    rate = probe.rate if probe else verdict.rate if verdict and verdict.usable else None
    speed = f"{in_bytes(int(rate))}/s" if rate else "-"
    delay = f"{verdict.latency * 1000:.0f} ms" if verdict and verdict.latency is not None and not probe else "-"
    fared = bar(probe) if probe else say(verdict.sentence) if verdict else say(t("not measured yet"))
    cells = [say(KINDS[table.kind]), f"{'●' if counts else ' '} {shown(mirror.name)}", speed, delay, fared]
    if wide:
        cells.insert(2, mirror.group)
        cells.append(say(minutes_ago(now - table.measured.at)) if table.measured and verdict else "-")
    return Line(f"{table.kind}/{mirror.name}", tuple(cells), "bold" if counts else "")


def bar(probe: Probed) -> str:
    """How much of its part has come; a mirror that has ended early stops where it is."""
    share = probe.done / probe.total if probe.total else 0.0
    filled = round(_BAR * share)
    return f"{'━' * filled}{'─' * (_BAR - filled)} {share:4.0%}{' ■' if probe.over else ''}"


def headline(network: Network) -> Text:
    """The line over the table: what is wrong, what is being done, or what is shown and set."""
    if network.error is not None:
        return t("✗ {problem} {hint}", problem=network.error.message, hint=network.error.hint)
    if network.doing is not None or network.seen is None:
        return network.doing or t("Looking …")
    limit = network.seen.limit_kib
    return t(
        "{kind} (f), {order} (s)   downloads: {limit} (d)   proxy: {proxy} (p)",
        kind=KINDS[network.kind] if network.kind else t("all"),
        order=SORTS[network.sort],
        limit=t("at most {rate}/s", rate=in_bytes(limit * 1024)) if limit else t("no limit"),
        proxy=network.seen.proxy or t("none"),
    )


def about(network: Network, key: str | None) -> list[Text]:
    """The lines under the table: of the row where it leads, who is behind it, and why the one that counts does."""
    found = network.at(key)
    if found is None:
        return []
    table, mirror = found
    address = shown(mirror.url) if mirror.url else t("the official place: nothing is put in its stead")
    said = [t("{address}   group: {group}", address=address, group=mirror.group)]
    if mirror.note:
        said.append(Text(mirror.note))
    if table.choice is None:
        return [*said, table.wrong or t("none")]
    others = ", ".join(shown(each.name) for each in table.choice.mirrors[1:4])
    mine = mirror == table.first
    said.append(
        table.choice.reason
        if mine
        else t("{name} counts. {why}", name=table.choice.first.name, why=table.choice.reason)
    )
    if mine and others:
        said.append(t("If it fails, these are asked: {names}", names=others))
    return said


def _verdict(table: MirrorTable, mirror: Mirror) -> Verdict | None:
    return table.measured.of(mirror.name) if table.measured else None
