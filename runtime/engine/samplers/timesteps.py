"""Samplers that walk the training timesteps: DDIM, DDIM CFG++ and PLMS.

Their own x is sqrt(alpha) * picture + sqrt(1 - alpha) * noise. Here it is divided by sqrt(alpha), which makes it
picture + sigma * noise with sigma = sqrt((1 - alpha) / alpha); the result is multiplied back at the last level.
Sources: Song et al. 2021 (DDIM), Chung et al. 2024 (CFG++), Liu et al. 2022 (PLMS).
"""

from __future__ import annotations

import math
from typing import Protocol, cast

from torch import Tensor

from runtime.engine.samplers.walk import Walk, slope


class TwoSided(Protocol):
    """A denoiser that keeps what the negative prompt alone estimated in its last call."""

    unconditional: Tensor


def undivided(x: Tensor, sigma: float) -> Tensor:
    """x as it was trained on, multiplied by sqrt(alpha) of this level."""
    return x / math.hypot(1.0, sigma)


def ddim(x: Tensor, walk: Walk) -> Tensor:
    """DDIM, from level to level."""
    for step, sigma, following in walk.steps():
        clean = walk.denoise(x, sigma)
        x = _ddim_step(clean, slope(x, clean, sigma), sigma, following, walk)
        walk.after(step, x, clean)
    return undivided(x, walk.sigmas[-1])


def ddim_cfgpp(x: Tensor, walk: Walk) -> Tensor:
    """DDIM whose direction is the noise that the negative prompt alone sees."""
    for step, sigma, following in walk.steps():
        clean = walk.denoise(x, sigma)
        alone = cast(TwoSided, walk.denoise).unconditional
        x = _ddim_step(clean, slope(x, alone, sigma), sigma, following, walk)
        walk.after(step, x, clean)
    return undivided(x, walk.sigmas[-1])


def _ddim_step(clean: Tensor, noise: Tensor, sigma: float, following: float, walk: Walk) -> Tensor:
    """Formula 12 of the DDIM paper, divided by the square root of the next alpha."""
    renewed = walk.eta * ddim_deviation(sigma, following)
    x = clean + noise * math.sqrt(max(following**2 - renewed**2, 0.0))
    # a step between two equal levels draws, too: later draws are the same as AUTOMATIC1111's
    return x + walk.fresh(sigma, following) * renewed if walk.eta > 0 else x


def ddim_deviation(sigma: float, following: float) -> float:
    """Formula 16 of the DDIM paper at eta 1, divided by the square root of the next alpha."""
    alpha, next_alpha = 1 / (1 + sigma**2), 1 / (1 + following**2)
    trained = math.sqrt((1 - next_alpha) / (1 - alpha) * (1 - alpha / next_alpha))
    return trained / math.sqrt(next_alpha)


#: Adams and Bashforth's weights, newest first, for one to four known estimates
PLMS_WEIGHTS = ((1.0,), (3 / 2, -1 / 2), (23 / 12, -16 / 12, 5 / 12), (55 / 24, -59 / 24, 37 / 24, -9 / 24))


def plms(x: Tensor, walk: Walk) -> Tensor:
    """DDIM's step along a noise extrapolated from the last four; the first step asks a second time at its end."""
    known: list[Tensor] = []
    for step, sigma, following in walk.steps():
        clean = walk.denoise(x, sigma)
        noise = slope(x, clean, sigma)
        known = [noise, *known[:3]]
        if len(known) == 1:
            ahead = x + noise * (following - sigma)
            noise = (noise + slope(ahead, walk.denoise(ahead, following), following)) / 2
        else:
            weighted = zip(PLMS_WEIGHTS[len(known) - 1], known, strict=True)
            noise = sum((one * weight for weight, one in weighted), start=noise * 0)
        x = x + noise * (following - sigma)
        walk.after(step, x, clean)
    return undivided(x, walk.sigmas[-1])
