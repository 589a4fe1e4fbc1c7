"""Karras et al. 2022 (Euler, Heun, churn), ancestral steps, DPM-Solver-2, Adams-Bashforth, Restart."""

from itertools import pairwise

import numpy as np
from scipy.integrate import quad


def ancestral(a, b, eta):
    """(down, up) from the variance of the exact reverse transition b²(a² - b²)/a²."""
    up = min(b, eta * (b**2 * (a**2 - b**2) / a**2) ** 0.5)
    return (b**2 - up**2) ** 0.5, up


def churned(x, sigmas, i, draw, churn):
    """Lines 4 to 6 of algorithm 2."""
    amount, low, high = churn
    gamma = min(amount / (len(sigmas) - 1), 2**0.5 - 1) if low <= sigmas[i] <= high else 0.0
    epsilon = draw(sigmas[i], sigmas[i]) if amount else 0.0
    hat = sigmas[i] + gamma * sigmas[i]
    return x + (hat**2 - sigmas[i] ** 2) ** 0.5 * epsilon, hat


def euler(denoise, x, sigmas, draw, eta=0, churn=(0, 0, 1e9)):
    for i in range(len(sigmas) - 1):
        x, hat = churned(x, sigmas, i, draw, churn)
        x = x + (sigmas[i + 1] - hat) * (x - denoise(x, hat)) / hat
    return x


def heun(denoise, x, sigmas, draw, eta=0, churn=(0, 0, 1e9)):
    for i in range(len(sigmas) - 1):
        x, hat = churned(x, sigmas, i, draw, churn)
        x = heun_step(denoise, x, hat, sigmas[i + 1])
    return x


def heun_step(denoise, x, t, following):
    d = (x - denoise(x, t)) / t
    end = x + (following - t) * d
    if following != 0:
        d_end = (end - denoise(end, following)) / following
        end = x + (following - t) * (0.5 * d + 0.5 * d_end)
    return end


def dpm2(denoise, x, sigmas, draw, eta=0, churn=(0, 0, 1e9)):
    for i in range(len(sigmas) - 1):
        x, hat = churned(x, sigmas, i, draw, churn)
        x = dpm2_step(denoise, x, hat, sigmas[i + 1])
    return x


def dpm2_step(denoise, x, t, following):
    d = (x - denoise(x, t)) / t
    if following == 0:
        return x - t * d
    middle = np.exp((np.log(t) + np.log(following)) / 2)
    u = x + (middle - t) * d
    return x + (following - t) * (u - denoise(u, middle)) / middle


def euler_ancestral(denoise, x, sigmas, draw, eta=1, churn=None):
    for a, b in pairwise(sigmas):
        down, up = ancestral(a, b, eta)
        x = x + (x - denoise(x, a)) / a * (down - a)
        x = x + draw(a, b) * up if b else x
    return x


def dpm2_ancestral(denoise, x, sigmas, draw, eta=1, churn=None):
    for a, b in pairwise(sigmas):
        down, up = ancestral(a, b, eta)
        x = dpm2_step(denoise, x, a, down)
        x = x + draw(a, b) * up if down else x
    return x


def lms(denoise, x, sigmas, draw, eta=0, churn=None):
    """The interpolating polynomial through the last four slopes, integrated numerically."""
    slopes = []
    for i in range(len(sigmas) - 1):
        slopes.append((x - denoise(x, sigmas[i])) / sigmas[i])
        known = range(max(0, i - 3), i + 1)
        for j in known:

            def basis(tau, j=j, known=known):
                return np.prod([(tau - sigmas[k]) / (sigmas[j] - sigmas[k]) for k in known if k != j])

            x = x + quad(basis, sigmas[i], sigmas[i + 1], epsabs=1e-12, epsrel=1e-10)[0] * slopes[j]
    return x


def karras(n, low, high):
    ramp = np.linspace(0, 1, n)
    return (high ** (1 / 7) + ramp * (low ** (1 / 7) - high ** (1 / 7))) ** 7


def restart(denoise, x, sigmas, draw, eta=0, churn=None):
    """Down to 0.1 by Heun's method, up to 2 with noise and down again, once or twice; then on to 0."""
    steps = len(sigmas) - 1
    if steps < 20:
        levels, again, rounds = np.array(sigmas), 0, 0
    else:
        again, rounds = (steps // 4, 2) if steps >= 36 else (9, 1)
        levels = np.append(karras(steps - again * rounds, sigmas[-2], sigmas[0]), 0)
    low, high = np.abs(levels - 0.1).argmin(), np.abs(levels - 2).argmin()
    for i, (a, b) in enumerate(pairwise(levels)):
        x = heun_step(denoise, x, a, b)
        if rounds and i + 1 == low and high < low:
            for _ in range(rounds):
                loop = karras(again + 1, levels[low], levels[high])
                x = x + draw(loop[-1], loop[0]) * (loop[0] ** 2 - loop[-1] ** 2) ** 0.5
                for c, d in pairwise(loop):
                    x = heun_step(denoise, x, c, d)
    return x


def lcm(denoise, x, sigmas, draw, eta=0, churn=None):
    """Multistep consistency sampling; timesteps are found by their place among 19, 39 … 999."""
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    bars = np.cumprod(1 - betas)[19::20]
    known = np.log(((1 - bars) / bars) ** 0.5)
    for a, b in pairwise(sigmas):
        scaled = 10.0 * (np.abs(known - np.log(a)).argmin() * 20 + 19)
        skip, out = 0.25 / (scaled**2 + 0.25), scaled / (scaled**2 + 0.25) ** 0.5
        x = out * denoise(x, a) + skip * x
        x = x + b * draw(a, b) if b else x
    return x
