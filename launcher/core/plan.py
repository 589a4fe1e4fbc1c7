"""What has to be done, as data: pure, so that it can be shown, saved, compared and replayed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from launcher.core.findings import Finding, look_for_trouble
from launcher.core.hardware import Gpu, Machine, cards_in_use
from launcher.core.memory import MemoryChoice, choose_memory
from launcher.core.pip_settings import PipSettings
from launcher.core.sources import Sources
from launcher.core.text import Text, t
from launcher.core.torch_choice import GENERAL_INDEX, TorchChoice, choose_torch
from launcher.core.torch_table import read_torch_table
from launcher.core.uv_settings import shown

__all__ = ["Download", "Finding", "Installed", "Options", "Plan", "PlanStep", "make_plan"]


@dataclass(frozen=True)
class Options:
    """What the user asked for on the command line or on a screen."""

    profile: str = "local"
    #: name of a memory profile; None lets the card decide
    memory: str | None = None
    #: index or UUID
    gpu: str | None = None
    port: int | None = None
    listen: bool = False
    share: bool = False
    detach: bool = False
    #: A1111's flags, handed on as they are
    runtime_flags: tuple[str, ...] = ()
    #: for the runtime's environment, by name; "" takes one away
    variables: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Installed:
    """What there is: the current environment, else the half-made one."""

    #: folder name under environments/
    environment: str | None = None
    #: as TorchChoice.build: "2.13.0+cpu"
    torch: str | None = None
    #: of the engine lock its packages came from
    lock_sha256: str | None = None
    #: proven by runtime.prove and switched to
    verified: bool = False


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
    #: the card asked for with --gpu, to be made the only visible one; None: the system's order
    gpu: Gpu | None = None

    @property
    def missing(self) -> tuple[PlanStep, ...]:
        return tuple(step for step in self.steps if step.state == "missing")

    def to_json(self, translate: Callable[[str], str] = str) -> dict[str, Any]:
        """The shape of `gesso plan --json`."""
        torch, memory = self.torch, self.memory
        return {
            "python": self.python,
            "torch": {
                "version": torch.version,
                "tag": torch.tag,
                "source": torch.source and shown(torch.source),
                "reason": torch.reason.render(translate),
            },
            "memory": {
                "mode": memory.mode,
                "attention": memory.attention,
                "flags": list(memory.flags),
                "reason": memory.reason.render(translate),
            },
            "steps": [
                {"name": step.name, "title": step.title.render(translate), "state": step.state, "bytes": step.bytes}
                for step in self.steps
            ],
            "downloads": [{"name": each.name, "bytes": each.bytes, "source": each.source} for each in self.downloads],
            "disk": {"needed_mib": self.disk_needed_mib, "free_mib": self.disk_free_mib},
            "findings": [
                {"slug": each.slug, "severity": each.severity, "message": each.message.render(translate)}
                for each in self.findings
            ],
        }


def make_plan(
    machine: Machine,
    options: Options,
    installed: Installed,
    pip: PipSettings,
    sources: Sources,
    workspace: Path,
) -> Plan:
    """Compares what is wanted with what is there. LauncherError if the options name a card or profile there is not."""
    python = engine_python(machine.python)
    python_tag = "cp" + python.replace(".", "")
    torch = choose_torch(machine, pip, python_tag, sources, gpu=options.gpu, cpu=options.memory == "cpu")
    memory = choose_memory(machine, wanted=options.memory, gpu=options.gpu, tag=torch.tag)
    steps = _steps(torch, installed, sources.lock_sha256, python)
    missing = {step.name for step in steps if step.state == "missing"}
    fetches_python = "environment" in missing and machine.python is not None and not _is_own(python, machine.python)
    needed = _disk_needed(torch, missing, fetches_python=fetches_python)
    return Plan(
        torch,
        memory,
        python,
        steps,
        _downloads(torch, missing, pip, fetches_python=fetches_python),
        needed,
        machine.disk_free_mib,
        look_for_trouble(machine, torch, pip, sources, workspace, needed),
        gpu=cards_in_use(machine, options.gpu)[0] if options.gpu is not None else None,
    )


def engine_python(launcher_python: str | None) -> str:
    """The engine's minor version: the launcher's own where the engine runs on it, else the one uv fetches."""
    table = read_torch_table()
    own = ".".join((launcher_python or "").split(".")[:2])
    return own if own in table.pythons else table.python_otherwise


def _is_own(python: str, launcher_python: str) -> bool:
    return launcher_python.split(".")[:2] == python.split(".")


def _steps(torch: TorchChoice, installed: Installed, lock: str | None, python: str) -> tuple[PlanStep, ...]:
    """Each step needs the ones before it. A proven environment is never changed: it fits, or one is built beside it."""
    right_torch = torch.build is not None and installed.torch == torch.build
    right_packages = lock is not None and installed.lock_sha256 == lock
    done = installed.environment is not None and (
        (right_torch and right_packages) if installed.verified else (installed.torch is None or right_torch)
    )
    steps = []
    for name, title, fulfilled, size in (
        ("environment", t("Make an environment with Python {python}", python=python), True, None),
        ("torch", t("Install PyTorch {version}", version=torch.build or torch.version), right_torch, torch.bytes),
        ("packages", t("Install the engine's packages"), right_packages, None),
        ("verify", t("Prove it by drawing a picture"), installed.verified, None),
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
    if not missing:
        return 0
    parts = (
        table.python_mib if fetches_python else 0,
        torch.installed_mib or 0 if "torch" in missing else 0,
        table.packages_mib if "packages" in missing else 0,
    )
    return round(sum(parts) * 1.1) + table.reserve_mib
