"""A loaded checkpoint where it draws, with what is written into pictures about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runtime.engine.memory import Store
from runtime.engine.traits import Traits


@dataclass(frozen=True)
class Model:
    """`sha256` is None where files are not hashed; `vae_name` and `vae_hash` (ten digits) where the VAE is its own."""

    title: str
    path: Path
    store: Store
    traits: Traits
    sha256: str | None = None
    vae_name: str | None = None
    vae_hash: str | None = None
