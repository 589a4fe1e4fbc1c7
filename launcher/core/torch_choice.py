"""The torch for this machine: the build that fits, and the place it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from launcher.core.hardware import Machine, cards_in_use
from launcher.core.pip_settings import PipSettings
from launcher.core.sources import Sources
from launcher.core.text import Text, t
from launcher.core.torch_table import read_torch_table
from launcher.core.torch_verdict import judge
from launcher.core.uv_settings import uv_environment

#: how the source is shown where the user has configured none
GENERAL_INDEX = "PyPI"


@dataclass(frozen=True)
class TorchChoice:
    """The torch to install; `tag` None: none fits, and `slug`, `reason` say why and what to do."""

    version: str
    tag: str | None
    #: where it comes from, to be shown (through `shown`: it may hold credentials)
    source: str | None
    #: one sentence
    reason: Text
    #: version as the installed package gives it: "2.13.0+cpu", on macOS "2.13.0"
    build: str | None = None
    #: a wheel on this computer to install
    wheel: str | None = None
    #: the only index to ask, with a wheel for NVIDIA's libraries; None, without a wheel: the user's own indexes
    index: str | None = None
    #: of the wheel alone; None is unknown
    bytes: int | None = None
    #: of the installed build with the libraries it brings
    installed_mib: int | None = None
    #: stable name of what stands in the way (driver-too-old, gpu-too-old, mixed-gpus, no-torch-fits …); None: nothing
    slug: str | None = None


def choose_torch(
    machine: Machine,
    pip: PipSettings,
    python_tag: str,
    sources: Sources | None = None,
    *,
    gpu: str | None = None,
    cpu: bool = False,
) -> TorchChoice:
    """The build for the cards in use (all, or the one `gpu` names by index or UUID); `cpu` asks for the processor's.

    `python_tag` is the engine's ("cp311"). A wheel of the very same build in the user's own sources wins over the
    network. LauncherError `gpu-unknown` if there is no such card.
    """
    table = read_torch_table()
    verdict = judge(table, machine, cards_in_use(machine, gpu), cpu=cpu)
    build = verdict.build
    if build is None:
        return TorchChoice(table.version, None, None, verdict.reason, slug=verdict.slug)
    full = f"{table.version}+{build.label}" if build.label else table.version
    choice = TorchChoice(
        table.version,
        build.tag,
        build.index or pip.index_url or GENERAL_INDEX,
        verdict.reason,
        build=full,
        index=build.index,
        bytes=build.wheel_bytes,
        installed_mib=build.installed_mib,
        slug=verdict.slug,
    )
    for wheel in sources.wheels if sources else ():
        if wheel.version == full and wheel.fits(machine, python_tag):
            libraries = build.index if build.family else None
            return replace(choice, source=wheel.source, wheel=wheel.path, index=libraries, bytes=wheel.size)
    return _without_index(choice, python_tag) if pip.no_index else choice


def _without_index(choice: TorchChoice, python_tag: str) -> TorchChoice:
    reason = t(
        "pip's settings forbid package indexes (no-index), and no find-links folder holds torch {build} for {python}: "
        "put it there, or allow an index.",
        build=choice.build,
        python=python_tag,
    )
    return TorchChoice(choice.version, None, None, reason, slug="torch-not-in-sources")


def torch_arguments(choice: TorchChoice) -> list[str]:
    """What follows `uv pip install` to put the chosen torch in: the requirement and the one place it comes from.

    Never an extra index: with one, a newer build for the processor from elsewhere would win over the card's.
    """
    requirement = choice.wheel or f"torch=={choice.build}"
    if choice.index is not None:
        return ["--default-index", choice.index, requirement]
    # What the processor's wheel needs comes with the engine's packages, from the lock.
    return ["--no-deps", requirement] if choice.wheel else [requirement]


def torch_environment(choice: TorchChoice, pip: PipSettings, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that go with `torch_arguments`: the user's indexes only where torch comes from them."""
    return uv_environment(pip, environ, indexes=choice.wheel is None and choice.index is None)
