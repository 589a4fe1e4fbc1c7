"""A VAE from a file of its own, in the place of the checkpoint's, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import nn

from runtime.engine.checkpoint import check_tensors, empty_vae
from runtime.engine.configurations import family_constants, vae_widths
from runtime.engine.diffusers_folder import modern
from runtime.engine.filling import Blueprint, fill
from runtime.engine.layout import vae_part, vae_piece
from runtime.engine.model import Model
from runtime.engine.names import VAE
from runtime.engine.outline import read_outline
from runtime.engine.pieces import Part
from runtime.folders import Folders
from runtime.hashes import sha256_of
from runtime.job_options import JobOptions
from runtime.request import RequestError
from runtime.vaes import choose_vae

_ANOTHER = "Choose another VAE, or None for the checkpoint's own."
#: what only an autoencoder has, in the original's and in diffusers' names
_ORIGINAL, _DIFFUSERS = "encoder.down.0.block.0.conv1.weight", "encoder.down_blocks.0.resnets.0.conv1.weight"


@dataclass
class VaeRack:
    """The files of VAEs, and the hashes of those that were used."""

    folders: Folders
    hashing: bool = True
    _hashes: dict[tuple[Path, float], str] = field(default_factory=dict)

    def fit(self, model: Model, options: JobOptions) -> tuple[Model, tuple[str, ...]]:
        """(the model with the VAE that the options ask for, sentences for the user); the U-Net stays where it is.

        RequestError with a `vae-…` code if the file cannot be used.
        """
        choice = choose_vae(self.folders, model.path, options)
        comments = () if choice.comment is None else (choice.comment,)
        if choice.path is None:
            model.store.restore_vae()
            return replace(model, vae_name=None, vae_hash=None), comments
        stamp = choice.path, choice.path.stat().st_mtime
        if model.store.vae_source != stamp:
            policy = model.store.policy
            model.store.exchange_vae(load_vae(choice.path, policy.precision.vae, policy.channels_last), stamp)
        return replace(model, vae_name=choice.path.name, vae_hash=self._digits(stamp)), comments

    def _digits(self, stamp: tuple[Path, float]) -> str | None:
        if not self.hashing:
            return None
        if stamp not in self._hashes:
            self._hashes[stamp] = sha256_of(stamp[0])[:10]
        return self._hashes[stamp]


def load_vae(path: Path, dtype: torch.dtype, channels_last: bool = False) -> nn.Module:
    """An autoencoder of 4 latent channels; RequestError with a `vae-…` code says what is wrong with the file."""
    header = read_outline(path, "vae")
    part = _part(path.name, {name: shape for name, (_dtype, shape) in header.tensors.items()})
    try:
        widths = vae_widths(part.shapes)
    except (KeyError, IndexError) as absent:
        message = f"{path.name} lacks the tensor {part.original(str(absent.args[0]))}; it is no complete VAE."
        raise RequestError("vae-not-a-model", message, _ANOTHER) from absent
    vae = empty_vae(family_constants("sd1")["vae"] | widths)

    check_tensors(path.name, part, vae, "vae")
    fill(path, [Blueprint(vae, part, dtype, channels_last)], "vae")
    return vae


def _part(name: str, shapes: Mapping[str, tuple[int, ...]]) -> Part:
    """In the original's names, with or without their prefix, or in diffusers'."""
    if any(key.startswith(VAE.prefix) for key in shapes):
        return vae_part(VAE.prefix, shapes)
    if _ORIGINAL in shapes:
        return vae_part("", _of_an_autoencoder(shapes))
    if _DIFFUSERS in shapes:
        own = _of_an_autoencoder(shapes)
        return Part({modern(key): vae_piece(modern(key), key, shape) for key, shape in own.items()}, str)
    shown = ", ".join(list(shapes)[:3]) or "none"
    raise RequestError("vae-not-a-model", f"{name} is no VAE (its first tensors: {shown:.200}).", _ANOTHER)


def _of_an_autoencoder(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Training leaves a discriminator and averages beside the weights."""
    ours = ("encoder.", "decoder.", "quant_conv.", "post_quant_conv.")
    return {name: shape for name, shape in shapes.items() if name.startswith(ours)}
