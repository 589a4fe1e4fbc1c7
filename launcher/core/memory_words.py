"""The sentences that say why a memory profile was chosen, with their numbers."""

from __future__ import annotations

from collections.abc import Sequence

from launcher.core.memory_choice import Peak
from launcher.core.memory_ground import Ground
from launcher.core.memory_need import largest_square
from launcher.core.text import Text, t

_GIB = 1024


def by_formula(ground: Ground, ways: Sequence[Peak], place: int, free: int) -> Text:
    """The numbers: what the chosen way needs, or the next faster one that does not fit."""
    chosen, values = ways[place], _values(ground, free)
    if place == 0:
        first = t(
            "{model} at {width} x {height} needs {need} GB with {way}; {free} GB are free → {way}.",
            **values,
            need=gigabytes_up(chosen.need_mib),
            way=chosen.profile,
        )
    else:
        first = t(
            "{model} at {width} x {height} needs {need} GB with {faster}; {free} GB are free → {way} ({less} GB).",
            **values,
            need=gigabytes_up(ways[place - 1].need_mib),
            faster=ways[place - 1].profile,
            way=chosen.profile,
            less=gigabytes_up(chosen.need_mib),
        )
    return first if chosen.need_mib <= free else joined((first, _too_little(ground, chosen.profile, free)))


def _too_little(ground: Ground, name: str, free: int) -> Text:
    profile = ground.profiles[name]
    side = largest_square(
        ground.numbers,
        ground.picture.family,
        free,
        profile.mode,
        ground.attention or profile.attention,
        ground.device,
        ground.widths,
    )
    if side is None:
        return t("That may be too little for any picture: close other programs, or try a smaller model.")
    return t("That may be too little; up to {side} x {side} should fit.", side=side)


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
    return first if peak.need_mib <= ground.free else joined((first, _too_little(ground, name, ground.free)))


def cannot(ground: Ground, wanted: str, name: str) -> Text:
    if ground.device == "cpu":
        return t('"{wanted}" was asked for, but there is no graphics card to use.', wanted=wanted)
    return t('"{wanted}" was asked for, but this device only knows "{name}".', wanted=wanted, name=name)


def on_processor(ground: Ground, way: Peak) -> Text:
    first = t("There is no graphics card to use.")
    if ground.free is None:
        return first
    second = t(
        "{model} at {width} x {height} needs about {need} GB of the computer's memory; {free} GB are free.",
        **_values(ground, ground.free),
        need=gigabytes_up(way.need_mib),
    )
    third = () if way.need_mib <= ground.free else (_too_little(ground, way.profile, ground.free),)
    return joined((first, second, *third))


def _values(ground: Ground, free: int) -> dict[str, object]:
    picture = ground.picture
    name = ground.numbers.families[picture.family].name
    return {"model": name, "width": picture.width, "height": picture.height, "free": gigabytes_down(free)}


def gigabytes_up(mib: int) -> str:
    """Gibibytes with one decimal: a need is rounded up, what is free down, so that the two never seem equal."""
    return f"{-(-mib * 10 // _GIB) / 10:.1f}"


def gigabytes_down(mib: int) -> str:
    return f"{mib * 10 // _GIB / 10:.1f}"


def joined(sentences: Sequence[Text]) -> Text:
    whole, *more = sentences
    for each in more:
        whole = t("{first} {second}", first=whole, second=each)
    return whole
