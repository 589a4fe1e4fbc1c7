"""The cards that the user's own variables leave to be drawn on, and what those variables make of them: pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from launcher.core.errors import Finding
from launcher.core.hardware.machine import Gpu
from launcher.core.pytorch.cards import lent, maker_of, named
from launcher.core.pytorch.table import numbers
from launcher.core.text import Text, t

#: what makers' libraries read to see some of their cards alone
CARD_VARIABLES = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ZE_AFFINITY_MASK")
#: in which order CUDA counts; with which code an AMD card is driven
CUDA_ORDER, GFX = "CUDA_DEVICE_ORDER", "HSA_OVERRIDE_GFX_VERSION"
#: what hides every card
_NONE = ("-1", "none", "nodevfiles")
Allowed = tuple[tuple[Gpu, ...], tuple[Finding, ...]]


def allowed(cards: tuple[Gpu, ...], variables: Mapping[str, str]) -> Allowed:
    """Those of `cards` that may be seen, in their order, with what is to be said. A variable that names none of them
    is not followed."""
    left = cards
    told: tuple[Finding, ...] = ()
    for maker, names in _read(cards):
        name = next((each for each in names if variables.get(each)), None)
        mine = _counted(maker, tuple(card for card in left if maker_of(card) == maker and not lent(card)), variables)
        if name is None or not mine:
            continue
        value = variables[name]
        seen = _named_by(value, mine)
        if seen is None:
            text = t("{name}={value} names no card of this computer: it is not followed.", name=name, value=value)
            told = (*told, Finding("card-variable", "warning", text))
        elif len(seen) < len(mine):
            told = (*told, Finding("card-variable", "info", _narrowed(name, value, mine, seen)))
            left = tuple(card for card in left if card not in mine or card in seen)
    return left, told


def driven(cards: tuple[Gpu, ...], variables: Mapping[str, str]) -> Allowed:
    """AMD's cards as HSA_OVERRIDE_GFX_VERSION has them driven: "10.3.0" is gfx1030."""
    found = re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{1,2})", variables.get(GFX, ""))
    mine = [card for card in cards if card.vendor == "amd"]
    if not found or not mine:
        return cards, ()
    first, second, third = (int(each) for each in found.groups())
    gfx = f"gfx{first}{second:x}{third:x}"
    text = t("{name}={value}: {cards} is driven as {gfx}.", name=GFX, value=variables[GFX], cards=named(*mine), gfx=gfx)
    return tuple(replace(card, gfx=gfx) if card in mine else card for card in cards), (
        Finding("gfx-overridden", "info", text),
    )


def _read(cards: tuple[Gpu, ...]) -> list[tuple[str, tuple[str, ...]]]:
    """By maker what is read, where one narrows what the one before left; of several names the first that is set.

    CUDA's counts for AMD's cards too (ROCm's "GPU isolation techniques"), but beside NVIDIA's it means those.
    """
    both = ("HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES")
    hip = both[:1] if any(maker_of(card) == "nvidia" for card in cards) else both
    return [
        ("nvidia", ("CUDA_VISIBLE_DEVICES",)), ("amd", ("ROCR_VISIBLE_DEVICES",)), ("amd", hip),
        ("intel", ("ZE_AFFINITY_MASK",)),
    ]  # fmt: skip


def _counted(maker: str, cards: tuple[Gpu, ...], variables: Mapping[str, str]) -> tuple[Gpu, ...]:
    """As the maker counts them: CUDA begins with the one it takes for the fastest, unless it is told otherwise."""
    if maker != "nvidia" or not cards or variables.get(CUDA_ORDER, "").upper() == "PCI_BUS_ID":
        return cards
    fastest = max(cards, key=lambda card: (numbers(card.compute_capability or "0"), card.vram_total_mib or 0))
    return (fastest, *(card for card in cards if card is not fastest))


def _named_by(value: str, cards: tuple[Gpu, ...]) -> tuple[Gpu, ...] | None:
    """The cards up to the first word that names none, as CUDA reads it; None: the first one does already."""
    found: list[Gpu] = []
    for word in (each.strip().lower() for each in value.split(",")):
        # Level Zero's "0.1" is a part of card 0
        place = re.fullmatch(r"(\d{1,3})(?:\.\d{1,3})?", word)
        if place:
            card = cards[int(place[1])] if int(place[1]) < len(cards) else None
        else:
            card = next((each for each in cards if each.uuid and word and each.uuid.lower().startswith(word)), None)
        if card is None:
            return tuple(found) if found or word in _NONE else None
        found.append(card)
    return tuple(found)


def _narrowed(name: str, value: str, mine: tuple[Gpu, ...], seen: tuple[Gpu, ...]) -> Text:
    if not seen:
        return t("{name}={value} hides {cards}.", name=name, value=value, cards=named(*mine))
    return t("{name}={value}: of this computer's cards {cards} may draw.", name=name, value=value, cards=named(*seen))
