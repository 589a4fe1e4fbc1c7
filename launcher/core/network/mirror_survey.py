"""Measures the mirrors of several kinds for the files that a plan needs, and remembers it for this network."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Generator, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from launcher.core.download.door import Route, direct
from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice
from launcher.core.network.mirror_choice import Circumstances, chosen, find_named, named
from launcher.core.network.mirror_memory import recall, remember
from launcher.core.network.mirror_probe import Measurement, measure
from launcher.core.network.mirror_samples import Sample, sample_of_kind, sample_of_lock, sample_of_torch, sample_of_url
from launcher.core.network.mirrors import Kind, Mirror
from launcher.core.packages.pip_default import official_index
from launcher.core.packages.pip_settings import PipSettings
from launcher.core.packages.sources import ENGINE_LOCK
from launcher.core.packages.uv import find_uv
from launcher.core.paths import Workspace, checkout
from launcher.core.process import Exit, Output, run
from launcher.core.pytorch.choice import TorchChoice
from launcher.core.text import t


def samples(
    around: Circumstances,
    kinds: Iterable[Kind],
    python: str,
    torch: TorchChoice | None,
    *,
    environ: Mapping[str, str] = os.environ,
    lock: Path = ENGINE_LOCK,
) -> tuple[Sample, ...]:
    """What to ask for, of each kind that has a file to ask for; `python` is the engine's ("3.11")."""
    found: list[Sample | None] = []
    for kind in kinds:
        if kind == "packages":
            found.append(sample_of_lock(lock, around.mirrors.samples.packages, python))
        elif kind == "torch":
            found.append(_sample_of_choice(torch, python))
        elif kind == "python":
            found.append(_sample_of_python(python, environ))
        else:
            found.append(sample_of_kind(around.mirrors, kind))
    return tuple(sample for sample in found if sample is not None)


def survey(
    workspace: Workspace,
    around: Circumstances,
    wanted: Iterable[Sample],
    *,
    pip: PipSettings,
    route: Route = direct,
    cancel: threading.Event | None = None,
    only: Mapping[Kind, tuple[Mirror, ...]] | None = None,
) -> Generator[Event, None, tuple[Measurement, ...]]:
    """One kind after the other, because together they would share the line; each takes `measuring.seconds` at most.

    `only`: no others are asked. What nobody could give is not remembered: it says nothing of other files. Yields a
    Notice before each and Progress (unit "mirrors"). Raises CancelledError, and `bad-mirror` where config.toml names
    what there is not.
    """
    measured: list[Measurement] = []
    for sample in wanted:
        places = _places(around, sample) if only is None else only.get(sample.kind, ())
        text = t("Measuring {count} places for {file} …", count=len(places), file=sample.name)
        yield Notice("measuring", "info", text)
        index = sample.index or (pip.index_url or official_index() if sample.kind == "packages" else None)
        found = yield from measure(sample, places, around.mirrors.measuring, index=index, route=route, cancel=cancel)
        if found.ranking:
            remember(workspace, around.network, [found])
        measured.append(found)
    return tuple(measured)


def survey_unknown(
    workspace: Workspace,
    around: Circumstances,
    wanted: Iterable[Sample],
    *,
    pip: PipSettings,
    route: Route = direct,
    cancel: threading.Event | None = None,
) -> Generator[Event, None, Circumstances]:
    """`survey` of what was not measured in this network of late; what is known afterwards."""
    unknown = [sample for sample in wanted if around.memory.measured(sample.key) is None]
    if not unknown:
        return around
    yield from survey(workspace, around, unknown, pip=pip, route=route, cancel=cancel)
    return replace(around, memory=recall(workspace, around.network, around.mirrors.measuring))


def places_named(
    around: Circumstances, wanted: Iterable[Sample], names: Iterable[str]
) -> dict[Kind, tuple[Mirror, ...]]:
    """The places of those names, for each kind that has any. LauncherError `bad-mirror` for a name that none has."""
    kinds = tuple(dict.fromkeys(sample.kind for sample in wanted))
    places: dict[Kind, tuple[Mirror, ...]] = {}
    for name in names:
        found = {kind: mirror for kind in kinds if (mirror := find_named(around.mirrors, kind, name))}
        if kinds and not found:
            named(around.mirrors, kinds[0], name)
        for kind, mirror in found.items():
            places[kind] = (*places.get(kind, ()), mirror)
    return places


def _places(around: Circumstances, sample: Sample) -> tuple[Mirror, ...]:
    """All of the list, and the user's own if it is not in it."""
    listed = around.mirrors.of(sample.kind)
    own = chosen(around, sample.kind, sample.tag).first
    return listed if own in listed or own.official else (own, *listed)


def _sample_of_choice(torch: TorchChoice | None, python: str) -> Sample | None:
    """None where no index is asked: no torch fits, it lies on this computer, or comes with the packages."""
    if torch is None or torch.build is None or torch.tag is None or torch.index is None or torch.wheel:
        return None
    return sample_of_torch(torch.build, torch.tag, torch.index, python, torch.sha256, torch.bytes)


def _sample_of_python(python: str, environ: Mapping[str, str]) -> Sample | None:
    """The very build that uv would fetch: uv tells its official address."""
    kept = {name: value for name, value in environ.items() if not name.startswith("UV_")}
    said: list[str] = []
    try:
        command = [find_uv(), "python", "list", python, "--only-downloads", "--no-config", "--output-format", "json"]
        for event in run(command, environment={**kept, "UV_OFFLINE": "1"}, cwd=checkout()):
            if isinstance(event, Output) and event.channel == "out":
                said.append(event.text)
            elif isinstance(event, Exit) and event.code:
                return None
        url = python_address("\n".join(said))
    except LauncherError:
        return None
    return sample_of_url("python", url) if url else None


def python_address(said: str) -> str | None:
    """The first CPython in the answer of `uv python list --output-format json`."""
    try:
        builds = json.loads(said)
        return next((str(each["url"]) for each in builds if each["implementation"] == "cpython" and each["url"]), None)
    except (ValueError, KeyError, TypeError):
        return None
