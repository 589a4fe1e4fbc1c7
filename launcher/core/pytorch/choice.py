"""The torch for this machine: the build that fits, the next ones if it does not work, and the place they come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from launcher.core.errors import Finding
from launcher.core.hardware.machine import Gpu, Machine, cards_in_use
from launcher.core.packages.pip_settings import PipSettings
from launcher.core.packages.sources import Sources, Wheel
from launcher.core.packages.uv_settings import uv_environment
from launcher.core.pytorch.allowed import allowed, driven
from launcher.core.pytorch.cards import visible
from launcher.core.pytorch.nvidia import Verdict
from launcher.core.pytorch.table import Build, TorchTable, read_torch_table
from launcher.core.pytorch.verdict import Fitness, alike, judge
from launcher.core.pytorch.wheel_hashes import KnownWheel, known_wheels
from launcher.core.text import Text, t

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
    #: stable name of what stands in the way (driver-too-old, gpu-too-old, no-torch-fits …); None: nothing
    slug: str | None = None
    #: what else should be known: how long the card will be served, what stays idle …
    remarks: tuple[Finding, ...] = ()
    #: to be tried one after the other if the proof of this one fails
    others: tuple[TorchChoice, ...] = ()
    #: minor versions of Python there are wheels for, "3.12"
    pythons: tuple[str, ...] = ()
    #: the very build was installed, proven and drawn with by Gesso's makers
    run_by_us: bool = False
    #: the last torch with this tag, "2.14"; None: no end is known
    ends_with: str | None = None
    #: the version that goes with the build, where there is one
    xformers: str | None = None
    #: that version is asked for, and nothing is known here against it
    with_xformers: bool = False
    #: of the wheel, where it was found in public: whatever a mirror sends is compared with it
    sha256: str | None = None
    #: of NVIDIA, when it was chosen
    driver: str | None = None
    #: that is drawn on; None: the processor draws
    card: Gpu | None = None
    #: variables that make it the only one that the engine sees
    visible: tuple[tuple[str, str], ...] = ()


def choose_torch(
    machine: Machine,
    pip: PipSettings,
    python_tag: str,
    sources: Sources | None = None,
    *,
    gpu: str | None = None,
    cpu: bool = False,
    unproven: tuple[str, ...] = (),
    xformers: bool = False,
    variables: Mapping[str, str] = MappingProxyType({}),
    fitness: Fitness = alike,
) -> TorchChoice:
    """The build for the best card, or the one that `gpu` names by index or UUID; `cpu` asks for the processor's.

    `python_tag` is the engine's ("cp311"). A wheel of the very same build in the user's own sources wins over the
    network. Builds that are `unproven` here come after the others, and `xformers`, where asked for, is left out if its
    pair is. The user's own `variables` may hide cards, unless `gpu` names one; `fitness` says how well the free memory
    of a card serves. LauncherError `gpu-unknown`: there is no such card.
    """
    table = read_torch_table()
    machine = replace(machine, gpus=tuple(_numbered(machine.gpus)))
    cards, told = driven(cards_in_use(machine, gpu), variables)
    if gpu is None and not cpu:
        cards, hidden = allowed(cards, variables)
        told = (*told, *hidden)
    verdict = judge(table, machine, cards, cpu=cpu, fitness=fitness)
    verdict = replace(verdict, remarks=(*(() if cpu else told), *verdict.remarks))
    if not verdict.builds:
        return TorchChoice(table.version, None, None, verdict.reason, slug=verdict.slug, remarks=verdict.remarks)
    wheels = sources.wheels if sources else ()
    builds = sorted(verdict.builds, key=lambda build: build.full in unproven)
    made = [_choice(table, machine, build, verdict, pip, python_tag, wheels) for build in builds]
    if xformers:
        made = [replace(each, with_xformers=bool(each.xformers) and pair(each) not in unproven) for each in made]
    reachable = [choice for choice in made if choice.wheel or not pip.no_index]
    if not reachable:
        return _without_index(made[0], python_tag)
    return replace(reachable[0], others=tuple(reachable[1:]), remarks=verdict.remarks, slug=verdict.slug)


def _numbered(gpus: tuple[Gpu, ...]) -> Iterator[Gpu]:
    """A description may leave the index out."""
    for place, gpu in enumerate(gpus):
        yield replace(gpu, index=place) if gpu.index is None else gpu


def _choice(
    table: TorchTable,
    machine: Machine,
    build: Build,
    verdict: Verdict,
    pip: PipSettings,
    python_tag: str,
    wheels: tuple[Wheel, ...],
) -> TorchChoice:
    """`build` from the user's own wheels, else from its index."""
    known = _known_wheel(build, machine, python_tag)
    choice = TorchChoice(
        build.version,
        build.tag,
        build.index or pip.index_url or GENERAL_INDEX,
        verdict.reason if build == verdict.builds[0] else _in_its_place(build, verdict.builds[0]),
        build=build.full,
        index=build.index,
        bytes=known.bytes if known and known.bytes else build.wheel_bytes,
        installed_mib=build.installed_mib,
        pythons=build.pythons or table.pythons,
        run_by_us=build.run_by_us,
        ends_with=build.ends_with,
        xformers=table.xformers_for(build, machine),
        sha256=known.sha256 if known else None,
        driver=machine.driver,
        card=verdict.card,
        visible=visible(verdict.card, machine.gpus),
    )
    for wheel in wheels:
        if wheel.version == build.full and wheel.fits(machine, python_tag):
            # What is not the processor's needs libraries that its index has.
            libraries = build.index if build.tag != "cpu" else None
            return replace(
                choice, source=wheel.source, wheel=wheel.path, index=libraries, bytes=wheel.size, sha256=None
            )
    return choice


def pair(choice: TorchChoice) -> str:
    """How `unproven` names the xFormers of a build: "xformers 0.0.35 for 2.11.0+cu128"."""
    return f"xformers {choice.xformers} for {choice.build}"


def _in_its_place(build: Build, first: Build) -> Text:
    return t("PyTorch {build} is tried because {first} did not pass its proof.", build=build.full, first=first.full)


def _known_wheel(build: Build, machine: Machine, python_tag: str) -> KnownWheel | None:
    for known in known_wheels(build.full):
        if Wheel(known.name, "").fits(machine, python_tag):
            return known
    return None


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


#: what must stay as it was installed: another version of one of them takes the card's torch away
FAMILY = ("torch", "torchvision", "torchaudio", "xformers", "triton", "triton-windows", "triton-rocm", "triton-xpu")


def constraints_of(choice: TorchChoice, installed: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The lines of a constraints file that every later install into the environment gets.

    `installed` holds the versions of what is in the environment by normalised name. A member of the family that is
    there stays as it is; of the others, where it is known, only the version that goes with this torch may come.
    """
    versions = {name: version for name, version in (installed or {}).items() if name in FAMILY}
    label = choice.build.partition("+")[2] if choice.build else ""
    companions = read_torch_table().companions_of(choice.version)
    for name in ("torchvision", "torchaudio") if companions else ():
        version = getattr(companions, name)
        versions.setdefault(name, f"{version}+{label}" if label else version)
    if choice.xformers:
        versions.setdefault("xformers", choice.xformers)
    versions["torch"] = choice.build or choice.version
    return tuple(f"{name}=={versions[name]}" for name in FAMILY if name in versions)


def swapped(choice: TorchChoice, before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """What of the family an install has changed or taken away, as "torch 2.13.0+cu130 → 2.13.0"; () if nothing, and
    where there was no torch.
    """
    if "torch" not in before:
        return ()
    wanted = {**{name: before[name] for name in FAMILY if name in before}, "torch": choice.build or choice.version}
    return tuple(
        f"{name} {version} → {after.get(name, '-')}" for name, version in wanted.items() if after.get(name) != version
    )
