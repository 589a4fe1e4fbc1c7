"""A loaded checkpoint where it draws, with what is written into pictures about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runtime.engine.memory import Store
from runtime.engine.traits import Traits
from runtime.hashes import Digest


@dataclass(frozen=True)
class Model:
    """`vae_name` and `vae_hash` (ten digits) where the VAE is its own."""

    title: str
    path: Path
    store: Store
    traits: Traits
    #: None where files are not hashed
    sha256: str | Digest | None = None
    vae_name: str | None = None
    vae_hash: str | None = None
