"""After an out-of-memory error: the next rung of the ladder of predicted peaks, and how it is offered."""

from __future__ import annotations

from dataclasses import replace

from launcher.core.memory_choice import MemoryChoice
from launcher.core.memory_profiles import read_memory_profiles
from launcher.core.memory_words import gigabytes_up
from launcher.core.text import Text, t

#: flags by which memory profiles differ
MEMORY_FLAGS = ("--medvram", "--medvram-sdxl", "--lowvram", "--xformers", "--opt-split-attention")


def next_step_down(choice: MemoryChoice) -> MemoryChoice | None:
    """The rung below; None on the last one.

    What was too much is the present rung's need, so the ladder is gone down from there whatever seemed free before.
    """
    profiles = read_memory_profiles()
    names = [peak.profile for peak in choice.peaks]
    if choice.profile not in names:
        return None
    below = (name for name in names[names.index(choice.profile) + 1 :] if profiles[name].automatic)
    name = next((name for name in below if profiles[name].flags != profiles[choice.profile].flags), None)
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
