"""Which mirrors count now, in which order, and why: the user's word, then measurements, then the official place."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from launcher.core.download.door import Address
from launcher.core.errors import LauncherError
from launcher.core.network.fingerprint import fingerprint
from launcher.core.network.mirror_memory import Memory, recall
from launcher.core.network.mirror_probe import Measurement
from launcher.core.network.mirror_told import MirrorTold, told
from launcher.core.network.mirrors import KINDS, OFFICIAL, Kind, Mirror, Mirrors, own_mirror, read_mirrors
from launcher.core.network.proxies import find_proxies
from launcher.core.packages.pip_settings import PipSettings, read_pip_settings
from launcher.core.paths import Workspace
from launcher.core.settings import MirrorSettings, read_settings
from launcher.core.text import Text, minutes_ago, t
from launcher.core.web_address import is_address, shown

MEASURED = "measured"
Basis = Literal["variable", "settings", "configuration", "measured", "official"]


@dataclass(frozen=True)
class Choice:
    """`mirrors`, never empty: the first is asked, the others when it fails, another group each time."""

    kind: Kind
    mirrors: tuple[Mirror, ...]
    #: who decided
    basis: Basis
    #: one sentence
    reason: Text

    @property
    def first(self) -> Mirror:
        return self.mirrors[0]


@dataclass(frozen=True)
class Circumstances:
    """Everything that choices are made from."""

    mirrors: Mirrors
    settings: MirrorSettings
    #: what other programs were told
    told: Mapping[Kind, MirrorTold]
    memory: Memory
    #: the fingerprint of the network
    network: str = ""


def look_around(
    workspace: Workspace,
    environ: Mapping[str, str],
    kinds: tuple[Kind, ...] = KINDS,
    *,
    pip: PipSettings | None = None,
) -> Circumstances:
    """What counts for `kinds`; changes nothing, asks nobody on the network. LauncherError where a file is wrong."""
    mirrors, settings = read_mirrors(workspace=workspace), read_settings(workspace)
    pip = pip or read_pip_settings(environ)
    # To ask a Linux desktop takes a program; elsewhere the system's proxies count too.
    proxies = find_proxies(environ, settings=settings.proxy, system=sys.platform in ("win32", "darwin"))
    said = {kind: found for kind in kinds if (found := told(kind, environ, pip)) is not None}
    network = fingerprint(proxies.addresses)
    memory = recall(workspace, network, mirrors.measuring)
    return Circumstances(mirrors, settings.mirrors, said, memory, network)


def chosen(around: Circumstances, kind: Kind, tag: str | None = None, now: float | None = None) -> Choice:
    """The choice for `kind`, for torch of a `tag`. LauncherError `bad-mirror` if config.toml names what there is not.

    A variable counts for this run alone, so it wins over config.toml; config.toml is said to Gesso, so it wins over
    what stands in other programs' files. An explicit word leaves no other mirror to fall back on.
    """
    said = around.told.get(kind)
    if said and said.variable:
        return Choice(kind, (said.mirror,), "variable", _told_so(said))
    wanted = str(getattr(around.settings, kind) or "").strip()
    if wanted.lower() not in ("", MEASURED):
        reason = t("You chose it: config.toml has mirrors.{kind}.", kind=kind)
        return Choice(kind, (named(around.mirrors, kind, wanted),), "settings", reason)
    if said:
        return Choice(kind, (said.mirror,), "configuration", _told_so(said))
    return _by_measurement(around, kind, tag, time.time() if now is None else now)


def addresses(choice: Choice, official_url: str, authorization: str | None = None) -> tuple[Address, ...]:
    """Where a file is to be had whose official address is known: at least one place.

    `authorization`, and an address that may hold a secret, are for the official place alone; it is asked too where no
    mirror says where it has the file. LauncherError `bad-mirror` for a variable that names no address.
    """
    if choice.first.url and not is_address(choice.first.url):
        raise LauncherError("bad-mirror", choice.reason, t("Write it as https://host, or take the variable away."))
    found: dict[str, Address] = {}
    for mirror in choice.mirrors:
        url = mirror.rewritten(official_url)
        if url is not None and url not in found:
            found[url] = Address(url, mirror.group, mirror.name, authorization if mirror.official else None)
    return tuple(found.values()) or (Address(official_url, OFFICIAL, OFFICIAL, authorization),)


def fastest_first(around: Circumstances, found: Sequence[tuple[Kind | None, Address]]) -> tuple[Address, ...]:
    """Addresses of one file at places of several kinds: by measured speed, then the unmeasured as they stand, then
    those that had not the right bytes or are left alone for a while.
    """

    def rank(one: tuple[Kind | None, Address]) -> float:
        kind, address = one
        measured = around.memory.measured(kind) if kind else None
        verdict = measured.of(address.name) if measured else None
        if kind and address.group in around.memory.benched_groups(kind):
            return 1.0
        if verdict is None:
            return 0.0
        return -(verdict.rate or 0.0) if verdict.usable else 1.0

    return tuple(address for _, address in sorted(found, key=rank))


def named(mirrors: Mirrors, kind: Kind, wanted: str) -> Mirror:
    """The mirror of that name, or the user's own address. LauncherError `bad-mirror`."""
    if found := find_named(mirrors, kind, wanted):
        return found
    raise LauncherError(
        "bad-mirror",
        t('There is no mirror "{name}" for {kind}.', name=shown(wanted), kind=kind),
        t(
            "Choose one of {names}, or give an address; `gesso mirrors use {kind} measured` lets measurements decide.",
            names=", ".join(mirror.name for mirror in mirrors.of(kind)),
            kind=kind,
        ),
    )


def find_named(mirrors: Mirrors, kind: Kind, wanted: str) -> Mirror | None:
    """As `named`; None for a name that there is not. LauncherError `bad-mirror` for an address that is none."""
    found = next((mirror for mirror in mirrors.of(kind) if mirror.name.lower() == wanted.lower()), None)
    return own_mirror(kind, wanted) if found is None and "://" in wanted else found


def _told_so(said: MirrorTold) -> Text:
    return t("You said so elsewhere: {where} names {address}.", where=said.where, address=shown(said.address))


def _by_measurement(around: Circumstances, kind: Kind, tag: str | None, now: float) -> Choice:
    key = f"{kind}:{tag}" if tag else kind
    measured = around.memory.measured(key)
    away = around.memory.benched_groups(key)
    every = around.mirrors.of(kind)
    official = around.mirrors.official(kind)
    by_name = {mirror.name: mirror for mirror in every}
    found = {verdict.name: verdict for verdict in measured.verdicts} if measured else {}
    ranked = [by_name[each.name] for each in (measured.ranking if measured else ()) if each.name in by_name]
    untried = [mirror for mirror in every if measured is None or measured.of(mirror.name) is None]
    # Own mirrors stand before the official place in the file; unmeasured, it still comes first.
    untried.sort(key=lambda mirror: not mirror.official)
    order = [*ranked, *(each for each in untried if each not in ranked)]
    order += [] if official in order else [official]
    # A line that was busy for a moment makes everybody look dead; as the last resort they are asked all the same.
    order += [each for each in every if each not in order and (fared := found.get(each.name)) and fared.may_pass]
    order.sort(key=lambda mirror: mirror.group in away)
    basis: Basis = "measured" if order[0] in ranked else "official"
    return Choice(kind, _another_group_each(order), basis, _reason(order[0], measured, away, now))


def _another_group_each(order: list[Mirror]) -> tuple[Mirror, ...]:
    """The first of each group, then the others: when one fails, its group fails with it."""
    seen: set[str] = set()
    first: list[Mirror] = []
    later: list[Mirror] = []
    for mirror in order:
        (later if mirror.group in seen else first).append(mirror)
        seen.add(mirror.group)
    return (*first, *later)


def _reason(first: Mirror, measured: Measurement | None, away: frozenset[str], now: float) -> Text:
    if first.group not in away and not first.official and (measured is None or measured.of(first.name) is None):
        return t("The official place has failed a short while ago, so {name} comes first.", name=first.name)
    if measured is None:
        return t("Nothing has been measured in this network yet, so the official place comes first.")
    verdict = measured.of(first.name)
    if verdict is None or not verdict.usable:
        return t("None that was measured gave {file}, so the official place comes first.", file=measured.sample)
    values = {
        "name": t("the official place") if first.official else first.name,
        "rate": f"{(verdict.rate or 0.0) / 1e6:.1f}",
        "when": minutes_ago(now - measured.at),
    }
    if any(each.group in away for each in measured.ranking):
        return t(
            "A faster one has failed since; this is {name}: {rate} MB/s, measured in this network {when}.", **values
        )
    if len(measured.ranking) == 1:
        return t("Only this place gave anything: {name}, {rate} MB/s, measured in this network {when}.", **values)
    count = len(measured.ranking)
    return t("Fastest of {count}: {name}, {rate} MB/s, measured in this network {when}.", count=count, **values)
