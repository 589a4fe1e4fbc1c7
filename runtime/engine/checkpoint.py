"""Load a checkpoint, a file in its original layout or a diffusers folder: U-Net, autoencoder, text models; no hub."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from runtime.engine.configurations import Configurations
from runtime.engine.judgement import judge
from runtime.engine.pieces import Layout, Part, Piece
from runtime.engine.probe import measured_prediction
from runtime.engine.tensors import Opened, open_tensors
from runtime.engine.told import native_size, told_prediction, told_zero_snr
from runtime.engine.traits import Traits
from runtime.request import RequestError

#: parts of a training run that drawing does not need
_IGNORED = ("position_ids", "logit_scale", "attn_mask")


@dataclass(frozen=True)
class Checkpoint:
    """The models in evaluation mode, on the CPU; `texts` are one or two text models, as `traits.family` says."""

    path: Path
    title: str
    unet: Any
    vae: Any
    texts: tuple[Any, ...]
    traits: Traits


@dataclass(frozen=True)
class Precision:
    """The dtype of each kind of model."""

    unet: torch.dtype = torch.float32
    vae: torch.dtype = torch.float32
    text: torch.dtype = torch.float32


@dataclass(frozen=True)
class Blank:
    """A checkpoint that can be loaded, and its models without memory."""

    layout: Layout
    configurations: Configurations
    unet: nn.Module
    vae: nn.Module
    texts: tuple[nn.Module, ...]


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


def load_checkpoint(path: Path, precision: Precision | None = None, blank: Blank | None = None) -> Checkpoint:
    """Read `path`; RequestError with a `checkpoint-…` code says what is wrong with it."""
    # 1. judge by names and shapes; models without memory
    precision = precision or Precision()
    blank = blank or prepare_checkpoint(path)
    layout, unet, vae, texts = blank.layout, blank.unet, blank.vae, blank.texts
    # 2. the file's tensors as their parameters
    with ExitStack() as stack:
        files = _Files(layout, stack)
        fill(unet, files.read(layout.unet, precision.unet))
        fill(vae, files.read(layout.vae, precision.vae))
        for part, text in zip(layout.texts, texts, strict=True):
            fill(text, files.read(part, precision.text))
    # 3. what no shape tells
    traits = _traits(layout, blank.configurations, unet)
    title = path.name if path.is_dir() else path.stem
    return Checkpoint(path, title, unet, vae, texts, traits)


def _traits(layout: Layout, configurations: Configurations, unet: Any) -> Traits:
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


def empty_models(configurations: Configurations) -> tuple[Any, Any, tuple[Any, ...]]:
    """Built on the meta device: no memory and no time for random weights that the file replaces."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(**configurations.unet)
        texts = tuple(
            _empty_text(settings, projection)
            for settings, projection in zip(configurations.texts, configurations.projections, strict=True)
        )
    return unet, empty_vae(configurations.vae), texts


def empty_vae(settings: Mapping[str, Any]) -> nn.Module:
    """An autoencoder without memory."""
    with torch.device("meta"):
        vae: nn.Module = AutoencoderKL(**settings)
    return vae


def _empty_text(settings: Mapping[str, Any], projection: int | None) -> nn.Module:
    """The text model with its projection, where the file has one, beside its layers as `text_projection`."""
    whole = CLIPTextModel(CLIPTextConfig(**settings))
    # some releases of transformers wrap the text model once more
    text: nn.Module = getattr(whole, "text_model", whole)
    if projection is not None:
        text.text_projection = nn.Linear(settings["hidden_size"], projection, bias=False)
    return text


class _Files:
    """The checkpoint's files, each opened once."""

    def __init__(self, layout: Layout, stack: ExitStack) -> None:
        self._path, self._stack = layout.path, stack
        self._open: dict[Path, Opened] = {}

    def read(self, part: Part, dtype: torch.dtype) -> Iterator[tuple[str, Tensor]]:
        """(our name, tensor in `dtype`) of every piece."""
        for name, piece in part.pieces.items():
            if not name.endswith(_IGNORED):
                yield name, take(piece, self._opened(piece.file or self._path).get(piece.name), dtype)

    def _opened(self, path: Path) -> Opened:
        if path not in self._open:
            self._open[path] = self._stack.enter_context(open_tensors(path, "checkpoint"))
        return self._open[path]


def take(piece: Piece, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """The parameter as a copy: a tensor that lies in the mapped file would end the process if the file changed."""
    if piece.cut == "flat":
        tensor = tensor[:, :, 0, 0]
    elif piece.cut == "turned":
        tensor = tensor.t()
    elif piece.cut:
        tensor = tensor.chunk(3)["qkv".index(piece.cut)]
    return tensor.to(dtype, copy=True).contiguous()


def check_tensors(name: str, part: Part, model: nn.Module, kind: str = "checkpoint") -> None:
    """RequestError names what is missing, too many or misshapen."""
    wanted = {key: tuple(value.shape) for key, value in model.state_dict().items() if not key.endswith(_IGNORED)}
    found = {key: piece.shape for key, piece in part.pieces.items() if not key.endswith(_IGNORED)}
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


def fill(model: nn.Module, tensors: Iterator[tuple[str, Tensor]]) -> None:
    """Make the tensors the parameters of a model without memory."""
    model.load_state_dict(dict(tensors), strict=False, assign=True)
    _place_buffers(model)
    model.eval().requires_grad_(False)


def _place_buffers(model: nn.Module) -> None:
    """Give what no file holds (the text model's position numbers) its values."""
    for holder in model.modules():
        for key, buffer in list(holder.named_buffers(recurse=False)):
            if buffer.is_meta and key == "position_ids":
                setattr(holder, key, torch.arange(buffer.shape[-1]).expand(buffer.shape))
            elif buffer.is_meta:
                raise AssertionError(f"{key} of {type(holder).__name__} has no values")
