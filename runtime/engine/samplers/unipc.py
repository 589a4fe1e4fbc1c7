"""UniPC (Zhao et al. 2023, arXiv:2302.04867): a predictor and a corrector that costs no further evaluation.

Data prediction with alpha = 1, so that lambda = -log sigma; variants bh1, bh2 and varying coefficients.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from runtime.engine.samplers.timesteps import undivided
from runtime.engine.samplers.walk import Walk
from runtime.engine.schedules import TRAINING_STEPS, Levels

VARIANTS = ("bh1", "bh2", "vary_coeff")
SKIP_TYPES = ("time_uniform", "time_quadratic", "logSNR")


@dataclass(frozen=True)
class UniPC:
    """The choices that AUTOMATIC1111 offers."""

    variant: str = "bh1"
    order: int = 3
    lower_order_final: bool = True

    def __call__(self, x: Tensor, walk: Walk) -> Tensor:
        """From the first level to the last, which is above 0; the last step has no corrector."""
        steps = len(walk.sigmas) - 1
        order = min(self.order, steps)
        known = [(walk.sigmas[0], walk.denoise(x, walk.sigmas[0]))] if steps else []  # oldest first
        for step in range(steps):
            rank = min(order, step + 1, steps - step) if self.lower_order_final else min(order, step + 1)
            following = walk.sigmas[step + 1]
            clean = known[-1][1]
            predicted = self._advance(x, known[-rank:], following, None)
            if step + 1 < steps:
                new = walk.denoise(predicted, following)
                x = self._advance(x, known[-rank:], following, new)
                known = [*known, (following, new)][-order:]
            else:
                x = predicted
            walk.after(step, x, clean)
        return undivided(x, walk.sigmas[-1])

    def _advance(self, x: Tensor, known: list[tuple[float, Tensor]], following: float, new: Tensor | None) -> Tensor:
        """x at the next level: predicted from the known estimates, or corrected by the new one there."""
        sigma, clean = known[-1]
        width = math.log(sigma / following)
        places = [math.log(sigma / level) / width for level, _ in known[-2::-1]]
        slopes = [(past - clean) / place for place, (_, past) in zip(places, known[-2::-1], strict=True)]
        if new is not None:
            places, slopes = [*places, 1.0], [*slopes, new - clean]
        x = x * (following / sigma) - clean * math.expm1(-width)
        for weight, one in zip(self._weights(places, width), slopes, strict=True):
            x = x - one * weight
        return x

    def _weights(self, places: list[float], width: float) -> list[float]:
        """What each divided difference counts, so that polynomials of as high an order as there are come out right."""
        count = len(places)
        if not count:
            return []
        moments = integrals(width, count)
        nodes = np.array(places)
        if self.variant == "vary_coeff":
            # differences as Taylor sums: solve for the derivatives, then weigh these by their integrals
            taylor = np.stack([nodes**k / math.factorial(k + 1) for k in range(count)], axis=1)
            return [float(weight) for weight in np.array(moments) @ np.linalg.inv(taylor)]
        scale = -width if self.variant == "bh1" else math.expm1(-width)
        if count == 1:
            return [scale / 2]  # as the paper simplifies it
        powers = np.stack([nodes**k for k in range(count)])
        wanted = [moment * math.factorial(k + 1) / scale for k, moment in enumerate(moments)]
        return [scale * float(weight) for weight in np.linalg.solve(powers, np.array(wanted))]


def integrals(width: float, count: int) -> list[float]:
    """phi_2 … of -width: phi_1 = (exp(z) - 1), phi_(k+1) = phi_k / z - 1 / k!; by series where that cancels."""
    z = -width
    if width < 0.5:
        return [sum(z**j / math.factorial(j + k) for j in range(1, 18)) for k in range(1, count + 1)]
    values, last = [], math.expm1(z)
    for k in range(1, count + 1):
        last = last / z - 1 / math.factorial(k)
        values.append(last)
    return values


def unipc_sigmas(steps: int, start: int, skip_type: str, levels: Levels) -> tuple[float, ...]:
    """steps + 1 levels from timestep `start` (0 … 999) to 0, even in time, in its root, or in lambda."""
    ramp = [k / steps for k in range(steps + 1)]
    high, low = (start + 1) / TRAINING_STEPS, 1 / TRAINING_STEPS
    if skip_type == "logSNR":
        first, last = (math.log(_sigma_in_time(time, levels)) for time in (high, low))
        return tuple(math.exp(first + (last - first) * share) for share in ramp)
    power = 2 if skip_type == "time_quadratic" else 1
    first, last = high ** (1 / power), low ** (1 / power)
    return tuple(_sigma_in_time((first + (last - first) * share) ** power, levels) for share in ramp)


def _sigma_in_time(time: float, levels: Levels) -> float:
    """The level at a time in 0.001 … 1, interpolated in log alpha as the paper's discrete models are."""
    place = min(max(time * TRAINING_STEPS - 1, 0.0), TRAINING_STEPS - 1.0)
    low = min(int(place), TRAINING_STEPS - 2)
    share = place - low
    logs = (1 - share) * _log_alpha(levels.sigma_at(low)) + share * _log_alpha(levels.sigma_at(low + 1))
    return math.sqrt(math.expm1(-2 * logs))


def _log_alpha(sigma: float) -> float:
    return -0.5 * math.log1p(sigma**2)
