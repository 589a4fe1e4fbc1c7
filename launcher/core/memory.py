"""Memory profiles (how to fit the card): TOML files in profiles/memory/, and which one a machine gets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from launcher.core.errors import LauncherError
from launcher.core.facts import read_facts
from launcher.core.hardware import Gpu, Machine, cards_in_use, is_nvidia
from launcher.core.paths import checkout
from launcher.core.text import Text, t

Mode = Literal["full", "medvram", "lowvram", "cpu"]


@dataclass(frozen=True)
class MemoryProfile:
    """One file of profiles/memory/; `title` and `why` are English keys of the catalogues."""

    title: str
    why: str
    mode: Mode
    attention: str
    flags: tuple[str, ...] = ()
    #: chosen by itself from this much video memory on; None: only when asked for
    vram_from_mib: int | None = None
    #: the same for Apple Silicon, whose processor and graphics share one memory
    shared_from_mib: int | None = None


@dataclass(frozen=True)
class CardRule:
    """A flag that certain cards need; `names` are parts of the card's name, `why` an English key with {card}."""

    names: tuple[str, ...]
    flags: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class CardRules:
    """profiles/cards.toml."""

    cards: tuple[CardRule, ...]


@dataclass(frozen=True)
class MemoryChoice:
    """`mode` is full, medvram, lowvram or cpu; `flags` are A1111's, to put before the user's own."""

    mode: Mode
    attention: str
    flags: tuple[str, ...]
    reason: Text


def read_memory_profiles(folder: Path | None = None) -> dict[str, MemoryProfile]:
    """All of profiles/memory/, by name."""
    files = sorted((folder or checkout() / "profiles/memory").glob("*.toml"))
    return {file.stem: read_facts(file, MemoryProfile) for file in files}


def choose_memory(
    machine: Machine, *, wanted: str | None = None, gpu: str | None = None, tag: str | None = None
) -> MemoryChoice:
    """The profile named `wanted`, else by the used card's memory; `tag` "cpu" means there is no card to use."""
    profiles = read_memory_profiles()
    cards = () if tag == "cpu" else cards_in_use(machine, gpu)
    if wanted is not None:
        if wanted not in profiles:
            raise _unknown("memory-unknown", t('There is no memory profile "{name}".', name=wanted), profiles)
        name, reason = wanted, t('"{name}" was asked for.', name=wanted)
    else:
        name, reason = _by_card(machine, cards, profiles)
    choice = profiles[name]
    if choice.mode != "cpu" and tag == "cpu":
        name, choice = "cpu", profiles["cpu"]
        reason = t('"{wanted}" was asked for, but there is no graphics card to use.', wanted=wanted)
    return _with_card_rules(MemoryChoice(choice.mode, choice.attention, choice.flags, reason), cards)


def _by_card(machine: Machine, cards: tuple[Gpu, ...], profiles: dict[str, MemoryProfile]) -> tuple[str, Text]:
    if any(card.vendor == "apple" for card in cards):
        name, start = _largest(profiles, "shared_from_mib", machine.ram_mib or 0)
        return name, t(
            'Processor and graphics share {memory} MiB; "{name}" is for {start} MiB or more.',
            memory=machine.ram_mib or "?", name=name, start=start,
        )  # fmt: skip
    usable = [card for card in cards if is_nvidia(card)]
    if not usable:
        return "cpu", t("There is no graphics card to use.")
    sizes = [card.vram_total_mib for card in usable if card.vram_total_mib is not None]
    if not sizes:
        return "medvram", t("The card does not say how much memory it has, so the careful way is taken.")
    # With several cards in use the runtime may draw on any of them.
    name, start = _largest(profiles, "vram_from_mib", min(sizes))
    return name, t(
        'The card has {vram} MiB of memory; "{name}" is for {start} MiB or more.',
        vram=min(sizes),
        name=name,
        start=start,
    )


def _largest(profiles: dict[str, MemoryProfile], limit: str, memory: int) -> tuple[str, int]:
    """The profile with the highest `limit` that `memory` reaches, and that limit; both in MiB."""
    limits = {name: getattr(profile, limit) for name, profile in profiles.items()}
    return max(
        ((name, start) for name, start in limits.items() if start is not None and memory >= start),
        key=lambda pair: pair[1],
    )


def _with_card_rules(choice: MemoryChoice, cards: tuple[Gpu, ...]) -> MemoryChoice:
    if choice.mode == "cpu":
        return choice
    for rule in read_facts(checkout() / "profiles/cards.toml", CardRules).cards:
        for card in cards:
            if card.name and any(re.search(rf"\b{re.escape(name)}\b", card.name) for name in rule.names):
                reason = t("{first} {second}", first=choice.reason, second=t(rule.why, card=card.name))
                choice = replace(choice, flags=choice.flags + rule.flags, reason=reason)
                break
    return choice


def _unknown(code: str, message: Text, known: Iterable[str]) -> LauncherError:
    return LauncherError(code, message, t("There are: {names}.", names=", ".join(sorted(known))))
