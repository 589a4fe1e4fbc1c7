"""Memory profiles (profiles/memory/), what certain cards need besides, what is wished for and what is chosen."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from launcher.core.errors import LauncherError
from launcher.core.facts import read_facts
from launcher.core.hardware.machine import Gpu
from launcher.core.memory.need import MIB, Mode, Picture
from launcher.core.paths import checkout
from launcher.core.text import Text, t
from runtime.ledger_file import FILE, Learnt, read
from runtime.placement import Way


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

    flags: tuple[str, ...]
    why: str
    chips: tuple[str, ...] = ()
    #: where the chip is not known, or another one is sold under the name
    names: tuple[str, ...] = ()

    def fits(self, card: Gpu) -> bool:
        by_name = any(re.search(rf"\b{re.escape(name)}\b", card.name or "") for name in self.names)
        return card.chip in self.chips or by_name


@dataclass(frozen=True)
class CardRules:
    """profiles/cards.toml."""

    cards: tuple[CardRule, ...]


@dataclass(frozen=True)
class MemoryWish:
    """What is to be drawn and how, as far as it was said."""

    #: name of a memory profile; None lets the formula decide
    profile: str | None = None
    #: sd1, sd2 or sdxl; None: the largest of `families`, else sd1
    family: str | None = None
    #: (width, height) in pixels; None: the family's native size
    size: tuple[int, int] | None = None
    #: of the checkpoints in the models folder
    families: tuple[str, ...] = ()
    #: AUTOMATIC1111's flags that the user gives
    flags: tuple[str, ...] = ()
    #: there is an xFormers for this torch in the environment, or it is about to be installed
    xformers: bool = False
    #: what the engine has learnt of each device on this computer
    learnt: Mapping[str, Learnt] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Peak:
    """MiB that have to be free for a memory profile to be enough."""

    profile: str
    mode: Mode
    need_mib: int


@dataclass(frozen=True)
class MemoryChoice:
    """`mode` is full, medvram, lowvram or cpu; `flags` are A1111's, to put before the user's own."""

    mode: Mode
    attention: str
    flags: tuple[str, ...]
    reason: Text
    #: name of the memory profile, as --memory takes it
    profile: str = ""
    picture: Picture | None = None
    #: that can be had on the device, as far as it is known
    free_mib: int | None = None
    #: of every profile that the device can run, the highest first: the ladder
    peaks: tuple[Peak, ...] = ()
    #: what the runtime is predicted to decide; None: not known
    way: Way | None = None

    def to_json(self, reason: str) -> dict[str, Any]:
        """The `memory` of `gesso plan --json`; the peaks are predictions."""
        picture = self.picture
        return {
            "mode": self.mode,
            "attention": self.attention,
            "flags": list(self.flags),
            "reason": reason,
            "profile": self.profile or self.mode,
            "family": picture and picture.family,
            "size": picture and [picture.width, picture.height],
            "free_mib": self.free_mib,
            "predicted_peaks_mib": {peak.profile: peak.need_mib for peak in self.peaks},
            "predicted": self.way and _told(self.way),
        }


def _told(way: Way) -> dict[str, Any]:
    """Beside what the device itself takes."""
    return {
        "peak_mib": way.peak // MIB,
        "resident_mib": None if way.resident is None else way.resident // MIB,
        "streamed_mib": way.streamed // MIB,
        "text_resident_mib": None if way.text_resident is None else way.text_resident // MIB,
        "text_streamed_mib": way.text_streamed // MIB,
        "vae_rows": way.rows,
        "prompts_apart": way.apart,
        "step_seconds": way.seconds,
        "slowdown": way.slowdown,
        "why": [one.code for one in way.reasons],
    }


def read_memory_profiles(folder: Path | None = None) -> dict[str, MemoryProfile]:
    """All of profiles/memory/, by name."""
    files = sorted((folder or checkout() / "profiles/memory").glob("*.toml"))
    return {file.stem: read_facts(file, MemoryProfile) for file in files}


def read_learnt(workspace: Path) -> dict[str, Learnt]:
    """By the device, as the engine names it; nothing where it has not drawn yet."""
    return read(workspace / FILE)


def rules_for(card: Gpu) -> tuple[CardRule, ...]:
    """What profiles/cards.toml says of this card."""
    rules = read_facts(checkout() / "profiles/cards.toml", CardRules).cards
    return tuple(rule for rule in rules if rule.fits(card))


def unknown_profile(name: str, known: Iterable[str]) -> LauncherError:
    return LauncherError(
        "memory-unknown",
        t('There is no memory profile "{name}".', name=name),
        t("There are: {names}.", names=", ".join(sorted(known))),
    )
