"""Which memory profile a machine gets: the fastest whose predicted need is free."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from launcher.core.errors import LauncherError
from launcher.core.flag_words import has
from launcher.core.machine import Gpu, Machine, cards_in_use, is_nvidia
from launcher.core.memory_choice import MemoryChoice, MemoryWish, Peak
from launcher.core.memory_ground import Ground, survey
from launcher.core.memory_ladder import next_step_down
from launcher.core.memory_need import MODEL_FAMILIES, Mode
from launcher.core.memory_profiles import MemoryProfile, read_memory_profiles, unknown_profile
from launcher.core.memory_words import asked_for, by_formula, cannot, joined, on_processor
from launcher.core.text import Text, t

__all__ = [
    "MODEL_FAMILIES",
    "MemoryChoice",
    "MemoryProfile",
    "MemoryWish",
    "Mode",
    "Peak",
    "choose_memory",
    "next_step_down",
    "parse_size",
    "read_memory_profiles",
]

#: compute capabilities that gain by xFormers' attention: it dropped cards before Turing with 0.0.31 (its changelog,
#: 2025-06), and from the RTX 30 series on torch's own is as fast
_FOR_XFORMERS = ((7, 5), (8, 0))


def choose_memory(
    machine: Machine, wish: MemoryWish | None = None, *, gpu: str | None = None, tag: str | None = None
) -> MemoryChoice:
    """The profile that was wished for, else the fastest whose predicted need is free on the cards in use.

    `tag` is the torch build's; "cpu" means there is no card to use. LauncherError `memory-unknown` or `family-unknown`.
    """
    wish = wish or MemoryWish()
    cards = () if tag == "cpu" else cards_in_use(machine, gpu)
    ground = survey(machine, cards, tag, wish)
    wanted = wish.profile or ("medvram-sdxl" if has(wish.flags, "--medvram-sdxl") else None)
    if wanted is not None and wanted not in ground.profiles:
        raise unknown_profile(wanted, ground.profiles)
    return _with_xformers(_choose(ground, wanted), ground, cards, wish)


def parse_size(text: str) -> tuple[int, int]:
    """ "832x1216" as (832, 1216). LauncherError `size-unknown` unless both are multiples of 8 from 64 to 8192."""
    found = re.fullmatch(r"\s*(\d{1,5})\s*[x×*]\s*(\d{1,5})\s*", text, re.IGNORECASE)
    sides = tuple(map(int, found.groups())) if found else ()
    if len(sides) == 2 and all(64 <= side <= 8192 and side % 8 == 0 for side in sides):
        return sides[0], sides[1]
    raise LauncherError(
        "size-unknown",
        t('"{size}" is not the size of a picture.', size=text),
        t("Write width and height in pixels, each a multiple of 8 from 64 to 8192: 1024x1024."),
    )


def _choose(ground: Ground, wanted: str | None) -> MemoryChoice:
    modes = ground.numbers.devices[ground.device].modes
    ways = ground.ways
    if wanted is not None and ground.profiles[wanted].mode in modes:
        return _made(ground, wanted, asked_for(ground, wanted))
    if wanted is not None:
        return _made(ground, ways[0].profile, cannot(ground, wanted, ways[0].profile))
    if ground.device == "cpu":
        return _made(ground, ways[0].profile, on_processor(ground, ways[0]))
    if ground.free is None:
        careful = ways[min(1, len(ways) - 1)]
        reason = t("The card does not say how much memory it has, so the careful way is taken.")
        return _made(ground, careful.profile, reason)
    free = ground.free
    place = next((place for place, way in enumerate(ways) if way.need_mib <= free), len(ways) - 1)
    reason = by_formula(ground, ways, place, free)
    if ways[place].profile == "medvram" and ground.only_sdxl_is_large:
        return _made(ground, "medvram-sdxl", joined((reason, t("The other models fit as a whole."))))
    return _made(ground, ways[place].profile, reason)


def _made(ground: Ground, name: str, reason: Text) -> MemoryChoice:
    profile = ground.profiles[name]
    flags = profile.flags if profile.mode == "cpu" else profile.flags + ground.flags
    return MemoryChoice(
        ground.peak(name).mode,
        profile.attention,
        flags,
        joined((reason, *ground.remarks)),
        name,
        ground.picture,
        ground.free,
        ground.ladder,
    )


def _with_xformers(choice: MemoryChoice, ground: Ground, cards: Iterable[Gpu], wish: MemoryWish) -> MemoryChoice:
    """xFormers' attention, where it is installed, for cards that torch's own is no faster on."""
    if not wish.xformers or ground.device != "cuda" or choice.attention != "sdp":
        return choice
    known = [_capability(card) for card in cards if is_nvidia(card)]
    first, end = _FOR_XFORMERS
    if not all(each is not None and first <= each < end for each in known):
        return choice
    why = t("xFormers is installed, and on this card it may be faster.")
    flags = (*choice.flags, "--xformers")
    return replace(choice, attention="xformers", flags=flags, reason=joined((choice.reason, why)))


def _capability(card: Gpu) -> tuple[int, int] | None:
    major, _, minor = (card.compute_capability or "").partition(".")
    return (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else None
