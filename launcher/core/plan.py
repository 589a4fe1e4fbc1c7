"""What has to be done, as data: pure, so that it can be shown, saved, compared and replayed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from launcher.core.hardware import Gpu, Machine
from launcher.core.pip_settings import PipSettings
from launcher.core.profiles import MemoryChoice
from launcher.core.sources import Sources
from launcher.core.text import Text
from launcher.core.torch_choice import TorchChoice


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
class Finding:
    """`severity` is info, warning or error: with an error, installing would fail."""

    slug: str
    severity: Literal["info", "warning", "error"]
    message: Text


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
        raise NotImplementedError


def make_plan(
    machine: Machine,
    options: Options,
    installed: Installed,
    pip: PipSettings,
    sources: Sources,
    workspace: Path,
) -> Plan:
    """Compares what is wanted with what is there. LauncherError if the options name a card or profile there is not."""
    raise NotImplementedError
