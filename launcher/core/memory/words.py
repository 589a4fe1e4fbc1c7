"""The sentences that say why a memory profile was chosen, with their numbers."""

from __future__ import annotations

from collections.abc import Sequence

from launcher.core.memory.ground import Ground, gigabytes_down, gigabytes_up
from launcher.core.memory.need import MIB
from launcher.core.text import Text, t
from runtime.placement import Way


def by_rule(ground: Ground, way: Way) -> Text:
    """The numbers: what the chosen way needs, or the next faster one that does not fit; and how it is done."""
    free = ground.free or 0
    why, values = way.reasons[0], _values(ground, free)
    if why.code == "nothing-fits":
        first = t(
            "{model} at {width} x {height} needs at least {need} GB; {free} GB are free → {way}.",
            **values,
            need=gigabytes_up(ground.needed(way)),
            way=way.mode,
        )
        return joined((first, _too_little(ground, None)))
    if why.code == "fits":
        first = t(
            "{model} at {width} x {height} needs {need} GB with {way}; {free} GB are free → {way}.",
            **values,
            need=gigabytes_up(ground.needed(way)),
            way=way.mode,
        )
        return joined((first, *_how(way)))
    faster = str(why.values["mode"])
    first = t(
        "{model} at {width} x {height} needs {need} GB with {faster}; {free} GB are free → {way} ({less} GB).",
        **values,
        need=gigabytes_up(ground.peak(faster).need_mib),
        faster=faster,
        way=way.mode,
        less=gigabytes_up(ground.peak(way.mode, apart=way.apart).need_mib),
    )
    return joined((first, *_how(way)))


def _how(way: Way) -> tuple[Text, ...]:
    """What of the way no profile's name says."""
    said = []
    if way.resident is not None:
        said.append(t("Of the U-Net {resident} GB stay on the card; {streamed} GB arrive at every step, ahead of need.",
                      **_share(way.resident, way.streamed)))  # fmt: skip
    if way.text_resident is not None:
        said.append(
            t("Of the text models {resident} GB stay there; {streamed} GB arrive with every prompt, ahead of need.",
              **_share(way.text_resident, way.text_streamed))
        )  # fmt: skip
    if way.apart:
        said.append(t("Prompt and negative prompt are drawn one after the other."))
    if way.rows is not None:
        said.append(t("The VAE works in strips of {height} pixels.", height=8 * way.rows))
    return tuple(said)


def _share(resident: int, streamed: int) -> dict[str, str]:
    return {"resident": gigabytes_down(resident // MIB), "streamed": gigabytes_up(-(-streamed // MIB))}


def _too_little(ground: Ground, name: str | None) -> Text:
    side = ground.largest(name)
    if side is not None:
        return t("That may be too little; up to {side} x {side} should fit.", side=side)
    if ground.device != "cpu" and ground.processor_holds:
        return t(
            "That may be too little for any picture: close other programs, try a smaller model, or let the processor "
            "draw with --memory cpu, which is slow."
        )
    return t("That may be too little for any picture: close other programs, or try a smaller model.")


def asked_for(ground: Ground, name: str, way: Way) -> Text:
    if ground.free is None:
        need = gigabytes_up(ground.peak(name).need_mib)
        return t('"{name}" was asked for; it needs about {need} GB.', name=name, need=need)
    fits = way.reasons[0].code in ("fits", "asked-for")
    first = t(
        '"{name}" was asked for; {model} at {width} x {height} needs about {need} GB with it, {free} GB are free.',
        name=name,
        **_values(ground, ground.free),
        # what stays fills the memory, and is no need
        need=gigabytes_up(ground.needed(way) if fits and way.resident is None else ground.peak(name).need_mib),
    )
    if way.reasons[0].code == "nothing-fits":
        return joined((first, _too_little(ground, name)))
    if fits or ground.device == "cpu":
        return joined((first, *_how(way)))
    return joined((first, t("So the runtime will take {way}.", way=way.mode), *_how(way)))


def cannot(ground: Ground, wanted: str, name: str) -> Text:
    if ground.device == "cpu":
        return t('"{wanted}" was asked for, but the processor draws.', wanted=wanted)
    if ground.profiles[wanted].attention == "xformers":
        return t(
            '"{wanted}" was asked for, but no xFormers for this PyTorch is there: its own attention is used.',
            wanted=wanted,
        )
    return t('"{wanted}" was asked for, but this device only knows "{name}".', wanted=wanted, name=name)


def on_processor(ground: Ground, way: Way, first: Text) -> Text:
    """`first` says that it draws."""
    if ground.free is None:
        return first
    second = t(
        "{model} at {width} x {height} needs about {need} GB of the computer's memory; {free} GB are free.",
        **_values(ground, ground.free),
        need=gigabytes_up(ground.needed(way)),
    )
    last = (_too_little(ground, None),) if way.reasons[0].code == "nothing-fits" else _how(way)
    return joined((first, second, *last))


def _values(ground: Ground, free: int) -> dict[str, object]:
    picture = ground.picture
    name = ground.numbers.families[picture.family].name
    return {"model": name, "width": picture.width, "height": picture.height, "free": gigabytes_down(free)}


def joined(sentences: Sequence[Text]) -> Text:
    whole, *more = sentences
    for each in more:
        whole = t("{first} {second}", first=whole, second=each)
    return whole
