"""What every sampler's loop is given, and the arithmetic that several share.

A loop gets `x` = picture + sigma * noise (float32) and a walk. It calls `after(step, x, clean)` once per step; what
stops it is an exception that `after` raises. Sigmas are plain numbers, so that no step waits for the device.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

#: (x, sigma) -> estimate of the clean latents
Denoiser = Callable[[Tensor, float], Tensor]
#: (step from 0, x, clean)
After = Callable[[int, Tensor, Tensor], None]


@dataclass(frozen=True)
class Churn:
    """Noise added before a step (Karras et al. 2022, algorithm 2), between the levels `low` and `high`."""

    amount: float = 0.0
    low: float = 0.0
    high: float = math.inf


@dataclass(frozen=True)
class Walk:
    """One run through the levels."""

    sigmas: Sequence[float]
    denoise: Denoiser
    #: standard normal noise, times the setting s_noise, for the way from one level to another
    fresh: Callable[[float, float], Tensor]
    after: After
    #: share of the noise that a step renews: 0 none, 1 as much as the exact process does
    eta: float = 1.0
    churn: Churn = Churn()

    def steps(self) -> Iterator[tuple[int, float, float]]:
        """(step, its level, the next level)."""
        for step, (sigma, following) in enumerate(pairwise(self.sigmas)):
            yield step, sigma, following

    def stirred(self, x: Tensor, sigma: float) -> tuple[Tensor, float]:
        """(x, level) after churn; noise is drawn at every step, so that the window does not shift later draws."""
        if self.churn.amount <= 0:
            return x, sigma
        noise = self.fresh(sigma, sigma)
        if not self.churn.low <= sigma <= self.churn.high:
            return x, sigma
        raised = sigma * (1 + min(self.churn.amount / (len(self.sigmas) - 1), math.sqrt(2) - 1))
        return x + noise * math.sqrt(raised**2 - sigma**2), raised


def slope(x: Tensor, clean: Tensor, sigma: float) -> Tensor:
    """dx / dsigma of the probability flow (Karras et al. 2022, formula 3)."""
    return (x - clean) / sigma


def glide(x: Tensor, clean: Tensor, sigma: float, following: float) -> Tensor:
    """x at the next level if the clean estimate stays as it is: the exponential integrator of first order."""
    return x * (following / sigma) + clean * (1 - following / sigma)


def ancestral_split(sigma: float, following: float, eta: float) -> tuple[float, float]:
    """(level to step down to, deviation of the fresh noise) with down² + up² = following² (Song et al. 2021)."""
    up = min(following, eta * math.sqrt(max(following**2 * (sigma**2 - following**2), 0.0)) / sigma)
    return math.sqrt(following**2 - up**2), up
