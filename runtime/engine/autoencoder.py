"""Pictures to latents and back; what overflows in half precision is done once more in float32."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from runtime.engine.model import Model
from runtime.job_options import JobOptions
from runtime.request import RequestError

#: seeds of what is drawn from the autoencoder's distribution lie this far from those of the first noise
_APART = 2**63


def decode(model: Model, latents: Tensor, retry: bool = True) -> list[Tensor]:
    """Pictures (3, height, width) in -1 … 1, one at a time; RequestError `nan-vae` if they are no numbers.

    `retry`: a decoder that overflows goes on in float32, for this and all later pictures.
    """

    def one(vae: torch.nn.Module, latent: Tensor) -> Tensor:
        decoded: Tensor = vae.decode((latent / model.traits.scaling).to(_dtype(model))[None]).sample[0]  # type: ignore[operator]
        return decoded.float()

    return _each(model, one, list(latents), retry)


def encode(model: Model, pictures: Sequence[Tensor], seeds: Sequence[int], retry: bool = True) -> list[Tensor]:
    """Latents (4, h, w) in float32 of one (3, height, width) picture per seed, drawn from the distribution around each.

    A picture that occurs several times is encoded once.
    """
    different = list({id(one): one for one in pictures}.values())
    encoded = dict(zip(map(id, different), _distributions(model, different, retry), strict=True))
    return [_drawn(encoded[id(one)], seed) * model.traits.scaling for one, seed in zip(pictures, seeds, strict=True)]


def _drawn(distribution: Tensor, seed: int) -> Tensor:
    mean, deviation = distribution.chunk(2)
    generator = torch.Generator("cpu").manual_seed((seed + _APART) % (2 * _APART))
    return mean + deviation * torch.randn(mean.shape, generator=generator).to(mean.device)


def _distributions(model: Model, pictures: list[Tensor], retry: bool) -> list[Tensor]:
    """(8, h, w): mean and standard deviation."""

    def one(vae: torch.nn.Module, picture: Tensor) -> Tensor:
        found = vae.encode(picture.to(model.store.device, _dtype(model))[None]).latent_dist  # type: ignore[operator]
        return torch.cat([found.mean[0], found.std[0]]).float()

    return _each(model, one, pictures, retry)


def _dtype(model: Model) -> torch.dtype:
    return model.store.dtype("vae")


def _each(
    model: Model, run: Callable[[torch.nn.Module, Tensor], Tensor], inputs: list[Tensor], retry: bool
) -> list[Tensor]:
    with model.store.lend("vae") as vae:
        made = [run(vae, one) for one in inputs]
        if retry and not _finite(made) and _dtype(model) != torch.float32:
            model.store.widen("vae")
            made = [run(vae, one) for one in inputs]
    if not _finite(made):
        message = "The VAE produced numbers that are no numbers, so there is no picture."
        raise RequestError("nan-vae", message, "Start with --no-half-vae, or choose another VAE or checkpoint.")
    return made


def _finite(made: Sequence[Tensor]) -> bool:
    return all(bool(torch.isfinite(one).all()) for one in made)


def seen(
    model: Model,
    pictures: Sequence[Tensor] | None,
    mask: Image.Image | None,
    seeds: Sequence[int],
    cells: tuple[int, int],
    options: JobOptions,
    rounded: bool = True,
) -> Tensor | None:
    """What U-Nets of more than four channels see beside the noisy latents, for a batch; None for all others.

    Inpainting models see a mask and the picture without what is masked; without a picture all is masked and grey, as
    in AUTOMATIC1111. instruct-pix2pix sees the picture. `cells` is (height, width) of the latents.
    """
    wanted = model.traits.input_channels
    if wanted == 8:
        return _shown(model, pictures, len(seeds), cells, options)
    if wanted != 9:
        return None
    height, width = cells[0] * 8, cells[1] * 8
    if pictures is None:
        grey = torch.zeros(3, height, width)
        pictures, masked = [grey] * len(seeds), torch.ones(1, height, width)
    else:
        masked = _full_mask(mask, height, width, rounded)
        sized = {id(one): _hidden(one, masked, options.inpainting_mask_weight) for one in pictures}
        pictures = [sized[id(one)] for one in pictures]
    latents = torch.stack(encode(model, pictures, seeds, options.auto_vae_precision))
    small = torch.nn.functional.interpolate(masked[None], size=cells).expand(len(seeds), -1, -1, -1)
    return torch.cat([small.to(latents.device), latents], dim=1)


def _shown(
    model: Model, pictures: Sequence[Tensor] | None, count: int, cells: tuple[int, int], options: JobOptions
) -> Tensor:
    """instruct-pix2pix was trained on the distribution's mean, not scaled."""
    if pictures is None:
        return torch.zeros(count, 4, *cells, device=model.store.device)
    different = list({id(one): one for one in pictures}.values())
    found = dict(zip(map(id, different), _distributions(model, different, options.auto_vae_precision), strict=True))
    means = [torch.nn.functional.interpolate(found[id(one)][None, :4], size=cells)[0] for one in pictures]
    return torch.stack(means)


def _full_mask(mask: Image.Image | None, height: int, width: int, rounded: bool) -> Tensor:
    if mask is None:
        return torch.ones(1, height, width)
    shares = torch.from_numpy(np.array(mask.resize((width, height)), dtype=np.float32) / 255)[None]
    return shares.round() if rounded else shares


def _hidden(picture: Tensor, masked: Tensor, weight: float) -> Tensor:
    """The picture, grey by `weight` where it is masked."""
    if picture.shape[1:] != masked.shape[1:]:
        picture = torch.nn.functional.interpolate(picture[None], size=masked.shape[1:], mode="bilinear")[0]
    return torch.lerp(picture, picture * (1 - masked), weight)
