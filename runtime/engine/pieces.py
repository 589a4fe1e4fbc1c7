"""Which tensor of which file becomes which parameter; no tensor is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runtime.engine.traits import Family


@dataclass(frozen=True)
class Piece:
    """The file's tensor, the parameter's shape, and what is taken: "" all, "flat" a 1x1 convolution as a matrix,
    "turned" its transpose, "q", "k" or "v" that third of its first axis.
    """

    name: str
    shape: tuple[int, ...]
    cut: str = ""
    #: None: the checkpoint's one file
    file: Path | None = None


@dataclass(frozen=True)
class Part:
    """One model: our parameter's name -> piece, and the name that its file would have for one that is not there."""

    pieces: Mapping[str, Piece]
    original: Callable[[str], str]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: piece.shape for name, piece in self.pieces.items()}


@dataclass(frozen=True)
class Layout:
    """A whole checkpoint."""

    path: Path
    family: Family
    unet: Part
    vae: Part
    texts: tuple[Part, ...]
    metadata: Mapping[str, str] = field(default_factory=dict)
    #: names of tensors that say something by being there
    markers: frozenset[str] = frozenset()
    #: what a diffusers folder's scheduler says, strings
    scheduler: Mapping[str, str] = field(default_factory=dict)
    #: what a diffusers folder says of its autoencoder
    scaling: float | None = None
