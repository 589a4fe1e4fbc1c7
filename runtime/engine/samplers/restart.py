"""Restart (Xu et al. 2023, arXiv:2306.14878): Heun's method that goes back up with fresh noise, and down again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from runtime.engine.samplers.euler import heun_step
from runtime.engine.samplers.walk import Walk

#: the levels between which the walk is repeated
LOW, HIGH = 0.1, 2.0
#: fewer steps than this are walked once
FEWEST = 20
#: from so many steps on the walk is repeated twice
MANY = 36


def restart_path(sigmas: Sequence[float]) -> list[tuple[float, float]]:
    """The steps (from, to) that spend as many as `sigmas` has; a step that begins above the last's end needs noise."""
    steps = len(sigmas) - 1
    if steps < FEWEST:
        return [*pairwise(sigmas)]
    repeats, rounds = (steps // 4, 2) if steps >= MANY else (9, 1)
    main = [*_karras(steps - repeats * rounds, sigmas[-2], sigmas[0]), 0.0]
    low, high = _nearest(main, LOW), _nearest(main, HIGH)
    path = [*pairwise(main)]
    if low == 0 or high >= low:
        return path
    again = [*pairwise(_karras(repeats + 1, main[low], main[high]))]
    return path[:low] + again * rounds + path[low:]


def _karras(n: int, low: float, high: float, rho: float = 7.0) -> list[float]:
    first, last = high ** (1 / rho), low ** (1 / rho)
    return [(first + (last - first) * k / max(n - 1, 1)) ** rho for k in range(n)]


def _nearest(sigmas: Sequence[float], wanted: float) -> int:
    return min(range(len(sigmas)), key=lambda k: abs(sigmas[k] - wanted))


def restart(x: Tensor, walk: Walk) -> Tensor:
    """Heun's steps along the path."""
    reached = walk.sigmas[0]
    for step, (sigma, following) in enumerate(restart_path(walk.sigmas)):
        if sigma > reached:
            x = x + walk.fresh(reached, sigma) * math.sqrt(sigma**2 - reached**2)
        clean = walk.denoise(x, sigma)
        x = heun_step(x, clean, sigma, following, walk)
        walk.after(step, x, clean)
        reached = following
    return x
