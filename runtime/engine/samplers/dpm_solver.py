"""DPM-Solver (Lu et al. 2022, arXiv:2206.00927): singlestep solvers of the noise, in a fixed and in an adaptive walk.

With alpha = 1 the paper's lambda is -log sigma; formulas 3.5, algorithms 1 and 2, appendix C.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from runtime.engine.samplers.walk import Walk, ancestral_split, slope
from runtime.request import RequestError

RELATIVE_TOLERANCE = 0.05
ABSOLUTE_TOLERANCE = 0.0078
FIRST_WIDTH = 0.05
#: a step is kept if its control factor is at least this
ACCEPTED = 0.81
#: tried ones, kept or not; a picture takes some dozens
MOST_STEPS = 2000
#: how near to the end, in lambda, the walk is over
NEAR = 1e-5


class _Step:
    """One step from level `sigma`; the noise there and at the first inner point are asked for once."""

    def __init__(self, x: Tensor, sigma: float, walk: Walk, share: float) -> None:
        self._x, self._sigma, self._walk, self._share = x, sigma, walk, share
        self.clean = walk.denoise(x, sigma)
        self._noise = slope(x, self.clean, sigma)
        self._change: Tensor | None = None

    def first(self, following: float) -> Tensor:
        return self._x + self._noise * (following - self._sigma)

    def second(self, following: float) -> Tensor:
        change = self._inner_change(following)
        return self.first(following) - change * ((self._sigma - following) / (2 * self._share))

    def third(self, following: float, share: float = 2 / 3) -> Tensor:
        width, inner = math.log(self._sigma / following), self._inner_change(following)
        level = self._sigma * math.exp(-share * width)
        guess = self.first(level) - inner * (level * share / self._share * _second_integral(share * width))
        change = slope(guess, self._walk.denoise(guess, level), level) - self._noise
        return self.first(following) - change * (following / share * _second_integral(width))

    def _inner_change(self, following: float) -> Tensor:
        """How the noise at the first inner point differs from that at the start."""
        if self._change is None:
            level = self._sigma * (following / self._sigma) ** self._share
            guess = self.first(level)
            self._change = slope(guess, self._walk.denoise(guess, level), level) - self._noise
        return self._change


def _second_integral(width: float) -> float:
    """(exp(h) - 1) / h - 1."""
    return math.expm1(width) / width - 1 if width else 0.0


def fast_orders(evaluations: int) -> list[int]:
    """The orders of the steps that spend exactly so many evaluations, most of them three at a time."""
    steps, rest = evaluations // 3 + 1, evaluations % 3
    return [3] * (steps - 1) + [rest] if rest else [3] * (steps - 2) + [2, 1]


def dpm_fast(x: Tensor, walk: Walk, evaluations: int) -> Tensor:
    """Steps even in lambda from the first level to the last, which is above 0."""
    start, end = walk.sigmas[0], walk.sigmas[-1]
    orders = fast_orders(evaluations)
    for step, order in enumerate(orders):
        sigma, following = (start * (end / start) ** (k / len(orders)) for k in (step, step + 1))
        down, up = _split(sigma, following, end, walk.eta)
        part = _Step(x, sigma, walk, 1 / 3 if order == 3 else 1 / 2)
        solvers: dict[int, Callable[[float], Tensor]] = {1: part.first, 2: part.second, 3: part.third}
        x = solvers[order](down) + walk.fresh(sigma, following) * up
        walk.after(step, x, part.clean)
    return x


def _split(sigma: float, following: float, end: float, eta: float) -> tuple[float, float]:
    """The ancestral split that steps down no further than to the last level."""
    if not eta:
        return following, 0.0
    down = max(end, ancestral_split(sigma, following, eta)[0])
    return down, math.sqrt(max(following**2 - down**2, 0.0))


@dataclass
class _Control:
    """The width of the next step in lambda: integral control of the error (Söderlind 2003), softly limited."""

    order: float
    width: float = FIRST_WIDTH

    def accepts(self, error: float) -> bool:
        """Is a step of this error kept? Narrows or widens the next one."""
        factor = 1 + math.atan((1 / (error + 1e-8)) ** (1 / self.order) - 1)
        self.width *= factor
        return factor >= ACCEPTED


def dpm_adaptive(x: Tensor, walk: Walk) -> Tensor:
    """Third-order steps as wide as the difference to second order allows; as many as it takes.

    The error is measured over all of x: images that are to come out as they would alone are given one by one.
    Where the estimates are no numbers, neither is the result. RequestError `too-many-steps` where no end is found.
    """
    sigma, end = walk.sigmas[0], walk.sigmas[-1]
    control, previous, step = _Control(1.5 if walk.eta else 3), x, 0
    while sigma > end * math.exp(NEAR):
        if step == MOST_STEPS:
            message = f"DPM adaptive has not come to an end in {MOST_STEPS} steps."
            raise RequestError("too-many-steps", message, "Choose another sampler, or a lower CFG scale.")
        following = max(end, sigma * math.exp(-control.width))
        down, up = _split(sigma, following, end, walk.eta)
        part = _Step(x, sigma, walk, 1 / 3)
        low, high = part.second(down), part.third(down)
        error = _error(low, high, previous)
        if math.isnan(error):
            return high
        if control.accepts(error):
            previous, x = low, high + walk.fresh(sigma, following) * up
            sigma = following
        walk.after(step, x, part.clean)
        step += 1
    return x


def _error(low: Tensor, high: Tensor, previous: Tensor) -> float:
    """Root mean square of the difference over what is tolerated."""
    tolerated = RELATIVE_TOLERANCE * torch.maximum(low.abs(), previous.abs())
    difference = (low - high) / tolerated.clamp(min=ABSOLUTE_TOLERANCE)
    return float(torch.linalg.vector_norm(difference)) / math.sqrt(low.numel())
