"""Load a checkpoint, a file in its original layout or a diffusers folder: U-Net, autoencoder, text models; no hub."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from runtime.engine.architecture import Autoencoder, AutoencoderConfig, TextConfig, TextModel, UNet, UNetConfig
from runtime.engine.configurations import Configurations
from runtime.engine.filling import IGNORED, Blueprint, fill
from runtime.engine.judgement import judge
from runtime.engine.pieces import Layout, Part
from runtime.engine.precision import Precision
from runtime.engine.probe import measured_prediction
from runtime.engine.told import native_size, told_prediction, told_zero_snr
from runtime.engine.traits import Traits
from runtime.request import RequestError


@dataclass(frozen=True)
class Checkpoint:
    """The models in evaluation mode, on the CPU; `texts` are one or two text models, as `traits.family` says."""

    path: Path
    title: str
    unet: UNet
    vae: Autoencoder
    texts: tuple[TextModel, ...]
    traits: Traits
    #: the weights' memory is a mapped file, which need not be in this computer's memory as a whole
    on_disk: bool = False


@dataclass(frozen=True)
class Blank:
    """A checkpoint that can be loaded, and its models without memory."""

    layout: Layout
    configurations: Configurations
    unet: UNet
    vae: Autoencoder
    texts: tuple[TextModel, ...]


def prepare_checkpoint(path: Path) -> Blank:
    """All that can be said against `path` before its tensors are read: RequestError with a `checkpoint-…` code."""
    layout, configurations = judge(path)
    try:
        blank = Blank(layout, configurations, *empty_models(configurations))
    except (ValueError, TypeError, RuntimeError, ZeroDivisionError) as impossible:
        message = f"No model can be built with the widths of {path.name} ({impossible!s:.200})."
        raise RequestError("checkpoint-unsupported", message, "Choose another checkpoint.") from impossible
    check_tensors(path.name, layout.unet, blank.unet)
    check_tensors(path.name, layout.vae, blank.vae)
    for part, text in zip(layout.texts, blank.texts, strict=True):
        check_tensors(path.name, part, text)
    return blank


def load_checkpoint(
    path: Path,
    precision: Precision | None = None,
    blank: Blank | None = None,
    channels_last: bool = False,
    folder: Path | None = None,
) -> Checkpoint:
    """Read `path`; RequestError with a `checkpoint-…` code says what is wrong with it.

    `channels_last`: so U-Net and autoencoder are to lie in memory, or, where that is too small, in a file in `folder`.
    """
    # 1. judge by names and shapes; models without memory
    precision = precision or Precision()
    blank = blank or prepare_checkpoint(path)
    layout, unet, vae, texts = blank.layout, blank.unet, blank.vae, blank.texts
    # 2. the file's tensors as their parameters
    blueprints = [
        Blueprint(unet, layout.unet, precision.unet, channels_last),
        Blueprint(vae, layout.vae, precision.vae, channels_last),
    ]
    blueprints += [Blueprint(text, part, precision.text) for part, text in zip(layout.texts, texts, strict=True)]
    fill(layout.path, blueprints, folder=folder)
    # 3. what no shape tells
    traits = _traits(layout, blank.configurations, unet)
    title = path.name if path.is_dir() else path.stem
    return Checkpoint(path, title, unet, vae, texts, traits, folder is not None)


def bytes_of(blank: Blank, precision: Precision) -> int:
    """What its weights will take in memory."""
    parts = [(blank.unet, precision.unet), (blank.vae, precision.vae), *((one, precision.text) for one in blank.texts)]
    return sum(weight.numel() * dtype.itemsize for model, dtype in parts for weight in model.parameters())


def _traits(layout: Layout, configurations: Configurations, unet: UNet) -> Traits:
    """Only 2.x comes in both kinds without saying which: there, and for whole pictures, it is measured."""
    channels = configurations.unet["in_channels"]
    unknown = layout.family == "sd2" and channels == 4
    prediction = told_prediction(layout) or (measured_prediction(unet) if unknown else "epsilon")
    return Traits(
        layout.family,
        prediction,
        channels,
        configurations.vae["scaling_factor"],
        native_size(layout, configurations.native, prediction),
        told_zero_snr(layout),
    )


def empty_models(configurations: Configurations) -> tuple[UNet, Autoencoder, tuple[TextModel, ...]]:
    """Built on the meta device: no memory and no time for random weights that the file replaces."""
    with torch.device("meta"):
        unet = UNet(UNetConfig.of(configurations.unet))
        texts = tuple(
            TextModel(TextConfig.of(settings | {"projection_dim": projection}))
            for settings, projection in zip(configurations.texts, configurations.projections, strict=True)
        )
    return unet, empty_vae(configurations.vae), texts


def empty_vae(settings: Mapping[str, Any]) -> Autoencoder:
    """An autoencoder without memory."""
    with torch.device("meta"):
        return Autoencoder(AutoencoderConfig.of(settings))


def check_tensors(name: str, part: Part, model: nn.Module, kind: str = "checkpoint") -> None:
    """RequestError names what is missing, too many or misshapen."""
    wanted = {key: tuple(value.shape) for key, value in model.state_dict().items() if not key.endswith(IGNORED)}
    found = {key: piece.shape for key, piece in part.pieces.items() if not key.endswith(IGNORED)}
    missing = [key for key in wanted if key not in found]
    strange = [key for key in found if key not in wanted]
    misshapen = [key for key in wanted if key in found and found[key] != wanted[key]]
    for what, keys in (("lacks", missing), ("has a misshapen", misshapen), ("has an unexpected", strange)):
        if keys:
            named = part.pieces[keys[0]].name if keys[0] in part.pieces else part.original(keys[0])
            more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
            raise RequestError(
                f"{kind}-not-a-model" if what == "lacks" else f"{kind}-unsupported",
                f"{name} {what} tensor {named}{more}; it is no complete model of Stable Diffusion's.",
                "Choose another file, or download this one again.",
            )
