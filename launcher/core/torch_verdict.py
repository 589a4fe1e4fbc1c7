"""Which build of torch serves these cards, or what stands in the way: pure, in sentences."""

from __future__ import annotations

from dataclasses import dataclass

from launcher.core.hardware import Gpu, Machine, is_nvidia
from launcher.core.text import Text, t
from launcher.core.torch_table import Build, TorchTable, numbers


@dataclass(frozen=True)
class Verdict:
    """A build with its reason, or None with what stands in the way and what to do."""

    build: Build | None
    reason: Text
    #: stable name of what stands in the way; with a build: of what the user should know
    slug: str | None = None


def judge(table: TorchTable, machine: Machine, cards: tuple[Gpu, ...], *, cpu: bool = False) -> Verdict:
    """The first build of the table that serves all `cards`; with `cpu`, the processor's."""
    offered = [build for build in table.builds if build.offered_for(machine)]
    if not offered:
        reason = t(
            "PyTorch {version} is not made for {os} on {arch}: "
            "use a computer with Windows or Linux, or a Mac with Apple Silicon.",
            version=table.version,
            os=machine.os,
            arch=machine.arch,
        )
        return Verdict(None, reason, "no-torch-fits")
    nvidia = tuple(card for card in cards if is_nvidia(card))
    if nvidia and not cpu:
        return _for_nvidia(table, machine, [build for build in offered if build.family], nvidia)
    return _without_nvidia(offered, cards, cpu=cpu)


def _without_nvidia(offered: list[Build], cards: tuple[Gpu, ...], *, cpu: bool) -> Verdict:
    processor = next(build for build in offered if build.tag == "cpu")
    if cpu:
        return Verdict(processor, t("The processor was asked for."))
    mps = next((build for build in offered if build.tag == "mps"), None)
    if mps and any(card.vendor == "apple" for card in cards):
        return Verdict(mps, t("Apple Silicon draws through Metal, which the plain build for macOS holds."))
    if cards:
        names = ", ".join(card.name or card.vendor or "?" for card in cards)
        reason = t("Gesso cannot draw on {cards} yet, so the processor draws, which is slow.", cards=names)
        return Verdict(processor, reason, "gpu-not-used")
    return Verdict(processor, t("There is no graphics card to use, so the processor draws."))


def _for_nvidia(table: TorchTable, machine: Machine, builds: list[Build], cards: tuple[Gpu, ...]) -> Verdict:
    """The predicate: the driver is not older than the family's minimum, and every card is in the build's list."""
    names = _named(cards)
    if any(card.compute_capability is None for card in cards):
        reason = t(
            "The compute capability of {cards} is not known: "
            "update the NVIDIA driver, or let the processor draw with --memory cpu.",
            cards=names,
        )
        return Verdict(None, reason, "capability-unknown")
    able = [build for build in builds if all(build.has_kernels_for(card) for card in cards)]
    if not able:
        return _without_code(table, builds, cards)
    if machine.driver is None:
        reason = t(
            "No NVIDIA driver answers for {cards}: install it, or let the processor draw with --memory cpu.",
            cards=names,
        )
        return Verdict(None, reason, "driver-missing")
    return _by_driver(table, machine, machine.driver, able, names)


def _by_driver(table: TorchTable, machine: Machine, driver: str, able: list[Build], names: str) -> Verdict:
    for build in able:
        needed = table.driver_needed(build, machine)
        if numbers(driver) >= numbers(needed):
            reason = t(
                "PyTorch {version} for {family} has code for {cards}, and driver {driver} is not older than {needed}.",
                version=table.version,
                family=build.family,
                cards=names,
                driver=driver,
                needed=needed,
            )
            return Verdict(build, reason)
    least = min((table.driver_needed(build, machine) for build in able), key=numbers)
    reason = t(
        "The NVIDIA driver {driver} is too old for {cards}: "
        "install {needed} or newer, or let the processor draw with --memory cpu.",
        driver=driver,
        cards=names,
        needed=least,
    )
    return Verdict(None, reason, "driver-too-old")


def _without_code(table: TorchTable, builds: list[Build], cards: tuple[Gpu, ...]) -> Verdict:
    """No build has all the cards: they do not go together, are too old, or are too new."""
    served = [card for card in cards if any(build.has_kernels_for(card) for build in builds)]
    values = {"version": table.version, "cards": _named(cards)}
    if served and len(cards) > 1:
        best = max(served, key=lambda card: card.vram_total_mib or 0)
        reason = t(
            "No build of PyTorch {version} has code for all of {cards}: choose one of them, as with --gpu {gpu}.",
            gpu=best.index if best.index is not None else cards.index(best),
            **values,
        )
        return Verdict(None, reason, "mixed-gpus")
    oldest = min((numbers(each) for build in builds for each in build.capabilities), default=(0,))
    if all(numbers(card.compute_capability or "0") < oldest for card in cards):
        reason = t(
            "PyTorch {version} has no code for {cards} any more: let the processor draw with --memory cpu.", **values
        )
        return Verdict(None, reason, "gpu-too-old")
    reason = t(
        "PyTorch {version} has no code for {cards}: update Gesso, or let the processor draw with --memory cpu.",
        **values,
    )
    return Verdict(None, reason, "gpu-without-code")


def _named(cards: tuple[Gpu, ...]) -> str:
    return ", ".join(
        f"{card.name or 'NVIDIA'} ({card.compute_capability})" if card.compute_capability else card.name or "NVIDIA"
        for card in cards
    )
