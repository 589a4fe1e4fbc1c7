"""What both trainings share: the demo model, drawings as latents, and the loss of a noise prediction."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from runtime.engine.checkpoint import load_checkpoint
from runtime.engine.tokenizer import END, START, token_ids

DEMO = Path(__file__).resolve().parents[2] / "runtime" / "assets" / "demo" / "gesso-demo.safetensors"
CONTEXT = 77
#: as in the model's own training: the mean colour comes from the prompt
OFFSET_NOISE = 0.12


@dataclass(frozen=True)
class Pupil:
    """The demo model's parts, in float32; frozen, so that only what is added learns."""

    unet: Any
    vae: Any
    text: Any
    scaling: float

    @torch.no_grad()
    def latents(self, pictures: Sequence[Image.Image]) -> Tensor:
        """(n, 4, h/8, w/8), as the U-Net sees them."""
        pixels = [torch.from_numpy(np.asarray(one, dtype=np.float32) / 127.5 - 1) for one in pictures]
        whole = torch.stack(pixels).permute(0, 3, 1, 2)
        return (
            torch.cat([self.vae.encode(batch)[0] for batch in whole.tensor_split(max(1, len(whole) // 8))])
            * self.scaling
        )

    def states(self, ids: Tensor) -> Tensor:
        """Hidden states of (n, 77) token ids."""
        hidden: Tensor = self.text(ids).last_hidden_state
        return hidden


def load_pupil() -> Pupil:
    checkpoint = load_checkpoint(DEMO)
    return Pupil(checkpoint.unet, checkpoint.vae, checkpoint.texts[0], checkpoint.traits.scaling)


def padded(ids: Sequence[int]) -> Tensor:
    """(77,): start, text, padded with the end mark."""
    framed = [START, *ids[: CONTEXT - 2]]
    return torch.tensor(framed + [END] * (CONTEXT - len(framed)))


def padded_text(text: str) -> Tensor:
    return padded(token_ids(text))


def noise_loss(unet: Any, latents: Tensor, states: Tensor) -> Tensor:
    """Mean squared error of the predicted noise, weighted by min-SNR-5 (Hang et al. 2023)."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    kept = (1 - betas).cumprod(0).float()
    ratio = kept / (1 - kept)
    times = torch.randint(0, 1000, (len(latents),))
    noise = torch.randn_like(latents) + OFFSET_NOISE * torch.randn(len(latents), 4, 1, 1)
    share = kept[times].view(-1, 1, 1, 1)
    noisy = share.sqrt() * latents + (1 - share).sqrt() * noise
    error = (unet(noisy, times, states) - noise) ** 2
    loss: Tensor = (error.mean((1, 2, 3)) * (torch.clamp(ratio, max=5.0) / ratio)[times]).mean()
    return loss


def learn(parameters: Sequence[Tensor], rate: float, steps: int, loss_of: Callable[[random.Random], Tensor]) -> None:
    """Adam, its rate falling along a line to a tenth; prints the mean loss of every 25 steps."""
    optimiser = torch.optim.Adam(parameters, lr=rate, betas=(0.9, 0.99))
    rng, seen = random.Random(0), 0.0
    for step in range(1, steps + 1):
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, step / 20) * (1 - 0.9 * step / steps)
        loss = loss_of(rng)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        seen += loss.item()
        if step % 25 == 0:
            print(f"{step}/{steps} loss {seen / 25:.4f}", flush=True)
            seen = 0.0
