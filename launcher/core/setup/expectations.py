"""The facts of data/setup.toml, and how long a plan will take by them and by what was measured."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from launcher.core.facts import read_facts
from launcher.core.network.mirror_choice import Circumstances, chosen, look_around
from launcher.core.packages.pip_settings import read_pip_settings
from launcher.core.paths import Workspace
from launcher.core.plan.places import kinds_needed
from launcher.core.plan.plan import Plan
from launcher.core.pytorch.table import read_torch_table

FILE = Path(__file__).resolve().parents[2] / "data/setup.toml"
_MIB = 1024**2


@dataclass(frozen=True)
class FirstPicture:
    """What is drawn first with the demo model, or with any other."""

    model: str
    prompt: str
    steps: int


@dataclass(frozen=True)
class Expectations:
    """data/setup.toml."""

    packages_download_mib: int
    #: percent of what lies on the disk afterwards, of a torch whose wheels nobody has weighed
    packed_percent: int
    unpack_mib_per_second: int
    proof_seconds: int
    #: bytes a second where nothing was measured
    usual_rate: int
    #: names of the catalogue
    models: tuple[str, ...]
    pictures: tuple[FirstPicture, ...]


@dataclass(frozen=True)
class Estimate:
    """What carrying out a plan costs: `parts` are the seconds of each step by its name, `sizes` its bytes to fetch."""

    sizes: Mapping[str, int]
    #: bytes a second, measured in this network; None: nothing was
    rate: float | None
    parts: Mapping[str, float]

    @property
    def bytes(self) -> int:
        return sum(self.sizes.values())

    @property
    def seconds(self) -> float:
        return sum(self.parts.values())


@lru_cache(maxsize=1)
def read_expectations(file: Path = FILE) -> Expectations:
    """LauncherError `bad-facts` names what is not right in it."""
    return read_facts(file, Expectations)


def estimate(workspace: Workspace, plan: Plan, environ: Mapping[str, str] = os.environ) -> Estimate:
    """Bytes, rate and seconds of what is missing."""
    kinds = kinds_needed(plan)
    around = look_around(workspace, environ, kinds, pip=read_pip_settings(environ)) if kinds else None
    rates: dict[str, float] = {kind: rate for kind in kinds if around and (rate := _rate(around, kind, plan))}
    return estimated(plan, rates)


def estimated(plan: Plan, rates: Mapping[str, float]) -> Estimate:
    """`rates`: bytes a second by kind of mirror; pure."""
    facts, table = read_expectations(), read_torch_table()
    missing = {step.name for step in plan.missing}
    sizes = {each.name: each.bytes for each in plan.downloads}
    torch = max(sizes.get("torch") or 0, _weighed(plan, facts) if "torch" in sizes else 0)
    fetched = {
        "environment": (table.python_mib * _MIB // 3 if "python" in sizes else 0, rates.get("python")),
        "torch": (0 if plan.torch.wheel else torch, rates.get("torch") or rates.get("packages")),
        "packages": (facts.packages_download_mib * _MIB if "packages" in sizes else 0, rates.get("packages")),
    }
    unpacked = {"torch": plan.torch.installed_mib or 0, "packages": table.packages_mib}
    parts = dict.fromkeys(missing, 2.0) | ({"verify": float(facts.proof_seconds)} if "verify" in missing else {})
    for name, (size, rate) in fetched.items():
        if name in missing:
            parts[name] += size / (rate or facts.usual_rate) + unpacked.get(name, 0) / facts.unpack_mib_per_second
    known = [rate for size, rate in fetched.values() if size and rate]
    return Estimate({name: size for name, (size, _) in fetched.items()}, min(known, default=None), parts)


def _weighed(plan: Plan, facts: Expectations) -> int:
    """Bytes of torch with the libraries that it brings, reckoned from what they take on the disk; 0: it brings few, and
    its own are known.
    """
    if plan.torch.tag == "cpu" and plan.torch.bytes:
        return 0
    return (plan.torch.installed_mib or 0) * _MIB * facts.packed_percent // 100


def _rate(around: Circumstances, kind: str, plan: Plan) -> float | None:
    """Of the place that will be asked first."""
    tag = plan.torch.tag if kind == "torch" else None
    first = chosen(around, kind, tag).first  # type: ignore[arg-type]
    measured = around.memory.measured(f"{kind}:{tag}" if tag else kind)
    verdict = measured.of(first.name) if measured else None
    return verdict.rate if verdict and verdict.usable else None
