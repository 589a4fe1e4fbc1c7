"""The tiny decoder for previews (TAESD): latents as the U-Net sees them to pictures, with little work."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from runtime.engine.outline import state_of
from runtime.engine.tensors import read_tensors
from runtime.request import RequestError

_LOG = logging.getLogger(__name__)
#: in the folders for small decoders under models/, AUTOMATIC1111's and others'
FOLDERS = ("VAE-taesd", "VAE-approx", "vae_approx")
ENDINGS = (".safetensors", ".pth")
_WIDTH = 64
#: how diffusers' files call the layers; they do not count the first, which has no weights
_PREFIX = "decoder.layers."


class _Soft(nn.Module):
    """Keeps latents within ±3."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x / 3) * 3


class _Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layers = [layer for _ in range(3) for layer in (nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1), nn.ReLU(inplace=True))]
        self.conv = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.conv(x) + x
        return made.relu_()


class TinyDecoder(nn.Module):
    """Three levels of blocks, each followed by doubling; the names of its weights are the file's."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [_Soft(), nn.Conv2d(4, _WIDTH, 3, padding=1), nn.ReLU(inplace=True)]
        for _ in range(3):
            layers += [_Block(), _Block(), _Block(), nn.Upsample(scale_factor=2)]
            layers.append(nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1, bias=False))
        self.layers = nn.Sequential(*layers, _Block(), nn.Conv2d(_WIDTH, 3, 3, padding=1))

    def forward(self, latents: Tensor) -> Tensor:
        """(n, 4, h, w) in the scale that the U-Net sees to (n, 3, 8h, 8w) in -1 … 1."""
        made: Tensor = self.layers(latents)
        return made * 2 - 1


def load(path: Path) -> TinyDecoder:
    """On the CPU in float32; RequestError `preview-…` says what is wrong with the file."""
    found, _metadata = read_tensors(path, "preview")
    weights = {_name(str(name)): value.float() for name, value in state_of(found, Tensor).items()}
    decoder = TinyDecoder().requires_grad_(False)
    try:
        decoder.layers.load_state_dict({name: weights[name] for name in decoder.layers.state_dict()})
    except (KeyError, RuntimeError) as unfit:
        message = f"{path.name} is no tiny decoder of 4 latent channels ({str(unfit).splitlines()[0]})."
        raise RequestError("preview-unfit", message, "Download taesd_decoder.safetensors again.") from unfit
    return decoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _name(name: str) -> str:
    if not name.startswith(_PREFIX):
        return name
    number, _dot, rest = name.removeprefix(_PREFIX).partition(".")
    return f"{int(number) + 1}.{rest}"


def find(models: Sequence[Path], sdxl: bool) -> Path | None:
    """The decoder's file of a family below one of these folders of models, if it is there."""
    stem = "taesdxl_decoder" if sdxl else "taesd_decoder"
    places = (
        models_folder / folder / (stem + ending) for models_folder in models for folder in FOLDERS for ending in ENDINGS
    )
    return next((place for place in places if place.is_file()), None)


class TinyDecoders:
    """Those of the families, each loaded when it is first asked for."""

    def __init__(self, models: Sequence[Path]) -> None:
        self._models = tuple(models)
        self._loaded: Mapping[Path, TinyDecoder | None] = {}

    def get(self, sdxl: bool, device: torch.device, dtype: torch.dtype) -> TinyDecoder | None:
        """Ready on `device`; None without a file, or with one that is none (which is said once, in the log)."""
        path = find(self._models, sdxl)
        if path is None:
            return None
        if path not in self._loaded:
            self._loaded = {path: _read(path)}
        decoder = self._loaded[path]
        return None if decoder is None else decoder.to(device, dtype)


def _read(path: Path) -> TinyDecoder | None:
    try:
        return load(path)
    except RequestError as unfit:
        _LOG.warning("%s Previews are made without it.", unfit)
        return None
