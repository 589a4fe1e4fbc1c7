"""Which memory profile a machine gets, the fastest whose predicted need is free, and which comes after it."""

from __future__ import annotations

import re
from dataclasses import replace

from launcher.core.errors import LauncherError
from launcher.core.hardware.machine import Machine, cards_in_use
from launcher.core.memory.ground import WORTH, Ground, gigabytes_up, survey
from launcher.core.memory.need import MODEL_FAMILIES, Mode
from launcher.core.memory.profiles import (
    MemoryChoice,
    MemoryProfile,
    MemoryWish,
    Peak,
    read_memory_profiles,
    unknown_profile,
)
from launcher.core.memory.words import asked_for, by_formula, cannot, joined, nothing_fits, on_processor
from launcher.core.profiles.flag_words import has
from launcher.core.pytorch.table import numbers
from launcher.core.text import Text, t

__all__ = [
    "MEMORY_FLAGS",
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
    "step_down_words",
]

#: flags by which memory profiles differ
MEMORY_FLAGS = ("--medvram", "--medvram-sdxl", "--lowvram", "--xformers", "--opt-split-attention")
#: compute capabilities that gain by xFormers' attention: it dropped cards before Turing with 0.0.31 (its changelog,
#: 2025-06), and from the RTX 30 series on torch's own is as fast
_FOR_XFORMERS = ("7.5", "8.0")


def choose_memory(
    machine: Machine, wish: MemoryWish | None = None, *, gpu: str | None = None, tag: str | None = None
) -> MemoryChoice:
    """The profile that was wished for, else the fastest whose predicted need is free on the card that draws.

    `tag` is the torch build's; "cpu" means that no card draws. LauncherError `memory-unknown` or `family-unknown`.
    """
    wish = wish or MemoryWish()
    cards = () if tag == "cpu" else cards_in_use(machine, gpu)
    ground = survey(machine, cards, tag, wish)
    by_flag = "medvram-sdxl" if has(wish.flags, "--medvram-sdxl") else None
    wanted = by_flag if wish.profile is None else wish.profile
    if wanted is not None and wanted not in ground.profiles:
        raise unknown_profile(wanted, ground.profiles)
    capability = next((card.compute_capability for card in cards if card.compute_capability), None)
    return _with_xformers(_choose(ground, wanted), ground, capability)


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
    if wanted is not None and ground.serves(ground.profiles[wanted]):
        return _made(ground, wanted, asked_for(ground, wanted))
    if wanted is not None:
        return _instead(ground, wanted)
    ways, steps = ground.ways, ground.steps
    if ground.device == "cpu":
        return _made(ground, ways[0].profile, on_processor(ground, ways[0]))
    if ground.free is None:
        reason = t("The card does not say how much memory it has, so the careful way is taken.")
        return _made(ground, ways[min(1, len(ways) - 1)].profile, reason)
    free = ground.free
    place = next((place for place, way in enumerate(steps) if way.need_mib <= free), None)
    if place is None:
        way = ground.roomiest
        return _by_turns(ground, way.profile, nothing_fits(ground, steps[-1], way, free))
    return _by_turns(ground, steps[place].profile, by_formula(ground, steps, place, free))


def _instead(ground: Ground, wanted: str) -> MemoryChoice:
    """What the formula chooses where the device cannot do what is wanted."""
    choice = _choose(ground, None)
    why = cannot(ground, wanted, choice.profile)
    return replace(choice, reason=why if ground.device == "cpu" else joined((why, choice.reason)))


def _by_turns(ground: Ground, name: str, reason: Text) -> MemoryChoice:
    """medvram, if only SDXL needs it, for SDXL alone."""
    if name == "medvram" and ground.only_sdxl_is_large:
        return _made(ground, "medvram-sdxl", joined((reason, t("The other models fit as a whole."))))
    return _made(ground, name, reason)


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


def _with_xformers(choice: MemoryChoice, ground: Ground, capability: str | None) -> MemoryChoice:
    """xFormers' attention, where it is installed and no flag says how, for cards that torch's own is no faster on."""
    if not ground.xformers or capability is None or ground.attention:
        return choice
    first, end = map(numbers, _FOR_XFORMERS)
    if choice.attention == "xformers" and numbers(capability) >= end:
        why = t("On this card PyTorch's own attention is at least as fast.")
        return replace(choice, reason=joined((choice.reason, why)))
    if choice.attention != "sdp" or not first <= numbers(capability) < end:
        return choice
    why = t("xFormers is installed, and on this card it may be faster.")
    flags = (*choice.flags, "--xformers")
    return replace(choice, attention="xformers", flags=flags, reason=joined((choice.reason, why)))


def next_step_down(choice: MemoryChoice) -> MemoryChoice | None:
    """The rung below that needs less; None on the last one.

    What was too much is the present rung's need, so the ladder is gone down from there whatever seemed free before.
    """
    profiles = read_memory_profiles()
    names = [peak.profile for peak in choice.peaks]
    if choice.profile not in names:
        return None
    needed = choice.peaks[names.index(choice.profile)].need_mib
    below = (peak.profile for peak in choice.peaks if peak.need_mib <= needed - WORTH)
    name = next((name for name in below if profiles[name].automatic), None)
    if name is None:
        return None
    profile, old = profiles[name], profiles[choice.profile]
    kept = tuple(flag for flag in choice.flags if flag not in old.flags and flag != "--xformers")
    return replace(
        choice,
        mode=profile.mode,
        attention=profile.attention,
        flags=profile.flags + kept,
        profile=name,
        reason=t('"{old}" ran out of memory; "{name}" is the next step down.', old=choice.profile, name=name),
    )


def step_down_words(choice: MemoryChoice) -> Text:
    """The offer of the next rung with its exact option, or what else helps."""
    below = next_step_down(choice)
    if below is None:
        return t("There is no way that needs less: draw fewer or smaller pictures, or close other programs.")
    needs = {peak.profile: peak.need_mib for peak in choice.peaks}
    return t(
        "Less memory is needed by `gesso up --memory {name}` (about {less} GB instead of {need} GB).",
        name=below.profile,
        less=gigabytes_up(needs[below.profile]),
        need=gigabytes_up(needs[choice.profile]),
    )
