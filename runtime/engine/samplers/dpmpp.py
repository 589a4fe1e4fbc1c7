"""DPM-Solver++ and its stochastic kin (Lu et al. 2022, arXiv:2211.01095), data prediction with alpha = 1.

Steps are measured in lambda = -log sigma. A stochastic solver of eta takes (1 + eta) times the way and comes back
with fresh noise of deviation following * sqrt(1 - exp(-2 eta h)).
"""

from __future__ import annotations

import math

from torch import Tensor

from runtime.engine.samplers.walk import Walk, ancestral_split, glide, slope


def dpmpp_2m(x: Tensor, walk: Walk) -> Tensor:
    """Extrapolate from the last two estimates in lambda; first and last step are plain."""
    last: Tensor | None = None
    last_width = 0.0
    for step, sigma, following in walk.steps():
        clean = walk.denoise(x, sigma)
        width = _width(sigma, following)
        target = clean
        if last is not None and following > 0:
            share = width / (2 * last_width)
            target = clean * (1 + share) - last * share
        x = x * (following / sigma) - target * math.expm1(-width)
        last, last_width = clean, width
        walk.after(step, x, clean)
    return x


def _width(sigma: float, following: float) -> float:
    """How far two levels lie apart in lambda."""
    return math.log(sigma / following) if following > 0 else math.inf


def dpmpp_2s_ancestral(x: Tensor, walk: Walk) -> Tensor:
    """A singlestep solver of second order to a level below the next, and up to it with fresh noise."""
    for step, sigma, following in walk.steps():
        clean = walk.denoise(x, sigma)
        down, up = ancestral_split(sigma, following, walk.eta)
        if down == 0:
            x = x + slope(x, clean, sigma) * (down - sigma)
        else:
            middle = math.sqrt(sigma * down)
            better = walk.denoise(glide(x, clean, sigma, middle), middle)
            x = glide(x, better, sigma, down)
        if following > 0:
            x = x + walk.fresh(sigma, following) * up
        walk.after(step, x, clean)
    return x


def dpmpp_sde(x: Tensor, walk: Walk) -> Tensor:
    """The stochastic singlestep solver of second order, its second estimate halfway in lambda."""
    for step, sigma, following in walk.steps():
        clean = walk.denoise(x, sigma)
        if following == 0:
            x = x + slope(x, clean, sigma) * (following - sigma)
        else:
            middle = math.sqrt(sigma * following)
            down, up = ancestral_split(sigma, middle, walk.eta)
            halfway = glide(x, clean, sigma, down) + walk.fresh(sigma, middle) * up
            better = walk.denoise(halfway, middle)
            # weights 1 - 1/(2r) and 1/(2r) at r = 1/2: the second estimate alone
            down, up = ancestral_split(sigma, following, walk.eta)
            x = glide(x, better, sigma, down) + walk.fresh(sigma, following) * up
        walk.after(step, x, clean)
    return x


def dpmpp_2m_sde(x: Tensor, walk: Walk) -> Tensor:
    """The stochastic multistep solver of second order, midpoint variant."""
    return _multistep_sde(x, walk, heun=False)


def dpmpp_2m_sde_heun(x: Tensor, walk: Walk) -> Tensor:
    """The same, its correction weighted as the exact integral of a linear estimate."""
    return _multistep_sde(x, walk, heun=True)


def _multistep_sde(x: Tensor, walk: Walk, heun: bool) -> Tensor:
    last: Tensor | None = None
    last_width = 0.0
    for step, sigma, following in walk.steps():
        clean = walk.denoise(x, sigma)
        width = _width(sigma, following)
        if following == 0:
            x = clean
        else:
            whole = width * (1 + walk.eta)
            x = x * math.exp(-whole) - clean * math.expm1(-whole)
            if last is not None:
                weight = 1 + math.expm1(-whole) / whole if heun else -math.expm1(-whole) / 2
                x = x + (clean - last) * (weight * width / last_width)
            x = _freshened(x, walk, sigma, following)
        last, last_width = clean, width
        walk.after(step, x, clean)
    return x


def _freshened(x: Tensor, walk: Walk, sigma: float, following: float) -> Tensor:
    """x with the noise that a stochastic step of eta renews."""
    if walk.eta == 0:
        return x
    deviation = following * math.sqrt(-math.expm1(-2 * walk.eta * _width(sigma, following)))
    return x + walk.fresh(sigma, following) * deviation


def dpmpp_3m_sde(x: Tensor, walk: Walk) -> Tensor:
    """The stochastic multistep solver of third order; the first two steps are of first and second."""
    past: list[tuple[Tensor, float]] = []  # (clean, width of the step it led), newest first
    for step, sigma, following in walk.steps():
        clean = walk.denoise(x, sigma)
        width = _width(sigma, following)
        if following == 0:
            x = clean
        else:
            whole = width * (1 + walk.eta)
            x = x * math.exp(-whole) - clean * math.expm1(-whole) + _corrections(clean, past, width, whole)
            x = _freshened(x, walk, sigma, following)
        past = [(clean, width), *past[:1]]
        walk.after(step, x, clean)
    return x


def _corrections(clean: Tensor, past: list[tuple[Tensor, float]], width: float, whole: float) -> Tensor | float:
    """The first and second differences of the estimate, each with the integral of its power over the step."""
    if not past:
        return 0.0
    second = math.expm1(-whole) / whole + 1
    before, ratio = past[0][0], past[0][1] / width
    difference = (clean - before) / ratio
    if len(past) == 1:
        return difference * second
    earlier, other = past[1][0], past[1][1] / width
    older = (before - earlier) / other
    # the authors count this as the second derivative, of which it is half; so does every implementation
    bend = (difference - older) / (ratio + other)
    return (difference + bend * ratio) * second - bend * (second / whole - 0.5)
