"""Memory profiles: how to fit a device, as TOML files in profiles/memory/, and what certain cards need besides."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.facts import read_facts
from launcher.core.machine import Gpu
from launcher.core.memory_need import Mode
from launcher.core.paths import checkout
from launcher.core.text import t


@dataclass(frozen=True)
class MemoryProfile:
    """One file of profiles/memory/; `title` and `why` are English keys of the catalogues."""

    title: str
    why: str
    mode: Mode
    attention: str
    flags: tuple[str, ...] = ()
    #: the mode is this family's alone (sdxl); others stay in full
    family: str | None = None
    #: it may be chosen without having been asked for
    automatic: bool = True


@dataclass(frozen=True)
class CardRule:
    """A flag that certain cards need; `names` are parts of the card's name, `why` an English key with {card}."""

    names: tuple[str, ...]
    flags: tuple[str, ...]
    why: str

    def fits(self, card: Gpu) -> bool:
        return bool(card.name) and any(re.search(rf"\b{re.escape(name)}\b", card.name or "") for name in self.names)


@dataclass(frozen=True)
class CardRules:
    """profiles/cards.toml."""

    cards: tuple[CardRule, ...]


def read_memory_profiles(folder: Path | None = None) -> dict[str, MemoryProfile]:
    """All of profiles/memory/, by name."""
    files = sorted((folder or checkout() / "profiles/memory").glob("*.toml"))
    return {file.stem: read_facts(file, MemoryProfile) for file in files}


def rules_for(cards: Iterable[Gpu]) -> tuple[tuple[CardRule, Gpu], ...]:
    """What profiles/cards.toml says of these cards, each rule once with the first card that it fits."""
    rules = read_facts(checkout() / "profiles/cards.toml", CardRules).cards
    found = ((rule, next((card for card in cards if rule.fits(card)), None)) for rule in rules)
    return tuple((rule, card) for rule, card in found if card is not None)


def unknown_profile(name: str, known: Iterable[str]) -> LauncherError:
    return LauncherError(
        "memory-unknown",
        t('There is no memory profile "{name}".', name=name),
        t("There are: {names}.", names=", ".join(sorted(known))),
    )
