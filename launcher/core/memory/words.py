"""The sentences that say why a memory profile was chosen, with their numbers."""

from __future__ import annotations

from collections.abc import Sequence

from launcher.core.memory.ground import Ground, gigabytes_down, gigabytes_up
from launcher.core.memory.profiles import Peak
from launcher.core.text import Text, t


def by_formula(ground: Ground, steps: Sequence[Peak], place: int, free: int) -> Text:
    """The numbers: what the chosen way needs, or the next faster one that does not fit."""
    chosen, values = steps[place], _values(ground, free)
    if place == 0:
        return t(
            "{model} at {width} x {height} needs {need} GB with {way}; {free} GB are free → {way}.",
            **values,
            need=gigabytes_up(chosen.need_mib),
            way=chosen.profile,
        )
    return t(
        "{model} at {width} x {height} needs {need} GB with {faster}; {free} GB are free → {way} ({less} GB).",
        **values,
        need=gigabytes_up(steps[place - 1].need_mib),
        faster=steps[place - 1].profile,
        way=chosen.profile,
        less=gigabytes_up(chosen.need_mib),
    )


def nothing_fits(ground: Ground, least: Peak, way: Peak, free: int) -> Text:
    """What the most sparing way needs, and what `way`, which is taken, holds."""
    first = t(
        "{model} at {width} x {height} needs at least {need} GB; {free} GB are free → {way}.",
        **_values(ground, free),
        need=gigabytes_up(least.need_mib),
        way=way.profile,
    )
    return joined((first, _too_little(ground, way.profile)))


def _too_little(ground: Ground, name: str) -> Text:
    side = ground.largest(name)
    if side is not None:
        return t("That may be too little; up to {side} x {side} should fit.", side=side)
    if ground.device != "cpu" and ground.processor_holds:
        return t(
            "That may be too little for any picture: close other programs, try a smaller model, or let the processor "
            "draw with --memory cpu, which is slow."
        )
    return t("That may be too little for any picture: close other programs, or try a smaller model.")


def asked_for(ground: Ground, name: str) -> Text:
    peak = ground.peak(name)
    if ground.free is None:
        return t('"{name}" was asked for; it needs about {need} GB.', name=name, need=gigabytes_up(peak.need_mib))
    first = t(
        '"{name}" was asked for; {model} at {width} x {height} needs about {need} GB with it, {free} GB are free.',
        name=name,
        **_values(ground, ground.free),
        need=gigabytes_up(peak.need_mib),
    )
    return first if peak.need_mib <= ground.free else joined((first, _too_little(ground, name)))


def cannot(ground: Ground, wanted: str, name: str) -> Text:
    if ground.device == "cpu":
        return t('"{wanted}" was asked for, but the processor draws.', wanted=wanted)
    if ground.profiles[wanted].attention == "xformers":
        return t(
            '"{wanted}" was asked for, but no xFormers for this PyTorch is there: its own attention is used.',
            wanted=wanted,
        )
    return t('"{wanted}" was asked for, but this device only knows "{name}".', wanted=wanted, name=name)


def on_processor(ground: Ground, way: Peak) -> Text:
    first = t("The processor draws.")
    if ground.free is None:
        return first
    second = t(
        "{model} at {width} x {height} needs about {need} GB of the computer's memory; {free} GB are free.",
        **_values(ground, ground.free),
        need=gigabytes_up(way.need_mib),
    )
    third = () if way.need_mib <= ground.free else (_too_little(ground, way.profile),)
    return joined((first, second, *third))


def _values(ground: Ground, free: int) -> dict[str, object]:
    picture = ground.picture
    name = ground.numbers.families[picture.family].name
    return {"model": name, "width": picture.width, "height": picture.height, "free": gigabytes_down(free)}


def joined(sentences: Sequence[Text]) -> Text:
    whole, *more = sentences
    for each in more:
        whole = t("{first} {second}", first=whole, second=each)
    return whole
