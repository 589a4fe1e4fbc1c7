"""Where the packages and torch of an install come from, in order, and which way leads there."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace

from launcher.core.events import Event, Notice
from launcher.core.install.package_sources import PackageSource
from launcher.core.install.work import Work
from launcher.core.network.mirror_choice import Choice, chosen, look_around
from launcher.core.network.mirror_memory import bench
from launcher.core.network.mirror_survey import samples, survey
from launcher.core.network.mirror_words import python_variables as mirror_variables
from launcher.core.network.mirrors import OFFICIAL, Kind, Mirror
from launcher.core.packages.uv_settings import uv_arguments, uv_environment
from launcher.core.pytorch.choice import torch_arguments, torch_environment
from launcher.core.web_address import shown

#: seconds that uv waits for a source while there is another to ask, and how often it tries again
_HURRY = {"UV_HTTP_TIMEOUT": "20", "UV_HTTP_RETRIES": "1"}


def package_sources(work: Work) -> tuple[PackageSource, ...]:
    """For everything but torch. What pip, uv or config.toml were told is the only one; else by measurement."""
    choice = _choice(work, "packages")
    variables = uv_environment(work.pip, work.variables)
    own = PackageSource("pip", "own", tuple(uv_arguments(work.pip)), variables, work.pip.index_url)
    if choice.basis in ("variable", "configuration"):
        return (own,)
    return _patient([_packages_from(mirror, own) for mirror in choice.mirrors], work.variables)


def torch_sources(work: Work) -> tuple[PackageSource, ...]:
    """For torch and what it brings: one index at a time, never two together."""
    choice = work.plan.torch
    if work.variables.get("UV_OFFLINE"):
        return package_sources(work)
    official = _torch_as_planned(work)
    if choice.index is None or choice.wheel:
        # Without an index of its own torch is a package as any other; a wheel of the user's takes its libraries
        # from the one place that the plan names.
        return (official,) if choice.index else package_sources(work)
    mirrors = [
        official if mirror.official else _torch_from(mirror, official, choice.tag)
        for mirror in _choice(work, "torch", choice.tag).mirrors
    ]
    return _patient(mirrors, work.variables)


def measured(
    work: Work, step: str, sources: tuple[PackageSource, ...]
) -> Generator[Event, None, tuple[PackageSource, ...]]:
    """`sources` in their order of speed: measured now where that was not done in this network of late.

    It costs seconds, so it waits until something has to be fetched. One source alone is the user's word.
    """
    if len(sources) < 2:
        return sources
    kind = _kind(work, step)
    around = look_around(work.workspace, work.variables, (kind,), pip=work.pip)
    wanted = samples(around, (kind,), work.plan.python, work.plan.torch, environ=work.variables, lock=work.lock)
    unknown = [sample for sample in wanted if around.memory.measured(sample.key) is None]
    if not unknown:
        return sources
    yield from survey(work.workspace, around, unknown, pip=work.pip, route=work.router, cancel=work.cancel)
    choice = _choice(work, kind, unknown[0].tag)
    yield Notice("mirror-chosen", "info", choice.reason)
    return torch_sources(work) if kind == "torch" else package_sources(work)


def leave_alone(work: Work, step: str, source: PackageSource) -> None:
    """It has failed: for a while its group is asked last."""
    kind = _kind(work, step)
    key = f"torch:{work.plan.torch.tag}" if kind == "torch" else kind
    around = look_around(work.workspace, work.variables, (), pip=work.pip)
    bench(work.workspace, around.network, key, source.group, around.mirrors.measuring)


def _kind(work: Work, step: str) -> Kind:
    """Where torch has no index of its own it comes from where the packages come from."""
    return "torch" if step == "torch" and work.plan.torch.index else "packages"


def python_variables(work: Work) -> tuple[dict[str, str], ...]:
    """What makes uv fetch a Python from the preferred place, then from the others."""
    mirrors = _choice(work, "python").mirrors
    places = [mirror_variables(mirror) for mirror in mirrors]
    hurry = {name: value for name, value in _HURRY.items() if not work.variables.get(name)}
    network = uv_environment(work.pip, work.variables)
    return tuple({**network, **hurry, **place} for place in places)


def hash_sources(work: Work, sources: tuple[PackageSource, ...]) -> tuple[PackageSource, ...]:
    """`sources`, the official one first: hashes are to come from there as long as it answers.

    So it is with a mirror that the user chose by its name; an address of the user's own is believed.
    """
    official = [source for source in sources if source.group == OFFICIAL]
    if not official and not any(source.group.startswith("own") for source in sources):
        official = [_torch_as_planned(work)]
    return _patient([*official, *(each for each in sources if each not in official)], work.variables)


def _choice(work: Work, kind: Kind, tag: str | None = None) -> Choice:
    return chosen(look_around(work.workspace, work.variables, (kind,), pip=work.pip), kind, tag)


def _packages_from(mirror: Mirror, own: PackageSource) -> PackageSource:
    index = mirror.index()
    if index is None:
        return replace(own, name=mirror.name, group=mirror.group)
    variables = {**own.variables, "UV_DEFAULT_INDEX": index}
    return replace(own, name=mirror.name, group=mirror.group, variables=variables, index=index)


def _torch_as_planned(work: Work) -> PackageSource:
    choice = work.plan.torch
    *place, _ = torch_arguments(choice)
    variables = torch_environment(choice, work.pip, work.variables)
    arguments = tuple(place or uv_arguments(work.pip))
    return PackageSource(shown(choice.source or ""), "official", arguments, variables, choice.index, "flat")


def _torch_from(mirror: Mirror, official: PackageSource, tag: str | None) -> PackageSource:
    index = mirror.index(tag) or ""
    if mirror.style == "find-links":
        arguments: tuple[str, ...] = ("--no-index", "--find-links", index)
    elif mirror.libraries:
        # torch itself is not in the second index, so the two cannot be mixed up
        arguments = ("--default-index", index, "--index", mirror.libraries, "--index-strategy", "unsafe-best-match")
    else:
        arguments = ("--default-index", index)
    return PackageSource(mirror.name, mirror.group, arguments, official.variables, index, "flat")


def _patient(sources: list[PackageSource], variables: Mapping[str, str]) -> tuple[PackageSource, ...]:
    """All but the last are given up early; how long uv waits is the user's word where there is one."""
    hurry = {name: value for name, value in _HURRY.items() if not variables.get(name)}
    *first, last = sources
    return (*(replace(source, variables={**hurry, **source.variables}) for source in first), last)
