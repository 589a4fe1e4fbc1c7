"""Samplers as plain loops over an explicit list of sigmas.

A loop gets `x` = picture + sigma * noise (float32), the falling sigmas (plain numbers, so that no step waits for the
device) and a denoiser (x, sigma) -> estimate of the clean picture; it calls `after(step, x, clean)` once per step.
What stops a loop is an exception that `after` raises. Sources: Karras et al. 2022 (Euler), Song et al. 2021
(DDIM and the ancestral step), Lu et al. 2022 (DPM-Solver++ 2M).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from runtime.catalogue import SamplerInfo, effective_scheduler
from runtime.engine.schedules import SCHEDULES, TRAINING_STEPS, ddim_timesteps, sigma_at

Denoiser = Callable[[Tensor, float], Tensor]
After = Callable[[int, Tensor, Tensor], None]
Loop = Callable[[Tensor, Sequence[float], Denoiser, Callable[[], Tensor], After, float], Tensor]


@dataclass(frozen=True)
class Course:
    """One sampler with its levels chosen; `start` multiplies the first noise."""

    loop: Loop
    sigmas: tuple[float, ...]
    start: float
    eta: float

    @property
    def steps(self) -> int:
        """Calls of the denoiser."""
        return len(self.sigmas) - 1


def plan_course(sampler: SamplerInfo, scheduler: str, steps: int, eta: float | None) -> Course:
    """The loop, its sigmas and its first noise level; `eta` None is 1 for ancestral samplers and 0 for DDIM."""
    if sampler.own_timesteps:
        # DDIM goes from level to level and ends at the last, so that one step takes two levels
        timesteps = ddim_timesteps(steps) if steps > 1 else [1, TRAINING_STEPS - 1]
        sigmas = tuple(sigma_at(timestep) for timestep in reversed(timesteps))
        return Course(LOOPS[sampler.name], sigmas, math.hypot(1.0, sigmas[0]), eta or 0.0)
    sigmas = tuple(SCHEDULES[effective_scheduler(sampler, scheduler)](steps))
    return Course(LOOPS[sampler.name], sigmas, sigmas[0], 1.0 if eta is None else eta)


def euler(
    x: Tensor, sigmas: Sequence[float], denoise: Denoiser, _noise: Callable[[], Tensor], after: After, _eta: float
) -> Tensor:
    """Follow the slope at each level to the next."""
    for step, (sigma, following) in enumerate(pairwise(sigmas)):
        clean = denoise(x, sigma)
        x = x + (x - clean) * ((following - sigma) / sigma)
        after(step, x, clean)
    return x


def euler_ancestral(
    x: Tensor, sigmas: Sequence[float], denoise: Denoiser, noise: Callable[[], Tensor], after: After, eta: float
) -> Tensor:
    """Step below the next level and come up to it with fresh noise."""
    for step, (sigma, following) in enumerate(pairwise(sigmas)):
        clean = denoise(x, sigma)
        down, up = ancestral_split(sigma, following, eta)
        x = x + (x - clean) * ((down - sigma) / sigma)
        if up > 0:
            x = x + noise() * up
        after(step, x, clean)
    return x


def ancestral_split(sigma: float, following: float, eta: float) -> tuple[float, float]:
    """(level to step down to, deviation of the fresh noise) with down² + up² = following²."""
    up = min(following, eta * math.sqrt(following**2 * (sigma**2 - following**2) / sigma**2))
    return math.sqrt(following**2 - up**2), up


def dpmpp_2m(
    x: Tensor, sigmas: Sequence[float], denoise: Denoiser, _noise: Callable[[], Tensor], after: After, _eta: float
) -> Tensor:
    """DPM-Solver++(2M): extrapolate from the last two estimates in -log sigma; first and last step are plain."""
    last: Tensor | None = None
    last_width = 0.0
    for step, (sigma, following) in enumerate(pairwise(sigmas)):
        clean = denoise(x, sigma)
        width = math.log(sigma / following) if following > 0 else math.inf
        target = clean
        if last is not None and following > 0:
            share = width / (2 * last_width)
            target = clean * (1 + share) - last * share
        x = x * (following / sigma) - target * math.expm1(-width)
        last, last_width = clean, width
        after(step, x, clean)
    return x


def ddim(
    x: Tensor, sigmas: Sequence[float], denoise: Denoiser, noise: Callable[[], Tensor], after: After, eta: float
) -> Tensor:
    """DDIM, its x divided by the square root of alpha; the last level is not 0, and the result is x as trained on."""
    for step, (sigma, following) in enumerate(pairwise(sigmas)):
        clean = denoise(x, sigma)
        fresh = eta * _ddim_deviation(sigma, following)
        slope = (x - clean) / sigma
        x = clean + slope * math.sqrt(max(following**2 - fresh**2, 0.0))
        if fresh > 0:
            x = x + noise() * fresh
        after(step, x, clean)
    return x / math.hypot(1.0, sigmas[-1])


def _ddim_deviation(sigma: float, following: float) -> float:
    """Formula 16 of the DDIM paper at eta 1, divided by the square root of the next alpha."""
    alpha, next_alpha = 1 / (1 + sigma**2), 1 / (1 + following**2)
    trained = math.sqrt((1 - next_alpha) / (1 - alpha) * (1 - alpha / next_alpha))
    return trained / math.sqrt(next_alpha)


LOOPS: dict[str, Loop] = {"DPM++ 2M": dpmpp_2m, "Euler a": euler_ancestral, "Euler": euler, "DDIM": ddim}
