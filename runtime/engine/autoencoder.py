"""Pictures to latents and back; what overflows is done once more in a wider precision, what is too large in strips."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from runtime.engine import strips
from runtime.engine.architecture.autoencoder import Autoencoder
from runtime.engine.model import Model
from runtime.engine.shortage import free_memory, lacks_memory
from runtime.engine.strips import Strips
from runtime.engine.tiling import wrapped
from runtime.job_options import JobOptions
from runtime.request import RequestError

if TYPE_CHECKING:
    from runtime.engine.memory import Planner

#: seeds of what is drawn from the autoencoder's distribution lie this far from those of the first noise
_APART = 2**63


#: heights of strips, in latents, that are tried one after the other where memory runs out; None is the whole picture
_HEIGHTS = (None, 16, 4, 1)
#: of the autoencoder, one input and how it is taken: in strips, or (None) in one piece
_Way = Callable[[Autoencoder, Tensor, Strips | None], Tensor]


@dataclass(frozen=True)
class Coder:
    """The autoencoder of a model for one job.

    `retry`: one that overflows goes on in a precision that does not, for this and all later pictures; `tiling`: edges
    meet; `planner` says in what strips pictures are read.
    """

    model: Model
    retry: bool = True
    tiling: bool = False
    planner: Planner | None = None

    @property
    def dtype(self) -> torch.dtype:
        return self.model.store.dtype("vae")

    def rows_to_encode(self, pictures: Sequence[Tensor]) -> int | None:
        """The same for all: those of the largest."""
        store = self.model.store
        if self.planner is None:
            return store.policy.vae_rows
        _, height, width = max((one.shape for one in pictures), key=math.prod)
        return self.planner.before_encoding(store, self.model.traits.family, width, height)

    def each(self, run: _Way, inputs: Sequence[Tensor], planned: int | None) -> list[Tensor]:
        """Every input by itself, in strips of so many rows of latents or (None) whole, as it was planned.

        RequestError `nan-vae` if what comes out are no numbers.
        """
        store = self.model.store
        with store.lend("vae") as vae, wrapped(*([vae] if self.tiling else [])):
            made = self._fitting(run, vae, inputs, planned)
            for wide in _wider(self.dtype, store.device) if self.retry else ():
                if _finite(made):
                    break
                store.widen("vae", wide)
                made = self._fitting(run, vae, inputs, planned)
        if store.policy.check_numbers and not _finite(made):
            message = "The VAE produced numbers that are no numbers, so there is no picture."
            raise RequestError("nan-vae", message, "Start with --no-half-vae, or choose another VAE or checkpoint.")
        return made

    def _fitting(self, run: _Way, vae: Autoencoder, inputs: Sequence[Tensor], planned: int | None) -> list[Tensor]:
        """As planned; in smaller strips where memory runs out, and at last with less beside them."""
        heights = [planned, *(rows for rows in _HEIGHTS if rows and (planned is None or rows < planned))]
        made: list[Tensor] = []
        while len(made) < len(inputs):
            try:
                made.append(run(vae, inputs[len(made)], None if heights[0] is None else Strips(heights[0])))
                continue
            except (RuntimeError, MemoryError) as failure:
                if not lacks_memory(failure):
                    raise
                # what it holds of the attempt goes with it
                lacking = failure.with_traceback(None)
            if len(heights) > 1:
                heights.pop(0)
                free_memory()
            elif not self.model.store.make_room():
                raise lacking
        return made


def _wider(dtype: torch.dtype, device: torch.device) -> list[torch.dtype]:
    """Precisions that hold what overflows in `dtype`: bfloat16 first, where the card has it, since it takes no more."""
    if dtype == torch.float32:
        return []
    brain = dtype == torch.float16 and device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return [torch.bfloat16, torch.float32] if brain else [torch.float32]


def decode(coder: Coder, latents: Tensor) -> list[Tensor]:
    """Pictures (3, height, width) in -1 … 1."""

    def one(vae: Autoencoder, latent: Tensor, cut: Strips | None) -> Tensor:
        sized = (latent / coder.model.traits.scaling).to(coder.dtype)[None]
        return (vae.decode(sized) if cut is None else strips.decode(vae, sized, cut))[0].float()

    return coder.each(one, list(latents), coder.model.store.policy.vae_rows)


def encode(coder: Coder, pictures: Sequence[Tensor], seeds: Sequence[int]) -> list[Tensor]:
    """Latents (4, h, w) in float32 of one (3, height, width) picture per seed, drawn from the distribution around each.

    A picture that occurs several times is encoded once.
    """
    different = list({id(one): one for one in pictures}.values())
    encoded = dict(zip(map(id, different), _distributions(coder, different), strict=True))
    return [
        _drawn(encoded[id(one)], seed) * coder.model.traits.scaling for one, seed in zip(pictures, seeds, strict=True)
    ]


def _drawn(distribution: Tensor, seed: int) -> Tensor:
    mean, deviation = distribution.chunk(2)
    generator = torch.Generator("cpu").manual_seed((seed + _APART) % (2 * _APART))
    return mean + deviation * torch.randn(mean.shape, generator=generator).to(mean.device)


def _distributions(coder: Coder, pictures: list[Tensor]) -> list[Tensor]:
    """(8, h, w): mean and standard deviation."""

    def one(vae: Autoencoder, picture: Tensor, cut: Strips | None) -> Tensor:
        shown = picture.to(coder.model.store.device, coder.dtype)[None]
        mean, deviation = vae.encode(shown) if cut is None else strips.encode(vae, shown, cut)
        return torch.cat([mean[0], deviation[0]]).float()

    return coder.each(one, pictures, coder.rows_to_encode(pictures))


def _finite(made: Sequence[Tensor]) -> bool:
    return all(bool(torch.isfinite(one).all()) for one in made)


def seen(
    coder: Coder,
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
    wanted = coder.model.traits.input_channels
    if wanted == 8:
        return _shown(coder, pictures, len(seeds), cells)
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
    latents = torch.stack(encode(coder, pictures, seeds))
    small = torch.nn.functional.interpolate(masked[None], size=cells).expand(len(seeds), -1, -1, -1)
    return torch.cat([small.to(latents.device), latents], dim=1)


def _shown(coder: Coder, pictures: Sequence[Tensor] | None, count: int, cells: tuple[int, int]) -> Tensor:
    """instruct-pix2pix was trained on the distribution's mean, not scaled."""
    if pictures is None:
        return torch.zeros(count, 4, *cells, device=coder.model.store.device)
    different = list({id(one): one for one in pictures}.values())
    found = dict(zip(map(id, different), _distributions(coder, different), strict=True))
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
