"""Latent consistency sampling (Luo et al. 2023, arXiv:2310.04378): each estimate is a picture, noised anew."""

from __future__ import annotations

from torch import Tensor

from runtime.engine.samplers.walk import Walk
from runtime.engine.schedules import Levels

#: the deviation of the data that the boundary condition assumes, and how timesteps are scaled in it
DATA_DEVIATION, TIMESTEP_SCALING = 0.5, 10.0


def lcm(x: Tensor, walk: Walk, levels: Levels) -> Tensor:
    """The consistency function at each level; `levels` are those of `Levels.for_consistency`."""
    for step, sigma, following in walk.steps():
        keep, take = boundary(levels.timestep_of(sigma))
        clean = x * keep + walk.denoise(x, sigma) * take
        x = clean + walk.fresh(sigma, following) * following if following > 0 else clean
        walk.after(step, x, clean)
    return x


def boundary(timestep: float) -> tuple[float, float]:
    """(share of x, share of the estimate): at timestep 0 the function is the identity (Song et al. 2023)."""
    scaled = timestep * TIMESTEP_SCALING
    total = scaled**2 + DATA_DEVIATION**2
    return float(DATA_DEVIATION**2 / total), float(scaled / total**0.5)
