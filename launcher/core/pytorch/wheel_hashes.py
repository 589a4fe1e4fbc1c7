"""SHA-256 and size of torch wheels as found in public: what bytes from a mirror are compared with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from launcher.core.facts import read_facts

TORCH_WHEELS = Path(__file__).resolve().parents[2] / "data/torch_wheels.toml"


@dataclass(frozen=True)
class KnownWheel:
    """One file of torch."""

    name: str
    sha256: str
    #: where it was read: the head of the file says what each means
    source: Literal["nixpkgs", "modular", "official", "local", "pinned"]
    bytes: int | None = None


@dataclass(frozen=True)
class KnownWheels:
    """data/torch_wheels.toml."""

    wheels: tuple[KnownWheel, ...]


@lru_cache(maxsize=1)
def read_torch_wheels() -> KnownWheels:
    """The list that came with this Gesso."""
    return read_facts(TORCH_WHEELS, KnownWheels)


def known_wheels(build: str) -> tuple[KnownWheel, ...]:
    """Those of "2.13.0+cu130", for every system and Python; () where none was found."""
    return tuple(wheel for wheel in read_torch_wheels().wheels if wheel.name.startswith(f"torch-{build}-"))
