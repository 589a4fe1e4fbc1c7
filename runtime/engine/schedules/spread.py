"""How n levels are spread between the largest and the smallest; every list but one falls to a last 0.

Sources: Karras et al. 2022 (rho), Song et al. 2021 (DDIM's stride), Sabour et al. 2024 (the KL-optimal curve and
"Align Your Steps"), Lee et al. 2024 (beta quantiles).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runtime.engine.schedules.levels import TRAINING_STEPS, Levels

#: the levels that Sabour et al. found for ten steps of Stable Diffusion 1.5, and of SDXL
ALIGNED = (14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029)
ALIGNED_SDXL = (14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029)


@dataclass(frozen=True)
class Range:
    """Between which levels to spread, and the numbers that bend the spread."""

    levels: Levels
    low: float
    high: float
    #: None is the schedule's own
    rho: float | None = None
    beta_alpha: float = 0.6
    beta_beta: float = 0.6

    @classmethod
    def whole(cls, levels: Levels) -> Range:
        return cls(levels, levels.smallest, levels.largest)


Schedule = Callable[[int, Range], list[float]]


def _even(first: float, last: float, n: int) -> list[float]:
    """n numbers from `first` to `last`; one alone is `first`."""
    return [first + (last - first) * k / max(n - 1, 1) for k in range(n)]


def uniform(n: int, span: Range) -> list[float]:
    """Even timesteps over all of the model's levels."""
    levels = span.levels
    return [*map(levels.sigma_at, _even(levels.last, levels.first, n)), 0.0]


def normal(n: int, span: Range) -> list[float]:
    """Even timesteps between the two ends."""
    levels = span.levels
    return [*map(levels.sigma_at, _even(levels.timestep_of(span.high), levels.timestep_of(span.low), n)), 0.0]


def sgm_uniform(n: int, span: Range) -> list[float]:
    """Even timesteps of which the lowest is left out."""
    levels = span.levels
    timesteps = _even(levels.timestep_of(span.high), levels.timestep_of(span.low), n + 1)
    return [*map(levels.sigma_at, timesteps[:-1]), 0.0]


def karras(n: int, span: Range) -> list[float]:
    """Even in sigma^(1/rho)."""
    rho = span.rho or 7.0
    return [*(root**rho for root in _even(span.high ** (1 / rho), span.low ** (1 / rho), n)), 0.0]


def exponential(n: int, span: Range) -> list[float]:
    """Even in log sigma."""
    low, high = math.log(span.low), math.log(span.high)
    return [*map(math.exp, _even(high, low, n)), 0.0]


def polyexponential(n: int, span: Range) -> list[float]:
    """Log sigma falls along a ramp^rho."""
    low, high = math.log(span.low), math.log(span.high)
    return [*(math.exp(low + (high - low) * ramp ** (span.rho or 1.0)) for ramp in _even(1.0, 0.0, n)), 0.0]


def simple(n: int, span: Range) -> list[float]:
    """Every (1000 / n)-th of the model's sigmas, from the top."""
    logs = span.levels.logs
    return [*(math.exp(logs[-1 - int(k * len(logs) / n)]) for k in range(n)), 0.0]


def ddim_timesteps(n: int) -> list[int]:
    """1, 1 + s, 1 + 2s … with stride s = 1000 // n, where 1000 becomes 999: sometimes more than n, as 31 for n = 30.

    With a stride of 1 the highest comes twice, as it does in AUTOMATIC1111.
    """
    return [min(place + 1, TRAINING_STEPS - 1) for place in range(0, TRAINING_STEPS, max(TRAINING_STEPS // n, 1))]


def quadratic_timesteps(n: int) -> list[int]:
    """Squares of n even numbers up to the root of 800, plus 1 (Song et al. 2021, appendix D.2); doubles are dropped."""
    places = _even(0.0, math.sqrt(0.8 * TRAINING_STEPS), n)
    return sorted({int(place**2) + 1 for place in places})


def ddim(n: int, span: Range) -> list[float]:
    """The sigmas of every (1000 // n)-th timestep from the second one."""
    logs = span.levels.logs
    return [*map(math.exp, reversed(logs[1 :: max(len(logs) // n, 1)])), 0.0]


def kl_optimal(n: int, span: Range) -> list[float]:
    """Even in arctan sigma; the one schedule that ends at the smallest level, in AUTOMATIC1111 as here."""
    return [*map(math.tan, _even(math.atan(span.high), math.atan(span.low), n + 1))]


def align_your_steps(n: int, span: Range) -> list[float]:
    """The published levels, re-interpolated evenly in log sigma to n."""
    logs = [math.log(sigma) for sigma in (ALIGNED_SDXL if span.levels.sdxl else ALIGNED)]
    return [*(math.exp(_between(logs, place)) for place in _even(0, len(logs) - 1, n)), 0.0]


def _between(values: Sequence[float], place: float) -> float:
    """The value at a fractional index."""
    low = min(int(place), len(values) - 2)
    return values[low] + (place - low) * (values[low + 1] - values[low])


def beta(n: int, span: Range) -> list[float]:
    """Quantiles of the beta distribution, mapped linearly onto the range of sigma."""
    from scipy.special import betaincinv  # a second of import that few jobs need

    quantiles = (float(betaincinv(span.beta_alpha, span.beta_beta, level)) for level in _even(1.0, 0.0, n))
    return [*(span.low + (span.high - span.low) * quantile for quantile in quantiles), 0.0]


#: by label in runtime/catalogue.py
SCHEDULES: dict[str, Schedule] = {
    "Uniform": uniform,
    "Karras": karras,
    "Exponential": exponential,
    "Polyexponential": polyexponential,
    "SGM Uniform": sgm_uniform,
    "KL Optimal": kl_optimal,
    "Align Your Steps": align_your_steps,
    "Simple": simple,
    "Normal": normal,
    "DDIM": ddim,
    "Beta": beta,
}
