"""Which memory profile a machine gets, as the runtime will decide too, and which comes after it."""

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
from launcher.core.memory.words import asked_for, by_rule, cannot, joined, on_processor
from launcher.core.profiles.flag_words import has
from launcher.core.pytorch.table import numbers
from launcher.core.text import Text, t
from runtime.ledger_file import Learnt
from runtime.placement import Way

__all__ = [
    "MEMORY_FLAGS",
    "MODEL_FAMILIES",
    "Learnt",
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
    """The profile that was wished for, else the one that the runtime will take on the card that draws.

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
        way = ground.way(wanted)
        return _made(ground, wanted, None if ground.free is None else way, asked_for(ground, wanted, way), asked=True)
    if wanted is not None:
        return _instead(ground, wanted)
    if ground.device == "cpu":
        return _on_processor(ground, t("The processor draws."))
    if ground.free is None:
        reason = t("The card does not say how much memory it has, so the careful way is taken.")
        careful = "medvram" if ground.serves(ground.profiles["medvram"]) else "full"
        return _made(ground, careful, None, reason, asked=True)
    way = ground.way()
    return _made(ground, way.mode, way, by_rule(ground, way))


def _instead(ground: Ground, wanted: str) -> MemoryChoice:
    """What the rule chooses where the device cannot do what is wanted."""
    if ground.device == "cpu":
        return _on_processor(ground, cannot(ground, wanted, "cpu"))
    choice = _choose(ground, None)
    return replace(choice, reason=joined((cannot(ground, wanted, choice.profile), choice.reason)))


def _on_processor(ground: Ground, why: Text) -> MemoryChoice:
    way = ground.way()
    return _made(ground, "cpu", None if ground.free is None else way, on_processor(ground, way, why))


def _made(ground: Ground, name: str, way: Way | None, reason: Text, *, asked: bool = False) -> MemoryChoice:
    """The runtime finds the same way by itself, for every picture anew: only what is `asked` for is a flag."""
    profile = ground.profiles[name]
    own = profile.flags if asked or profile.mode == "cpu" else ()
    mode = profile.mode if way is None or profile.mode == "cpu" else way.mode
    return MemoryChoice(
        mode,
        profile.attention,
        own if profile.mode == "cpu" else own + ground.flags,
        joined((reason, *ground.remarks)),
        name,
        ground.picture,
        ground.free,
        ground.ladder,
        way,
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
        way=None,
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
