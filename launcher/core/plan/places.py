"""A plan's downloads with the places that count for them: the first to ask, those after it, and why; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from launcher.core.network.mirror_choice import Choice
from launcher.core.network.mirrors import Kind
from launcher.core.plan.plan import Download, Plan
from launcher.core.web_address import shown


def kinds_needed(plan: Plan) -> tuple[Kind, ...]:
    """Of the mirrors that the plan's downloads can come from."""
    found: list[Kind] = []
    for download in plan.downloads:
        if (kind := _kind(plan, download)) is not None and kind not in found:
            found.append(kind)
    return tuple(found)


def with_places(plan: Plan, choices: Mapping[Kind, Choice]) -> Plan:
    """The plan, saying of each download what `choices` say of its kind."""
    return replace(plan, downloads=tuple(_placed(plan, each, choices) for each in plan.downloads))


def _kind(plan: Plan, download: Download) -> Kind | None:
    """A wheel on this computer comes from no mirror; torch without an index of its own comes as any package."""
    if download.name == "python":
        return "python"
    if download.name == "packages":
        return "packages"
    if download.name == "torch" and plan.torch.wheel is None:
        return "torch" if plan.torch.index else "packages"
    return None


def _placed(plan: Plan, download: Download, choices: Mapping[Kind, Choice]) -> Download:
    kind = _kind(plan, download)
    choice = choices.get(kind) if kind else None
    if choice is None:
        return download
    # What another program was told it finds by itself, and the plan says it already.
    address = choice.first.index(plan.torch.tag) if choice.basis not in ("variable", "configuration") else None
    others = tuple(shown(mirror.name) for mirror in choice.mirrors[1:])
    return replace(download, source=shown(address) if address else download.source, others=others, why=choice.reason)
