"""Load a Stable Diffusion 1.x `.safetensors` in its original layout: three models, no hub, no pickle."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors import safe_open
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from runtime.engine.configurations import Configurations, configure
from runtime.engine.names import TEXT, UNET, VAE, Names, vae_projection
from runtime.engine.traits import Traits
from runtime.request import RequestError
from runtime.safetensors_header import Header, read_header

#: sides in pixels; the metadata is anyone's writing, and what is beyond these was never trained on
SMALLEST_NATIVE_SIDE, LARGEST_NATIVE_SIDE = 64, 2048
#: early merges left this part out of the text model's names
_SHORT_TEXT_PREFIX = "cond_stage_model.transformer."
#: parts of a training run that drawing does not need
_IGNORED = ("position_ids", "text_projection.weight", "logit_scale")


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
    """The dtype of each of the three models."""

    unet: torch.dtype = torch.float32
    vae: torch.dtype = torch.float32
    text: torch.dtype = torch.float32


def load_checkpoint(path: Path, precision: Precision | None = None) -> Checkpoint:
    """Read `path`; RequestError with a `checkpoint-…` code says what is wrong with it."""
    # 1. judge by the header
    precision = precision or Precision()
    header = _with_full_names(read_header(path, "checkpoint"))
    configurations = configure(path.name, header)
    # 2. models without memory, then the file's tensors as their parameters
    unet, vae, text = _empty_models(configurations)
    try:
        with safe_open(path, framework="pt") as file:
            for part, model, dtype in (
                (UNET, unet, precision.unet),
                (VAE, vae, precision.vae),
                (TEXT, text, precision.text),
            ):
                _fill(path.name, part, model, _tensors(file, part, dtype))
    except (OSError, ValueError) as broken:
        message = f"{path.name} cannot be read: {broken}."
        raise RequestError("checkpoint-unreadable", message, "Check its disk and try again.") from broken
    return Checkpoint(path, path.stem, unet, vae, (text,), Traits(native=native_size(header.metadata)))


def native_size(metadata: Mapping[str, str]) -> tuple[int, int]:
    """(width, height) that the file's maker names, if a model can be trained on it, else 512 x 512."""
    written = re.fullmatch(r"([0-9]{2,4})x([0-9]{2,4})", metadata.get("modelspec.resolution", ""))
    width, height = (int(side) for side in written.groups()) if written else (0, 0)
    if all(SMALLEST_NATIVE_SIDE <= side <= LARGEST_NATIVE_SIDE for side in (width, height)):
        return width, height
    return 512, 512


def _full_name(name: str) -> str:
    if name.startswith(_SHORT_TEXT_PREFIX) and not name.startswith(TEXT.prefix):
        return TEXT.prefix + name[len(_SHORT_TEXT_PREFIX) :]
    return name


def _with_full_names(header: Header) -> Header:
    return Header({_full_name(name): value for name, value in header.tensors.items()}, header.metadata)


def _empty_models(configurations: Configurations) -> tuple[nn.Module, nn.Module, nn.Module]:
    """Built on the meta device: no memory and no time for random weights that the file replaces."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(**configurations.unet)
        vae = AutoencoderKL(**configurations.vae)
        text = CLIPTextModel(CLIPTextConfig(**configurations.text))
    # some releases of transformers wrap the text model once more
    return unet, vae, getattr(text, "text_model", text)


def _tensors(file: Any, part: Names, dtype: torch.dtype) -> Iterator[tuple[str, Tensor]]:
    """(our name, tensor in `dtype`) of every tensor of `part`; unknown names come out unchanged."""
    for name in file.keys():  # noqa: SIM118 - not a mapping
        full = _full_name(name)
        if full.startswith(part.prefix) and not full.endswith(_IGNORED) and ".loss." not in full:
            ours = part.ours(full) or full
            # a copy: a tensor that lies in the mapped file would kill the process if the file changed under it
            tensor: Tensor = file.get_tensor(name).to(dtype, copy=True)
            if part is VAE and vae_projection(ours) and tensor.ndim == 4:
                tensor = tensor[:, :, 0, 0]
            yield ours, tensor


def _fill(name: str, part: Names, model: nn.Module, tensors: Iterator[tuple[str, Tensor]]) -> None:
    """Make the file's tensors the model's parameters; RequestError names what is missing, too many or misshapen."""
    wanted = {key: value.shape for key, value in model.state_dict().items() if not key.endswith(_IGNORED)}
    found = dict(tensors)
    missing = [part.original(key) or key for key in wanted if key not in found]
    strange = [part.original(key) or key for key in found if key not in wanted]
    misshapen = [part.original(key) or key for key in wanted if key in found and found[key].shape != wanted[key]]
    for what, keys in (("lacks", missing), ("has a misshapen", misshapen), ("has an unexpected", strange)):
        if keys:
            more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
            raise RequestError(
                "checkpoint-not-a-model" if what == "lacks" else "checkpoint-unsupported",
                f"{name} {what} tensor {keys[0]}{more}; it is no complete Stable Diffusion 1.x checkpoint.",
                "Choose another file, or download this one again.",
            )
    model.load_state_dict(found, strict=False, assign=True)
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
