"""Noise levels: the 1000 sigmas of Stable Diffusion 1.x, and the schedules that spread n of them over the steps.

Every schedule returns a plain list of float64 numbers that falls from the largest sigma to 0. Sources: Karras et al.
2022 (rho), Song et al. 2021 (DDIM's stride), Sabour et al. 2024 (the KL-optimal curve and "Align Your Steps").
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import cache
from itertools import accumulate

TRAINING_STEPS = 1000
#: the levels that Sabour et al. found for Stable Diffusion 1.5 and ten steps
ALIGNED = (14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029)
Schedule = Callable[[int], list[float]]


@cache
def alphas_cumprod() -> tuple[float, ...]:
    """The share of signal after each training step: betas are squared even steps from sqrt(0.00085) to sqrt(0.012)."""
    low, high = math.sqrt(0.00085), math.sqrt(0.012)
    betas = ((low + (high - low) * k / (TRAINING_STEPS - 1)) ** 2 for k in range(TRAINING_STEPS))
    return tuple(accumulate((1 - beta for beta in betas), lambda product, factor: product * factor))


@cache
def log_sigmas() -> tuple[float, ...]:
    """Logarithms of sqrt((1 - alpha) / alpha), rising."""
    return tuple(0.5 * math.log((1 - alpha) / alpha) for alpha in alphas_cumprod())


def sigma_at(timestep: float) -> float:
    """The sigma of a fractional timestep 0 … 999, interpolated in its logarithm."""
    logs = log_sigmas()
    low = min(max(int(timestep), 0), TRAINING_STEPS - 2)
    share = timestep - low
    return math.exp((1 - share) * logs[low] + share * logs[low + 1])


def timestep_of(sigma: float) -> float:
    """The fractional timestep of a sigma, the inverse of `sigma_at`; sigmas outside the range stay at its ends."""
    logs, wanted = log_sigmas(), math.log(sigma)
    low = min(max(bisect_right(logs, wanted) - 1, 0), TRAINING_STEPS - 2)
    share = (wanted - logs[low]) / (logs[low + 1] - logs[low])
    return low + min(max(share, 0.0), 1.0)


def smallest() -> float:
    return sigma_at(0)


def largest() -> float:
    return sigma_at(TRAINING_STEPS - 1)


def _even(first: float, last: float, n: int) -> list[float]:
    """n numbers from `first` to `last`; one alone is `first`."""
    return [first + (last - first) * k / max(n - 1, 1) for k in range(n)]


def uniform(n: int) -> list[float]:
    """Even timesteps."""
    return [*map(sigma_at, _even(TRAINING_STEPS - 1, 0, n)), 0.0]


def karras(n: int, rho: float = 7.0) -> list[float]:
    """Even in sigma^(1/rho)."""
    roots = _even(largest() ** (1 / rho), smallest() ** (1 / rho), n)
    return [*(root**rho for root in roots), 0.0]


def exponential(n: int) -> list[float]:
    """Even in log sigma."""
    return polyexponential(n)


def polyexponential(n: int, rho: float = 1.0) -> list[float]:
    """Log sigma falls along a ramp^rho."""
    low, high = math.log(smallest()), math.log(largest())
    return [*(math.exp(low + (high - low) * ramp**rho) for ramp in _even(1.0, 0.0, n)), 0.0]


def sgm_uniform(n: int) -> list[float]:
    """Even timesteps of which the lowest, 0, is left out."""
    return [*map(sigma_at, _even(TRAINING_STEPS - 1, 0, n + 1)[:-1]), 0.0]


def simple(n: int) -> list[float]:
    """Every (1000 / n)-th of the model's sigmas, from the top."""
    return [*(sigma_at(TRAINING_STEPS - 1 - int(k * TRAINING_STEPS / n)) for k in range(n)), 0.0]


def ddim_timesteps(n: int) -> list[int]:
    """1, 1 + s, 1 + 2s … below 1000 with stride s = 1000 // n: sometimes more than n, as 31 for n = 30."""
    return list(range(1, TRAINING_STEPS, max(TRAINING_STEPS // n, 1)))


def ddim(n: int) -> list[float]:
    """The sigmas of DDIM's timesteps."""
    return [*map(sigma_at, reversed(ddim_timesteps(n))), 0.0]


def kl_optimal(n: int) -> list[float]:
    """Even in arctan sigma."""
    return [*map(math.tan, _even(math.atan(largest()), math.atan(smallest()), n)), 0.0]


def align_your_steps(n: int) -> list[float]:
    """The published levels, re-interpolated evenly in log sigma to n."""
    logs = [math.log(sigma) for sigma in ALIGNED]
    return [*(math.exp(_between(logs, place)) for place in _even(0, len(logs) - 1, n)), 0.0]


def _between(values: Sequence[float], place: float) -> float:
    """The value at a fractional index."""
    low = min(int(place), len(values) - 2)
    return values[low] + (place - low) * (values[low + 1] - values[low])


def beta(n: int, shape: float = 0.6) -> list[float]:
    """Quantiles of the beta distribution (shape, shape), mapped linearly onto the range of sigma."""
    quantiles = (_beta_quantile(level, shape) for level in _even(1.0, 0.0, n))
    return [*(smallest() + (largest() - smallest()) * quantile for quantile in quantiles), 0.0]


@cache
def _beta_table(shape: float, cells: int = 20_000) -> tuple[float, ...]:
    """Cumulated probability of the beta distribution at x = sin²(angle), angles even from 0 to a right angle.

    In that variable the density is sin^(2a-1) cos^(2a-1), finite at both ends; the midpoint rule sums it.
    """
    width = math.pi / 2 / cells
    density = (math.sin((k + 0.5) * width) * math.cos((k + 0.5) * width) for k in range(cells))
    sums = list(accumulate(value ** (2 * shape - 1) for value in density))
    return (0.0, *(value / sums[-1] for value in sums))


def _beta_quantile(level: float, shape: float) -> float:
    table = _beta_table(shape)
    low = min(max(bisect_right(table, level) - 1, 0), len(table) - 2)
    share = (level - table[low]) / (table[low + 1] - table[low])
    return math.sin((low + share) / (len(table) - 1) * math.pi / 2) ** 2


#: by label in runtime/catalogue.py
SCHEDULES: dict[str, Schedule] = {
    "Uniform": uniform,
    "Karras": karras,
    "Exponential": exponential,
    "Polyexponential": polyexponential,
    "SGM Uniform": sgm_uniform,
    "Simple": simple,
    "Normal": uniform,
    "DDIM": ddim,
    "KL Optimal": kl_optimal,
    "Align Your Steps": align_your_steps,
    "Beta": beta,
}
