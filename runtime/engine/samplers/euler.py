"""Samplers that follow the slope: Euler, Heun, DPM2, their ancestral kin, and LMS.

Sources: Karras et al. 2022 (Euler, Heun, churn), Song et al. 2021 (the ancestral step), Lu et al. 2022 (DPM-Solver-2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from runtime.engine.samplers.walk import Walk, ancestral_split, slope

#: how many slopes LMS remembers
LMS_ORDER = 4


def euler(x: Tensor, walk: Walk) -> Tensor:
    """Follow the slope at each level to the next."""
    for step, sigma, following in walk.steps():
        x, level = walk.stirred(x, sigma)
        clean = walk.denoise(x, level)
        x = x + slope(x, clean, level) * (following - level)
        walk.after(step, x, clean)
    return x


def euler_ancestral(x: Tensor, walk: Walk) -> Tensor:
    """Step below the next level and come up to it with fresh noise."""
    for step, sigma, following in walk.steps():
        clean = walk.denoise(x, sigma)
        down, up = ancestral_split(sigma, following, walk.eta)
        x = x + slope(x, clean, sigma) * (down - sigma)
        if following > 0:
            x = x + walk.fresh(sigma, following) * up
        walk.after(step, x, clean)
    return x


def heun_step(x: Tensor, clean: Tensor, sigma: float, following: float, walk: Walk) -> Tensor:
    """The mean of the slopes here and at Euler's next point; Euler's own step where that is level 0."""
    here = slope(x, clean, sigma)
    ahead = x + here * (following - sigma)
    if following == 0:
        return ahead
    there = slope(ahead, walk.denoise(ahead, following), following)
    return x + (here + there) * ((following - sigma) / 2)


def heun(x: Tensor, walk: Walk) -> Tensor:
    """Heun's second-order method."""
    for step, sigma, following in walk.steps():
        x, level = walk.stirred(x, sigma)
        clean = walk.denoise(x, level)
        x = heun_step(x, clean, level, following, walk)
        walk.after(step, x, clean)
    return x


def dpm2(x: Tensor, walk: Walk) -> Tensor:
    """The slope at the geometric mean of both levels, followed all the way."""
    for step, sigma, following in walk.steps():
        x, level = walk.stirred(x, sigma)
        clean = walk.denoise(x, level)
        x = _midpoint(x, clean, level, following, walk)
        walk.after(step, x, clean)
    return x


def dpm2_ancestral(x: Tensor, walk: Walk) -> Tensor:
    """DPM2 to a level below the next, and up to it with fresh noise."""
    for step, sigma, following in walk.steps():
        clean = walk.denoise(x, sigma)
        down, up = ancestral_split(sigma, following, walk.eta)
        x = _midpoint(x, clean, sigma, down, walk)
        if down > 0:
            x = x + walk.fresh(sigma, following) * up
        walk.after(step, x, clean)
    return x


def _midpoint(x: Tensor, clean: Tensor, sigma: float, following: float, walk: Walk) -> Tensor:
    here = slope(x, clean, sigma)
    if following == 0:
        return x + here * (following - sigma)
    middle = math.sqrt(sigma * following)
    halfway = x + here * (middle - sigma)
    return x + slope(halfway, walk.denoise(halfway, middle), middle) * (following - sigma)


def lms(x: Tensor, walk: Walk) -> Tensor:
    """Adams and Bashforth's linear multistep method over uneven levels."""
    slopes: list[Tensor] = []
    for step, sigma, following in walk.steps():
        clean = walk.denoise(x, sigma)
        slopes = [slope(x, clean, sigma), *slopes[: LMS_ORDER - 1]]
        known = walk.sigmas[step - len(slopes) + 1 : step + 1][::-1]
        for weight, past in zip(adams_weights(known, following), slopes, strict=True):
            x = x + past * weight
        walk.after(step, x, clean)
    return x


def adams_weights(known: Sequence[float], following: float) -> list[float]:
    """What the slopes at the `known` levels (newest first, four at most) weigh in the step to `following`.

    Each is the integral of a Lagrange polynomial of degree 3 or less, which two Gauss points give exactly.
    """
    half, middle = (following - known[0]) / 2, (following + known[0]) / 2
    points = (middle - half / math.sqrt(3), middle + half / math.sqrt(3))
    return [half * sum(_lagrange(known, j, point) for point in points) for j in range(len(known))]


def _lagrange(nodes: Sequence[float], j: int, point: float) -> float:
    """The polynomial that is 1 at node j and 0 at the others."""
    return math.prod((point - node) / (nodes[j] - node) for k, node in enumerate(nodes) if k != j)
