"""Which builds of torch serve this computer, on which of its cards, or what stands in the way: pure, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from launcher.core.errors import Finding
from launcher.core.hardware.machine import Gpu, Machine, is_nvidia
from launcher.core.pytorch.cards import identified, lent, named
from launcher.core.pytorch.driver_state import driver_trouble
from launcher.core.pytorch.nvidia import Verdict, for_nvidia
from launcher.core.pytorch.table import Build, TorchTable
from launcher.core.text import t

#: how well what is free of a card's memory serves with the torch of that tag; more is better
Fitness = Callable[[Gpu, str], int]


def alike(_card: Gpu, _tag: str) -> int:
    """Where nothing is known of what will be drawn."""
    return 0


def judge(
    table: TorchTable, machine: Machine, cards: tuple[Gpu, ...], *, cpu: bool = False, fitness: Fitness = alike
) -> Verdict:
    """The builds for the best of `cards`, as the engine draws on one; with `cpu`, the processor's."""
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
    known = [identified(table, card) for card in cards]
    judged = [(card, _of_card(table, machine, offered, card)) for card in known]
    drawing = [(card, verdict) for card, verdict in judged if verdict.builds]
    if not drawing:
        return _on_none(judged, processor)
    roomy = {id(card): fitness(card, verdict.builds[0].tag) for card, verdict in drawing}
    card, verdict = max(drawing, key=lambda each: _rank(offered, each[0], each[1], roomy[id(each[0])]))
    first, _ = max(drawing, key=lambda each: _rank(offered, each[0], each[1], 0))
    return replace(
        verdict,
        card=card,
        remarks=(*verdict.remarks, *_passed_over(first, card), *_about_idle(known.index(card), judged)),
    )


def _of_card(table: TorchTable, machine: Machine, offered: tuple[Build, ...], card: Gpu) -> Verdict:
    trouble = driver_trouble(machine, card)
    if trouble:
        return Verdict((), trouble.message, trouble.slug)
    if is_nvidia(card):
        return for_nvidia(table, machine, card)
    if card.vendor == "apple" and (mps := tuple(build for build in offered if build.tag == "mps")):
        return Verdict(mps, t("Apple Silicon draws through Metal, which the plain build for macOS holds."))
    for build in offered:
        # The ROCm of these builds talks to Linux' own driver for the card, which WSL has not.
        if (card.gfx in build.gfx and not machine.wsl) or card.architecture in build.intel:
            reason = t(
                "PyTorch {version} ({tag}) has code for {cards}, which needs its maker's newest driver.",
                version=build.version,
                tag=build.tag,
                cards=named(card),
            )
            return Verdict((build,), reason)
    return Verdict((), t("{cards} stays idle: no PyTorch for this system has code for it.", cards=named(card)),
                   "gpu-not-used")  # fmt: skip


def _rank(offered: tuple[Build, ...], card: Gpu, verdict: Verdict, roomy: int) -> tuple[bool, int, bool, int, int]:
    """No part of the processor; then by what fits into the free memory; NVIDIA's before others, the newest build, and
    the most memory."""
    build = offered.index(verdict.builds[0])
    return not card.integrated, roomy, is_nvidia(card), -build, card.vram_total_mib or 0


def _passed_over(first: Gpu, card: Gpu) -> Iterator[Finding]:
    if named(first) != named(card):
        text = t("{card} draws instead of {other}: there a picture fits better into the free memory.",
                 card=named(card), other=named(first))  # fmt: skip
        yield Finding("card-roomier", "info", text)
    elif first is not card:
        text = t("Of the {cards} number {index} draws: more of its memory is free.", cards=named(first, card),
                 index=card.index)  # fmt: skip
        yield Finding("card-roomier", "info", text)


def _on_none(judged: list[tuple[Gpu, Verdict]], processor: Build) -> Verdict:
    """Where one of NVIDIA's could draw if something were done, that is said; else the processor draws."""
    mendable = [each for each in judged if is_nvidia(each[0]) and not lent(each[0])]
    if mendable:
        _, verdict = max(mendable, key=lambda each: each[0].vram_total_mib or 0)
        return replace(verdict, reason=t("{why} With --memory cpu the processor draws.", why=verdict.reason))
    unused = [card for card, verdict in judged if verdict.slug == "gpu-not-used"]
    if unused:
        reason = t(
            "No PyTorch for this system has code for {cards}, so the processor draws, which is slow.",
            cards=named(*unused),
        )
        return Verdict((processor,), reason, "gpu-not-used")
    if judged:
        reason = t("{why} So the processor draws, which is slow.", why=judged[0][1].reason)
        return Verdict((processor,), reason, judged[0][1].slug)
    return Verdict((processor,), t("There is no graphics card to use, so the processor draws."))


def _about_idle(chosen: int, judged: list[tuple[Gpu, Verdict]]) -> Iterator[Finding]:
    """How to choose another card and what torch it gets; and why one cannot be chosen. A part of the processor that
    stands back behind a card is no news.
    """
    idle = [(place, card, verdict) for place, (card, verdict) in enumerate(judged) if place != chosen]
    own = [each for each in idle if not each[1].integrated]
    choices: dict[str, list[str]] = {}
    for place, card, verdict in own:
        if verdict.builds:
            choices.setdefault(f"{named(card)}, {verdict.builds[0].full}", []).append(_word(place, card))
    if choices:
        # the same in every language: "--gpu 0|1 → GTX 1080 Ti, 2.13.0+cu126"
        told = "; ".join(f"--gpu {'|'.join(words)} → {what}" for what, words in choices.items())
        yield Finding("card-idle", "info", t("Gesso draws on one card; to draw on another: {choices}.", choices=told))
    found = {(verdict.slug, verdict.reason): verdict for _, _, verdict in own if not verdict.builds}
    for slug, reason in found:
        yield Finding("card-idle" if slug == "gpu-not-used" else slug or "card-idle", "warning", reason)


def _word(place: int, card: Gpu) -> str:
    """What --gpu takes; the slices of a card share its index."""
    if card.partition == "mig" and card.uuid:
        return card.uuid
    return str(place if card.index is None else card.index)
