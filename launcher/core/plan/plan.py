"""What has to be done, as data: pure, so that it can be shown, saved, compared and replayed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from launcher.core.environments.installed import Installed
from launcher.core.errors import Finding, LauncherError
from launcher.core.hardware.look import Gpu, Machine
from launcher.core.memory.choose import Learnt, MemoryChoice, MemoryWish, choose_memory, read_memory_profiles
from launcher.core.packages.own_python import OwnPython
from launcher.core.packages.pip_settings import PipSettings
from launcher.core.packages.sources import Sources
from launcher.core.plan.findings import look_for_trouble
from launcher.core.plan.kept import kept_torch
from launcher.core.plan.options import Options
from launcher.core.profiles.flag_words import has
from launcher.core.pytorch.choice import GENERAL_INDEX, TorchChoice, choose_torch
from launcher.core.pytorch.table import read_torch_table
from launcher.core.text import Text, t
from launcher.core.web_address import shown

__all__ = ["Download", "Finding", "Plan", "PlanStep", "make_plan", "wants_xformers"]


@dataclass(frozen=True)
class PlanStep:
    """`name` is environment, torch, packages, verify or switch; `bytes` None is unknown."""

    name: str
    title: Text
    state: Literal["missing", "done"]
    bytes: int | None = None


@dataclass(frozen=True)
class Download:
    """What will be fetched, and from where (without credentials)."""

    name: str
    bytes: int | None
    source: str
    #: names of the mirrors to be asked after it, in this order
    others: tuple[str, ...] = ()
    #: why it is asked first
    why: Text | None = None

    def to_json(self, translate: Callable[[str], str] = str) -> dict[str, Any]:
        reason = self.why.render(translate) if self.why else None
        return {
            "name": self.name,
            "bytes": self.bytes,
            "source": self.source,
            "others": list(self.others),
            "reason": reason,
        }


@dataclass(frozen=True)
class Plan:
    """Everything decided, nothing done."""

    torch: TorchChoice
    memory: MemoryChoice
    #: for the engine: "3.11"
    python: str
    steps: tuple[PlanStep, ...]
    downloads: tuple[Download, ...]
    disk_needed_mib: int | None
    disk_free_mib: int | None
    findings: tuple[Finding, ...]
    #: there is an xFormers for this torch in the environment, or it is about to be installed
    xformers: bool = False
    #: the Python that the user wished for the engine; None: nothing was wished
    own_python: OwnPython | None = None
    #: name of the one that holds all this already
    environment: str | None = None
    #: it is the user's by hand, and Gesso itself would take another
    kept: bool = False

    @property
    def missing(self) -> tuple[PlanStep, ...]:
        return tuple(step for step in self.steps if step.state == "missing")

    def to_json(self, translate: Callable[[str], str] = str) -> dict[str, Any]:
        """The shape of `gesso plan --json`."""
        torch, memory = self.torch, self.memory
        return {
            "python": self.python,
            "interpreter": self.own_python.interpreter if self.own_python else None,
            "torch": {
                "version": torch.version,
                "tag": torch.tag,
                "source": torch.source and shown(torch.source),
                "reason": torch.reason.render(translate),
                "build": torch.build,
                "sha256": torch.sha256,
                "xformers": torch.xformers,
                "with_xformers": torch.with_xformers,
                "run_by_us": torch.run_by_us,
                "ends_with": torch.ends_with,
                "others": [other.build for other in torch.others],
            },
            "memory": memory.to_json(memory.reason.render(translate)),
            "steps": [
                {"name": step.name, "title": step.title.render(translate), "state": step.state, "bytes": step.bytes}
                for step in (self.steps if torch.tag else ())
            ],
            "downloads": [each.to_json(translate) for each in self.downloads if torch.tag],
            "disk": {"needed_mib": self.disk_needed_mib, "free_mib": self.disk_free_mib},
            "findings": [
                {"slug": each.slug, "severity": each.severity, "message": each.message.render(translate)}
                for each in self.findings
            ],
        }


def with_torch(plan: Plan, torch: TorchChoice) -> Plan:
    """The same plan from its beginning, with another torch."""
    steps = tuple(
        replace(step, state="missing", title=_title(torch), bytes=torch.bytes)
        if step.name == "torch"
        else replace(step, state="missing")
        for step in plan.steps
    )
    more = (torch.installed_mib or 0) - (plan.torch.installed_mib or 0)
    needed = None if plan.disk_needed_mib is None else plan.disk_needed_mib + round(more * 1.1)
    return replace(plan, torch=torch, steps=steps, disk_needed_mib=needed)


def wants_xformers(options: Options) -> bool:
    """By the memory profile that is wished for, or by a flag that makes the runtime take it."""
    profile = read_memory_profiles().get(options.memory or "")
    flags = ("--xformers", "--force-enable-xformers")
    return (profile is not None and profile.attention == "xformers") or any(
        has(options.runtime_flags, flag) for flag in flags
    )


def _title(torch: TorchChoice) -> Text:
    version = torch.build or torch.version
    if torch.with_xformers:
        return t("Install PyTorch {version} and xFormers {xformers}", version=version, xformers=torch.xformers)
    return t("Install PyTorch {version}", version=version)


def make_plan(
    machine: Machine,
    options: Options,
    installed: Installed,
    pip: PipSettings,
    sources: Sources,
    workspace: Path,
    own: OwnPython | None = None,
    *,
    families: tuple[str, ...] = (),
    learnt: Mapping[str, Learnt] | None = None,
) -> Plan:
    """Compares what is wanted with what is there. LauncherError if the options name a card or profile there is not,
    `python-unsupported` if the engine does not run on the user's `own` Python."""
    # what is proven here needs no second chance
    proven = {each.torch for each in (installed, *installed.others) if each.verified or each.proven}
    unproven = tuple(build for build in installed.unproven if build not in proven)
    wish = replace(_wish(options, families), learnt=learnt or {})
    python, torch = _python_and_torch(machine, options, wish, pip, sources, own, unproven)
    here = _best(installed, torch, sources.lock_sha256, own)
    steps = _steps(torch, here, sources.lock_sha256, python, own)
    kept = here.wished and any(step.state == "missing" for step in steps)
    if kept:
        torch, python = kept_torch(torch, here), here.python or python
        steps = tuple(replace(step, state="done") for step in _steps(torch, here, here.lock_sha256, python, own))
    missing = {step.name for step in steps if step.state == "missing"}
    there = missing <= {"switch"}
    xformers = torch.with_xformers or ("torch" not in missing and here.has_xformers(torch.xformers))
    # what stays idle has no say in how the memory is used
    drawn, gpu = (replace(machine, gpus=(torch.card,)), None) if torch.card else (machine, options.gpu)
    memory = choose_memory(drawn, replace(wish, xformers=xformers), gpu=gpu, tag=torch.tag)
    if there and torch.tag != "cpu":
        memory = replace(memory, flags=tuple(dict.fromkeys((*memory.flags, *here.advice))))
    fetches_python = "environment" in missing and machine.python is not None and not _is_own(python, machine.python)
    fetches_python = fetches_python and not (own and own.interpreter)
    # where no torch fits nothing will be installed
    needed = _disk_needed(torch, missing, fetches_python=fetches_python) if torch.tag else None
    return Plan(
        torch,
        memory,
        python,
        steps,
        _downloads(torch, missing, pip, fetches_python=fetches_python),
        needed,
        machine.disk_free_mib,
        look_for_trouble(machine, torch, pip, sources, workspace, needed or 0, outside=own is not None and own.outside)
        + _outside(own),
        xformers=xformers,
        own_python=own,
        environment=here.environment if there else None,
        kept=kept,
    )


def _best(installed: Installed, torch: TorchChoice, lock: str | None, own: OwnPython | None) -> Installed:
    """The current environment; where that is not what is wanted and not the user's by hand, another one that is."""
    xformers = torch.xformers if torch.with_xformers else None
    if installed.wished or installed.holds(torch.build, lock, own, xformers):
        return installed
    return next((each for each in installed.others if each.holds(torch.build, lock, own, xformers)), installed)


def _wish(options: Options, families: tuple[str, ...]) -> MemoryWish:
    """`families` are those of the checkpoints in the models folder."""
    return MemoryWish(options.memory, options.family, options.size, families, options.runtime_flags)


def _python_and_torch(
    machine: Machine,
    options: Options,
    wish: MemoryWish,
    pip: PipSettings,
    sources: Sources,
    own: OwnPython | None,
    unproven: tuple[str, ...],
) -> tuple[str, TorchChoice]:
    """The engine's Python and torch; where torch has no wheel for the launcher's own Python, another is fetched."""
    python = own.version if own else engine_python(machine.python)
    _refuse_foreign(python, read_torch_table().pythons)
    torch = _torch(machine, options, wish, pip, sources, python, unproven)
    if torch.tag is None or python in torch.pythons:
        return python, torch
    if own:
        _refuse_foreign(python, torch.pythons)
    python = engine_python(machine.python, torch.pythons)
    return python, _torch(machine, options, wish, pip, sources, python, unproven)


def _torch(
    machine: Machine,
    options: Options,
    wish: MemoryWish,
    pip: PipSettings,
    sources: Sources,
    python: str,
    unproven: tuple[str, ...],
) -> TorchChoice:
    tag = "cp" + python.replace(".", "")
    modes = ("cpu", "lowvram", "medvram", "full")

    def fitness(card: Gpu, build: str) -> int:
        return modes.index(choose_memory(replace(machine, gpus=(card,)), wish, tag=build).mode)

    return choose_torch(
        machine,
        pip,
        tag,
        sources,
        gpu=options.gpu,
        cpu=options.memory == "cpu",
        unproven=unproven,
        xformers=wants_xformers(options),
        variables=dict(options.variables),
        fitness=fitness,
    )


def engine_python(launcher_python: str | None, pythons: tuple[str, ...] = ()) -> str:
    """The engine's minor version: the launcher's own where the engine and its torch (`pythons`) run on it, else the
    one that uv fetches.
    """
    table = read_torch_table()
    own = ".".join((launcher_python or "").split(".")[:2])
    return own if own in (pythons or table.pythons) else table.python_otherwise


def _refuse_foreign(python: str, known: tuple[str, ...]) -> None:
    if python not in known:
        raise LauncherError(
            "python-unsupported",
            t("The engine does not run on Python {python}.", python=python),
            t("It runs on {versions}: name one of them, or none.", versions=", ".join(known)),
        )


def _outside(own: OwnPython | None) -> tuple[Finding, ...]:
    """What is said before anything is put into a Python that is not Gesso's."""
    if own is None or not own.outside:
        return ()
    message = t(
        "VENV_DIR asks for {place} itself: packages there are replaced, and Gesso cannot take that back.",
        place=own.venv or own.interpreter,
    )
    return (Finding("own-python", "warning", message),)


def _is_own(python: str, launcher_python: str) -> bool:
    return launcher_python.split(".")[:2] == python.split(".")


def _steps(
    torch: TorchChoice, installed: Installed, lock: str | None, python: str, own: OwnPython | None
) -> tuple[PlanStep, ...]:
    """Each step needs the ones before it. A proven environment is never changed: it fits, or one is built beside it."""
    right_torch = torch.build is not None and installed.torch == torch.build
    if torch.with_xformers:
        right_torch = right_torch and installed.has_xformers(torch.xformers)
    right_packages = lock is not None and installed.lock_sha256 == lock
    proven = installed.verified or installed.proven
    done = installed.environment is not None and (
        (right_torch and right_packages) if proven else (installed.torch is None or right_torch)
    )
    steps = []
    for name, title, fulfilled, size in (
        ("environment", t("Make an environment with Python {python}", python=python), installed.stands_on(own), None),
        ("torch", _title(torch), right_torch, torch.bytes),
        ("packages", t("Install the engine's packages"), right_packages, None),
        ("verify", t("Prove it by drawing a picture"), proven, None),
        ("switch", t("Put it to use"), installed.verified, None),
    ):
        done = done and fulfilled
        steps.append(PlanStep(name, title, "done" if done else "missing", size))
    return tuple(steps)


def _downloads(
    torch: TorchChoice, missing: set[str], pip: PipSettings, *, fetches_python: bool
) -> tuple[Download, ...]:
    downloads = []
    if fetches_python:
        downloads.append(Download("python", None, "python-build-standalone"))
    if "torch" in missing and torch.source:
        downloads.append(Download("torch", torch.bytes, shown(torch.source)))
    if "packages" in missing:
        index = () if pip.no_index else (pip.index_url or GENERAL_INDEX, *pip.extra_index_urls)
        downloads.append(Download("packages", None, ", ".join(map(shown, (*index, *pip.find_links)))))
    return tuple(downloads)


def _disk_needed(torch: TorchChoice, missing: set[str], *, fetches_python: bool) -> int:
    """MiB on the workspace's volume; uv's cache there shares its files with the environment, so they count once."""
    table = read_torch_table()
    if missing <= {"switch"}:
        return 0
    parts = (
        table.python_mib if fetches_python else 0,
        torch.installed_mib or 0 if "torch" in missing else 0,
        table.packages_mib if "packages" in missing else 0,
    )
    return round(sum(parts) * 1.1) + table.reserve_mib
