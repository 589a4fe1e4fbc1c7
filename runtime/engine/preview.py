"""A quick look at unfinished latents."""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor

from runtime.engine import images
from runtime.engine.memory import Store
from runtime.engine.model import Model

#: a decoder of at most this many parameters is quick enough to be used as it is
SMALL_DECODER = 10_000_000
#: red, green and blue of each of the four channels of a family's latents, and their ground (linear fits)
_COLOURS = ((0.298, 0.207, 0.208), (0.187, 0.286, 0.173), (-0.158, 0.189, 0.264), (-0.184, -0.271, -0.473))
_SDXL_COLOURS = ((0.471, 0.471, 0.471), (-0.471, -0.039, 0.078), (0.196, 0.118, -0.039), (-0.549, -0.392, -0.275))
_SDXL_GROUND = (0.176, 0.098, 0.020)


def preview(model: Model, latents: Tensor) -> bytes:
    """PNG of the first of `latents` (n, 4, h, w): decoded where the decoder is small, else 1/8 size by a linear fit."""
    store = model.store
    if decoder_is_small(store):
        with store.lend("vae") as vae:
            decoded = vae.decode(latents[:1].to(store.dtype("vae")) / model.traits.scaling).sample[0]
        return images.to_png(images.to_image(decoded))
    return images.to_png(linear(latents[0], model.traits.family.startswith("sdxl")))


def decoder_is_small(store: Store) -> bool:
    return store.size("vae") <= SMALL_DECODER


def linear(latent: Tensor, sdxl: bool = False) -> Image.Image:
    """(4, h, w) in the scale that the U-Net sees, as a picture of w x h pixels."""
    colours = torch.tensor(_SDXL_COLOURS if sdxl else _COLOURS, device=latent.device)
    ground = torch.tensor(_SDXL_GROUND if sdxl else (0.0, 0.0, 0.0), device=latent.device)
    return images.to_image(torch.einsum("chw,cr->rhw", latent.float(), colours) + ground[:, None, None])
