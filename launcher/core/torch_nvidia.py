"""The rule for NVIDIA's cards: the driver is in the range of build and card, and the build has their kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from launcher.core.machine import Gpu, Machine, NvmlState
from launcher.core.text import Text, t
from launcher.core.torch_cards import named, newest_driver, too_new
from launcher.core.torch_table import Build, Generation, TorchTable, numbers

#: after the first, how many more are tried when the proof fails: each is some gigabytes
_OTHERS = 2


@dataclass(frozen=True)
class Remark:
    """Something to know beside the reason of a choice."""

    slug: str
    severity: Literal["info", "warning"]
    message: Text


@dataclass(frozen=True)
class Judged:
    """The builds that fit, the best first; () with what stands in the way."""

    builds: tuple[Build, ...]
    reason: Text
    slug: str | None = None
    remarks: tuple[Remark, ...] = ()


def for_nvidia(table: TorchTable, machine: Machine, builds: list[Build], cards: tuple[Gpu, ...]) -> Judged:
    """For cards that the driver lets be used, or may."""
    names = named(cards)
    if any(card.compute_capability is None for card in cards):
        reason = t(
            "The compute capability of {cards} is not known: "
            "update the NVIDIA driver, or let the processor draw with --memory cpu.",
            cards=names,
        )
        return Judged((), reason, "capability-unknown")
    if machine.arch == "arm64" and any(card.compute_capability in table.jetson for card in cards):
        reason = t(
            "{cards} is part of a Jetson, for which only NVIDIA makes a PyTorch: "
            "let the processor draw with --memory cpu.",
            cards=names,
        )
        return Judged((), reason, "jetson")
    able = [build for build in builds if all(build.has_kernels_for(card) for card in cards)]
    if not able:
        return _without_code(table, builds, cards)
    if machine.driver is None:
        return _driver_unknown(table, machine, able, cards)
    return _by_driver(table, machine, machine.driver, able, cards)


def _by_driver(table: TorchTable, machine: Machine, driver: str, able: list[Build], cards: tuple[Gpu, ...]) -> Judged:
    names = named(cards)
    needs = {build: table.driver_needed(build, machine, cards) for build in able}
    fitting = [build for build in able if numbers(driver) >= numbers(needs[build])]
    if not fitting:
        reason = t(
            "The NVIDIA driver {driver} is too old for {cards}: "
            "install {needed} or newer, or let the processor draw with --memory cpu.",
            driver=driver,
            cards=names,
            needed=min(needs.values(), key=numbers),
        )
        return Judged((), reason, "driver-too-old")
    build = fitting[0]
    reason = t(
        "PyTorch {version} for {family} has code for {cards}, and driver {driver} is not older than {needed}.",
        version=build.version,
        family=build.family,
        cards=names,
        driver=driver,
        needed=needs[build],
    )
    update = _update_advised(build, able[0], needs[able[0]])
    return Judged(_candidates(fitting), reason, None, (*update, *_end_of_life(table, build, cards)))


def _driver_unknown(table: TorchTable, machine: Machine, able: list[Build], cards: tuple[Gpu, ...]) -> Judged:
    """Of the builds of the table's version the one that asks least; the assumption is said."""
    newest = [build for build in able if build.version == table.version] or able
    build = min(newest, key=lambda each: numbers(table.driver_needed(each, machine, cards)))
    reason = t(
        "PyTorch {version} for {family} has code for {cards}; "
        "the driver is not known and taken to be {needed} or newer.",
        version=build.version,
        family=build.family,
        cards=named(cards),
        needed=table.driver_needed(build, machine, cards),
    )
    rest = [each for each in able if each != build]
    return Judged(_candidates([build, *rest]), reason, "driver-unknown", _end_of_life(table, build, cards))


def _candidates(fitting: list[Build]) -> tuple[Build, ...]:
    """The first of each tag: where one build's kernels fail, another torch with the same CUDA rarely helps."""
    by_tag = {build.tag: build for build in reversed(fitting)}
    return tuple(build for build in fitting if by_tag[build.tag] == build)[: 1 + _OTHERS]


def _update_advised(build: Build, best: Build, needed: str) -> tuple[Remark, ...]:
    if numbers(build.version) >= numbers(best.version):
        return ()
    message = t(
        "This driver allows only PyTorch {version}; with {needed} or newer it would be {best}: "
        "update the NVIDIA driver.",
        version=build.version,
        needed=needed,
        best=best.version,
    )
    return (Remark("driver-update-advised", "warning", message),)


def _end_of_life(table: TorchTable, build: Build, cards: tuple[Gpu, ...]) -> tuple[Remark, ...]:
    """How long the cards will be served: which is the last torch, and until when the driver is mended."""
    ending: dict[Generation, list[Gpu]] = {}
    for card in cards:
        generation = table.generation(card)
        if generation and generation.last_torch:
            ending.setdefault(generation, []).append(card)
    return tuple(_ends(generation, tuple(each), build) for generation, each in ending.items())


def _ends(generation: Generation, cards: tuple[Gpu, ...], build: Build) -> Remark:
    if generation.fixes_until:
        message = t(
            "PyTorch {last} is the last with code for {cards}, and NVIDIA mends the driver that serves it, "
            "{branch}.xx, until {until}. Until then nothing needs to be done.",
            last=generation.last_torch,
            cards=named(cards),
            branch=generation.newest_driver,
            until=generation.fixes_until,
        )
        return Remark("card-end-of-life", "info", message)
    message = t(
        "PyTorch {version} is the last with code for {cards}, and a library that comes with it is not made for it: "
        "whether it draws, the proof after the install tells. If not, --memory cpu lets the processor draw.",
        version=build.version,
        cards=named(cards),
    )
    return Remark("card-end-of-life", "warning", message)


def _without_code(table: TorchTable, builds: list[Build], cards: tuple[Gpu, ...]) -> Judged:
    """No build has all the cards: they do not go together, are too old, or are too new."""
    served = [card for card in cards if any(build.has_kernels_for(card) for build in builds)]
    values = {"version": table.version, "cards": named(cards)}
    if served and len(cards) > 1:
        reason = t(
            "No build of PyTorch has code for all of {cards}, so some would stay idle: choose with one of {choices}.",
            cards=named(cards),
            choices="; ".join(_choice(number, card, builds) for number, card in enumerate(cards) if card in served),
        )
        return Judged((), reason, "mixed-gpus")
    oldest = min((numbers(each) for build in builds for each in build.capabilities), default=(0,))
    if all(numbers(card.compute_capability or "0") < oldest for card in cards):
        reason = t(
            "PyTorch {version} has no code for {cards} any more: let the processor draw with --memory cpu.", **values
        )
        return Judged((), reason, "gpu-too-old")
    reason = t(
        "PyTorch {version} has no code for {cards}: update Gesso, or let the processor draw with --memory cpu.",
        **values,
    )
    return Judged((), reason, "gpu-without-code")


def _choice(number: int, card: Gpu, builds: list[Build]) -> str:
    """ "--gpu 0 → GTX 1080 Ti, 2.13.0+cu126": the same in every language."""
    build = next(each for each in builds if each.has_kernels_for(card))
    return f"--gpu {number if card.index is None else card.index} → {card.name or 'NVIDIA'}, {build.full}"


def no_driver_for(table: TorchTable, machine: Machine, builds: tuple[Build, ...], cards: tuple[Gpu, ...]) -> Judged:
    """For cards that the driver does not let be used: which driver, or what else, is missing."""
    values = {"cards": named(cards), "driver": machine.driver}
    branch = min(filter(None, (newest_driver(table, card) for card in cards)), default=None)
    if all(too_new(table, machine, card) for card in cards):
        reason = t(
            "The NVIDIA driver {driver} ignores {cards}: install a {branch}.xx driver, the last that serves it, "
            "or let the processor draw with --memory cpu.",
            branch=branch,
            **values,
        )
        return Judged((), reason, "driver-too-new")
    if told := _by_state(machine.nvml, named(cards)):
        return told
    if branch is not None:
        reason = t(
            "No NVIDIA driver answers for {cards}: install a {branch}.xx driver, as newer ones ignore it, "
            "or let the processor draw with --memory cpu.",
            branch=branch,
            **values,
        )
        return Judged((), reason, "driver-missing")
    able = [build for build in builds if build.family and all(build.has_kernels_for(card) for card in cards)]
    needed = table.driver_needed(able[0], machine, cards) if able else table.families[0].linux_driver
    reason = t(
        "No NVIDIA driver answers for {cards}: install driver {needed} or newer, "
        "or let the processor draw with --memory cpu.",
        needed=needed,
        **values,
    )
    return Judged((), reason, "driver-missing")


def _by_state(state: NvmlState | None, cards: str) -> Judged | None:
    """What NVIDIA's own library says is wrong; None where it says no more than that there is no driver."""
    if state == "mismatch":
        reason = t(
            "The NVIDIA driver was updated and {cards} still runs with the old one: restart the computer.", cards=cards
        )
        return Judged((), reason, "driver-restart")
    if state == "refused":
        reason = t(
            "You may not ask the NVIDIA driver about {cards}: join the groups video and render, and log in again.",
            cards=cards,
        )
        return Judged((), reason, "driver-refused")
    if state in ("silent", "failed"):
        reason = t(
            "The NVIDIA driver does not answer for {cards}: restart the computer, or install the driver afresh.",
            cards=cards,
        )
        return Judged((), reason, "driver-silent")
    return None
