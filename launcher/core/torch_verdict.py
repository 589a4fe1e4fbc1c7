"""Which builds of torch serve these cards, or what stands in the way: pure, in sentences."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from launcher.core.machine import Gpu, Machine, is_nvidia
from launcher.core.text import Text, t
from launcher.core.torch_cards import identified, ignored, lent, named, newest_driver, too_new, without_integrated
from launcher.core.torch_nvidia import Judged, Remark, for_nvidia, no_driver_for
from launcher.core.torch_table import Build, TorchTable

__all__ = ["Remark", "Verdict", "judge"]


@dataclass(frozen=True)
class Verdict:
    """The builds that fit, the one to take first; () with what stands in the way and what to do."""

    builds: tuple[Build, ...]
    reason: Text
    #: stable name of what stands in the way; with a build: of what the user should know
    slug: str | None = None
    #: what else should be known
    remarks: tuple[Remark, ...] = ()
    #: that are drawn on
    cards: tuple[Gpu, ...] = ()


def judge(table: TorchTable, machine: Machine, cards: tuple[Gpu, ...], *, cpu: bool = False) -> Verdict:
    """The builds of the table that serve all `cards` that torch can use; with `cpu`, the processor's."""
    offered = tuple(build for build in table.builds if build.offered_for(machine))
    if not offered:
        reason = t(
            "PyTorch {version} is not made for {os} on {arch}: "
            "use a computer with Windows or Linux, or a Mac with Apple Silicon.",
            version=table.version,
            os=machine.os,
            arch=machine.arch,
        )
        return Verdict((), reason, "no-torch-fits")
    processor = next(build for build in offered if build.tag == "cpu")
    if cpu:
        return Verdict((processor,), t("The processor was asked for."))
    known = tuple(identified(table, card) for card in cards if not lent(card))
    nvidia = without_integrated(tuple(card for card in known if is_nvidia(card)))
    usable = tuple(card for card in nvidia if not ignored(table, machine, card))
    others = without_integrated(tuple(card for card in known if not is_nvidia(card)))
    if usable:
        judged = for_nvidia(table, machine, [build for build in offered if build.family], usable)
        return _with_idle(_verdict(judged, usable), table, machine, nvidia, usable)
    verdict = _without_nvidia(machine, offered, processor, others)
    if nvidia and verdict.builds[0].tag == "cpu":
        return _verdict(no_driver_for(table, machine, offered, nvidia), ())
    return _with_idle(verdict, table, machine, nvidia, usable)


def _verdict(judged: Judged, cards: tuple[Gpu, ...]) -> Verdict:
    return Verdict(judged.builds, judged.reason, judged.slug, judged.remarks, cards if judged.builds else ())


def _with_idle(
    verdict: Verdict, table: TorchTable, machine: Machine, nvidia: tuple[Gpu, ...], usable: tuple[Gpu, ...]
) -> Verdict:
    """A card that is there and cannot be used is named, with what it would need."""
    idle = tuple(card for card in nvidia if card not in usable)
    if not idle or not verdict.builds:
        return verdict
    old = tuple(card for card in idle if too_new(table, machine, card))
    mute = tuple(card for card in idle if card not in old)
    remarks = [*verdict.remarks, *(_ignored(table, machine, card) for card in old)]
    if mute:
        message = t("{cards} stays idle: no NVIDIA driver answers for it.", cards=named(mute))
        remarks.append(Remark("driver-missing", "warning", message))
    return replace(verdict, remarks=tuple(remarks))


def _ignored(table: TorchTable, machine: Machine, card: Gpu) -> Remark:
    message = t(
        "{card} stays idle: the NVIDIA driver {driver} ignores it, and {branch}.xx was the last that serves it.",
        card=named((card,)),
        driver=machine.driver,
        branch=newest_driver(table, card),
    )
    return Remark("driver-too-new", "warning", message)


def _without_nvidia(machine: Machine, offered: tuple[Build, ...], processor: Build, cards: tuple[Gpu, ...]) -> Verdict:
    if not cards:
        return Verdict((processor,), t("There is no graphics card to use, so the processor draws."))
    mps = next((build for build in offered if build.tag == "mps"), None)
    if mps and any(card.vendor == "apple" for card in cards):
        reason = t("Apple Silicon draws through Metal, which the plain build for macOS holds.")
        return Verdict((mps,), reason, cards=cards)
    # The ROCm of these builds talks to Linux' own driver for the card, which WSL has not.
    for build in offered if not machine.wsl else [each for each in offered if not each.gfx]:
        served = tuple(card for card in cards if (card.gfx in build.gfx) or (card.architecture in build.intel))
        if served:
            return _on_radeon_or_arc(build, served, tuple(card for card in cards if card not in served))
    reason = t(
        "No PyTorch for this system has code for {cards}, so the processor draws, which is slow.", cards=named(cards)
    )
    return Verdict((processor,), reason, "gpu-not-used")


def _on_radeon_or_arc(build: Build, served: tuple[Gpu, ...], idle: tuple[Gpu, ...]) -> Verdict:
    reason = t(
        "PyTorch {version} ({tag}) has code for {cards}, which needs its maker's newest driver.",
        version=build.version,
        tag=build.tag,
        cards=named(served),
    )
    severity: Literal["warning"] = "warning"
    left = (
        Remark("card-idle", severity, t("{cards} stays idle: this PyTorch has no code for it.", cards=named(idle))),
    )
    return Verdict((build,), reason, None, left if idle else (), served)
