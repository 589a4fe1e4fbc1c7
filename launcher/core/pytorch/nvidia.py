"""The rule for NVIDIA's cards: the driver is in the range of build and card, and the build has their kernels."""

from __future__ import annotations

from dataclasses import dataclass

from launcher.core.errors import Finding
from launcher.core.hardware.machine import Gpu, Machine
from launcher.core.pytorch.cards import named
from launcher.core.pytorch.driver_state import driver_for
from launcher.core.pytorch.table import Build, TorchTable, numbers
from launcher.core.text import Text, t

#: after the first, how many more are tried when the proof fails: each is some gigabytes
_OTHERS = 2


@dataclass(frozen=True)
class Verdict:
    """The builds that fit, the one to take first; () with what stands in the way and what to do."""

    builds: tuple[Build, ...]
    reason: Text
    #: stable name of what stands in the way; with a build: of what the user should know
    slug: str | None = None
    #: what else should be known
    remarks: tuple[Finding, ...] = ()
    #: that is drawn on; None: the processor draws
    card: Gpu | None = None


def for_nvidia(table: TorchTable, machine: Machine, card: Gpu) -> Verdict:
    """For a card that the driver lets be used, or may."""
    builds = [build for build in table.builds if build.family and build.offered_for(machine)]
    if card.compute_capability is None:
        reason = t(
            "The compute capability of {cards} is not known: update the NVIDIA driver; "
            "a description of a computer has to name it.",
            cards=named(card),
        )
        return Verdict((), reason, "capability-unknown")
    if machine.arch == "arm64" and card.compute_capability in table.jetson:
        reason = t("{cards} is part of a Jetson, for which only NVIDIA makes a PyTorch.", cards=named(card))
        return Verdict((), reason, "jetson")
    able = [build for build in builds if build.has_kernels_for(card)]
    if not able:
        return _without_code(table, builds, card)
    if machine.driver is None:
        return _driver_unknown(table, machine, able, card)
    return _by_driver(table, machine, machine.driver, able, card)


def _by_driver(table: TorchTable, machine: Machine, driver: str, able: list[Build], card: Gpu) -> Verdict:
    needs = {build: table.driver_needed(build, machine, (card,)) for build in able}
    fitting = [build for build in able if numbers(driver) >= numbers(needs[build])]
    wanted = driver_for(table, machine, card)
    if not fitting:
        reason = t(
            "The NVIDIA driver {driver} is too old for {card}: install {wanted}.",
            driver=driver,
            card=named(card),
            wanted=wanted,
        )
        return Verdict((), reason, "driver-too-old")
    build = fitting[0]
    reason = t(
        "PyTorch {version} for {family} has code for {cards}, and driver {driver} is not older than {needed}.",
        version=build.version,
        family=build.family,
        cards=named(card),
        driver=driver,
        needed=needs[build],
    )
    update = _update_advised(build, able[0], wanted)
    return Verdict(_candidates(fitting), reason, None, (*update, *_end_of_life(table, build, card)), card)


def _driver_unknown(table: TorchTable, machine: Machine, able: list[Build], card: Gpu) -> Verdict:
    """Of the builds of the table's version the one that asks least; the assumption is said."""
    newest = [build for build in able if build.version == table.version] or able
    build = min(newest, key=lambda each: numbers(table.driver_needed(each, machine, (card,))))
    reason = t(
        "PyTorch {version} for {family} has code for {cards}; "
        "the driver is not known and taken to be {needed} or newer.",
        version=build.version,
        family=build.family,
        cards=named(card),
        needed=table.driver_needed(build, machine, (card,)),
    )
    rest = [each for each in able if each != build]
    return Verdict(_candidates([build, *rest]), reason, "driver-unknown", _end_of_life(table, build, card), card)


def _candidates(fitting: list[Build]) -> tuple[Build, ...]:
    """The first of each tag: where one build's kernels fail, another torch with the same CUDA rarely helps."""
    by_tag = {build.tag: build for build in reversed(fitting)}
    return tuple(build for build in fitting if by_tag[build.tag] == build)[: 1 + _OTHERS]


def _update_advised(build: Build, best: Build, wanted: Text) -> tuple[Finding, ...]:
    if numbers(build.version) >= numbers(best.version):
        return ()
    message = t(
        "This driver allows only PyTorch {version}; with another it would be {best}: install {wanted}.",
        version=build.version,
        best=best.version,
        wanted=wanted,
    )
    return (Finding("driver-update-advised", "warning", message),)


def _end_of_life(table: TorchTable, build: Build, card: Gpu) -> tuple[Finding, ...]:
    """How long the card will be served: which is the last torch, and until when the driver is mended."""
    generation = table.generation(card)
    if generation is None or generation.last_torch is None:
        return ()
    if generation.fixes_until:
        message = t(
            "PyTorch {last} is the last with code for {cards}, and NVIDIA mends the driver that serves it, "
            "{branch}.xx, until {until}.",
            last=generation.last_torch,
            cards=named(card),
            branch=generation.newest_driver,
            until=generation.fixes_until,
        )
        return (Finding("card-end-of-life", "info", message),)
    message = t(
        "PyTorch {version} is the last with code for {cards}, and a library that comes with it is not made for it: "
        "whether it draws, the proof after the install tells. If not, --memory cpu lets the processor draw.",
        version=build.version,
        cards=named(card),
    )
    return (Finding("card-end-of-life", "warning", message),)


def _without_code(table: TorchTable, builds: list[Build], card: Gpu) -> Verdict:
    """It is too old, or too new."""
    values = {"version": table.version, "cards": named(card)}
    oldest = min((numbers(each) for build in builds for each in build.capabilities), default=(0,))
    if numbers(card.compute_capability or "0") < oldest:
        return Verdict((), t("PyTorch {version} has no code for {cards} any more.", **values), "gpu-too-old")
    return Verdict((), t("PyTorch {version} has no code for {cards}: update Gesso.", **values), "gpu-without-code")
