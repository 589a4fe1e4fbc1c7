"""The noise levels a model was trained with, and the timestep of each.

Stable Diffusion 1.x, 2.x and SDXL share their 1000 levels. Sources: Rombach et al. 2022 (betas), Lin et al. 2023
(zero terminal SNR), Luo et al. 2023 (latent consistency models).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from runtime.job_options import JobOptions

TRAINING_STEPS = 1000
#: what is left of the signal at the last timestep, where in exact terms nothing is (and sigma would be infinite)
TERMINAL_ALPHA = 4.8973451890853435e-08
#: the timesteps that latent consistency models know: every so many-th
LCM_STRIDE = 20


@dataclass(frozen=True)
class Levels:
    """Sigmas of one model by rising timestep; `logs` are their logarithms.

    Entry k belongs to the U-Net's timestep k * stride + stride - 1. With a stride above 1 only whole entries are
    timesteps to the model, and `timestep_of` gives the nearest.
    """

    logs: tuple[float, ...]
    #: takes SDXL's table for Align Your Steps
    sdxl: bool = False
    stride: int = 1

    def sigma_at(self, timestep: float) -> float:
        """The sigma of a fractional timestep, interpolated in its logarithm; timesteps beyond stay at the ends."""
        place = min(max((timestep - self.stride + 1) / self.stride, 0.0), len(self.logs) - 1.0)
        low = min(int(place), len(self.logs) - 2)
        share = place - low
        return math.exp((1 - share) * self.logs[low] + share * self.logs[low + 1])

    def timestep_of(self, sigma: float) -> float:
        """The timestep of a sigma, the inverse of `sigma_at`; sigmas beyond the range stay at its ends."""
        wanted = math.log(sigma)
        low = min(max(bisect_right(self.logs, wanted) - 1, 0), len(self.logs) - 2)
        gap = self.logs[low + 1] - self.logs[low]
        share = min(max((wanted - self.logs[low]) / gap, 0.0), 1.0) if gap > 0 else 0.0
        place = low + share if self.stride == 1 else low + round(share)
        return place * self.stride + self.stride - 1

    @property
    def last(self) -> int:
        """The highest timestep."""
        return len(self.logs) * self.stride - 1

    @property
    def first(self) -> int:
        """The lowest timestep."""
        return self.stride - 1

    @property
    def smallest(self) -> float:
        return math.exp(self.logs[0])

    @property
    def largest(self) -> float:
        return math.exp(self.logs[-1])

    def for_consistency(self) -> Levels:
        """The levels of which a latent consistency model knows: timesteps 19, 39 … 999."""
        return Levels(self.logs[LCM_STRIDE - 1 :: LCM_STRIDE], self.sdxl, LCM_STRIDE)


def levels_of(family: str = "sd1", zero_terminal_snr: bool = False, options: JobOptions | None = None) -> Levels:
    """The levels of a model of this family ("sd1", "sd2", "sdxl", "sdxl-refiner") under a job's options."""
    options = options or JobOptions()
    logs = _logs(zero_terminal_snr or asks_for_zero_snr(options), options.use_downcasted_alpha_bar)
    return Levels(logs, family.startswith("sdxl"))


def asks_for_zero_snr(options: JobOptions) -> bool:
    """Do the options rescale the levels of every model?"""
    return options.sd_noise_schedule == "Zero Terminal SNR"


@cache
def alphas_cumprod() -> tuple[float, ...]:
    """The share of signal after each training step: betas are squared even steps from sqrt(0.00085) to sqrt(0.012)."""
    low, high = math.sqrt(0.00085), math.sqrt(0.012)
    betas = ((low + (high - low) * k / (TRAINING_STEPS - 1)) ** 2 for k in range(TRAINING_STEPS))
    return tuple(accumulate((1 - beta for beta in betas), lambda product, factor: product * factor))


@cache
def _logs(zero_terminal_snr: bool, downcast: bool) -> tuple[float, ...]:
    """Logarithms of sqrt((1 - alpha) / alpha), rising."""
    alphas = np.array(alphas_cumprod())
    if downcast and not zero_terminal_snr:
        return tuple(map(float, np.log(_downcast_ratios(alphas)) / 2))
    if zero_terminal_snr:
        alphas = _without_signal_at_the_end(alphas.astype(np.float16).astype(np.float64) if downcast else alphas)
    return tuple(map(float, np.log((1 - alphas) / alphas) / 2))


def _downcast_ratios(alphas: NDArray[np.float64]) -> NDArray[np.float64]:
    """(1 - alpha) / alpha computed in float16, as models halved with their schedule do; powers stay in float32."""
    halved = alphas.astype(np.float16)
    return np.asarray((np.float16(1) - halved) / halved, dtype=np.float64)


def _without_signal_at_the_end(alphas: NDArray[np.float64]) -> NDArray[np.float64]:
    """Algorithm 1 of Lin et al. 2023: sqrt(alpha) shifted to end in 0 and scaled to begin as before."""
    roots = np.sqrt(alphas)
    rescaled: NDArray[np.float64] = ((roots - roots[-1]) * (roots[0] / (roots[0] - roots[-1]))) ** 2
    rescaled[-1] = TERMINAL_ALPHA
    return rescaled
