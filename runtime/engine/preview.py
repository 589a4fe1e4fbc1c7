"""A quick look at unfinished latents."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from runtime.engine.memory import Store
from runtime.engine.model import Model
from runtime.engine.tiny_decoder import TinyDecoders

#: a decoder of at most this many parameters is quick enough to be used as it is
SMALL_DECODER = 10_000_000
#: red, green and blue of each of the four channels of a family's latents, and their ground (linear fits)
_COLOURS = ((0.298, 0.207, 0.208), (0.187, 0.286, 0.173), (-0.158, 0.189, 0.264), (-0.184, -0.271, -0.473))
_SDXL_COLOURS = ((0.471, 0.471, 0.471), (-0.471, -0.039, 0.078), (0.196, 0.118, -0.039), (-0.549, -0.392, -0.275))
_SDXL_GROUND = (0.176, 0.098, 0.020)


def glimpse(model: Model, latents: Tensor, tiny: TinyDecoders | None = None, method: str = "TAESD") -> Tensor:
    """The first of `latents` (n, 4, h, w) as (3, height, width) in -1 … 1, on its device; nothing waits for it there.

    `method` as AUTOMATIC1111 calls them: decoded by the VAE where it is small or "Full" is asked for; by the family's
    tiny decoder where its file is there and the method is not "Approx cheap"; else at an eighth of the size, linearly.
    "Full" counts only where all models are on the device: nobody planned for the VAE beside the U-Net elsewhere.
    """
    store, sdxl = model.store, model.traits.family.startswith("sdxl")
    if decoder_is_small(store) or (method == "Full" and store.policy.mode == "full"):
        with store.lend("vae") as vae:
            decoded: Tensor = vae.decode(latents[:1].to(store.dtype("vae")) / model.traits.scaling)[0]
        return decoded
    decoder = None
    if tiny is not None and method != "Approx cheap":
        decoder = tiny.get(sdxl, store.device, store.dtype("vae"))
    if decoder is None:
        return linear(latents[0], sdxl)
    shown: Tensor = decoder(latents[:1].to(store.dtype("vae")))[0]
    return shown.float()


def decoder_is_small(store: Store) -> bool:
    return store.size("vae") <= SMALL_DECODER


def linear(latent: Tensor, sdxl: bool = False) -> Tensor:
    """(4, h, w) in the scale that the U-Net sees, as a picture (3, h, w)."""
    colours, ground = _fit(sdxl, latent.device)
    return torch.einsum("chw,cr->rhw", latent.float(), colours) + ground[:, None, None]


@cache
def _fit(sdxl: bool, device: torch.device) -> tuple[Tensor, Tensor]:
    """On the device once and for all: to send them there would wait for what it does."""
    colours = torch.tensor(_SDXL_COLOURS if sdxl else _COLOURS, device=device)
    return colours, torch.tensor(_SDXL_GROUND if sdxl else (0.0, 0.0, 0.0), device=device)
