"""DPM-Solver++ (Lu et al. 2022) and DPM-Solver (Lu et al. 2022) in lambda = -log sigma, alpha = 1."""

import math
from itertools import pairwise

import numpy as np

from tests.runtime.references.slopes import ancestral


def lam(sigma):
    return -math.log(sigma) if sigma else math.inf


def dpmpp_2m(denoise, x, sigmas, draw, eta=0, churn=None):
    """Algorithm 2."""
    past = []
    for i in range(len(sigmas) - 1):
        past.append(denoise(x, sigmas[i]))
        h = lam(sigmas[i + 1]) - lam(sigmas[i])
        if i == 0 or sigmas[i + 1] == 0:
            direction = past[i]
        else:
            r = (lam(sigmas[i]) - lam(sigmas[i - 1])) / h
            direction = (1 + 1 / (2 * r)) * past[i] - 1 / (2 * r) * past[i - 1]
        x = sigmas[i + 1] / sigmas[i] * x - math.expm1(-h) * direction
    return x


def dpmpp_2s_ancestral(denoise, x, sigmas, draw, eta=1, churn=None):
    """Algorithm 1 with r = 1/2 down to the ancestral level."""
    for a, b in pairwise(sigmas):
        down, up = ancestral(a, b, eta)
        clean = denoise(x, a)
        if down == 0:
            x = clean
        else:
            h = lam(down) - lam(a)
            middle = math.exp(-(lam(a) + h / 2))
            u = middle / a * x - math.expm1(-h / 2) * clean
            x = down / a * x - math.expm1(-h) * denoise(u, middle)
        x = x + draw(a, b) * up if b else x
    return x


def dpmpp_sde(denoise, x, sigmas, draw, eta=1, churn=None):
    """The singlestep solver of the diffusion SDE: r = 1/2, both stages with an ancestral split."""
    r = 1 / 2
    for a, b in pairwise(sigmas):
        clean = denoise(x, a)
        if b == 0:
            x = clean
            continue
        h = lam(b) - lam(a)
        middle = math.exp(-(lam(a) + r * h))
        down, up = ancestral(a, middle, eta)
        u = down / a * x - math.expm1(lam(a) - lam(down)) * clean + draw(a, middle) * up
        weight = 1 / (2 * r)
        mixed = (1 - weight) * clean + weight * denoise(u, middle)
        down, up = ancestral(a, b, eta)
        x = down / a * x - math.expm1(lam(a) - lam(down)) * mixed + draw(a, b) * up
    return x


def multistep_sde(order, heun=False):
    """SDE-DPM-Solver++: the estimate as a Taylor polynomial in lambda, its integral against exp((1 + eta) lambda).

    The derivatives come from divided differences of Newton's form; the integrals are taken numerically exact by
    Gauss-Legendre, except that "midpoint" weighs the first one by half the integral of the constant.
    """
    nodes, weights = np.polynomial.legendre.leggauss(24)

    def moment(h, q, k):
        """Integral over u in 0 … h of q exp(-q (h - u)) u^k / k!."""
        u = (nodes + 1) / 2 * h
        return float(np.sum(weights / 2 * h * q * np.exp(-q * (h - u)) * u**k / math.factorial(k)))

    def sample(denoise, x, sigmas, draw, eta=1, churn=None):
        places, estimates, q = [], [], 1 + eta
        for a, b in pairwise(sigmas):
            places.append(lam(a))
            estimates.append(denoise(x, a))
            if b == 0:
                x = estimates[-1]
                continue
            h = lam(b) - lam(a)
            x = math.exp(-q * h) * x + moment(h, q, 0) * estimates[-1]
            p, f = places[::-1], estimates[::-1]
            if order == 2 and len(f) > 1:
                weight = moment(h, q, 1) if heun else moment(h, q, 0) * h / 2
                x = x + weight * (f[0] - f[1]) / (p[0] - p[1])
            if order == 3 and len(f) == 2:
                x = x + moment(h, q, 1) * (f[0] - f[1]) / (p[0] - p[1])
            if order == 3 and len(f) > 2:
                first, older = (f[0] - f[1]) / (p[0] - p[1]), (f[1] - f[2]) / (p[1] - p[2])
                # a divided difference, half the second derivative: so the authors' algorithm weighs it
                second = (first - older) / (p[0] - p[2])
                x = x + moment(h, q, 1) * (first + second * (p[0] - p[1])) + moment(h, q, 2) * second
            x = x + b * math.sqrt(1 - math.exp(-2 * eta * h)) * draw(a, b) if eta else x
        return x

    return sample


def solver_step(order, noise, x, s, t, r1):
    """Algorithms of DPM-Solver-1, -2 and -3 (appendix C) from lambda s to t; `noise(x, lambda)`."""
    h = t - s
    at = lambda place: math.exp(-place)  # noqa: E731
    e = noise(x, s)
    if order == 1:
        return x - at(t) * math.expm1(h) * e
    s1 = s + r1 * h
    d1 = noise(x - at(s1) * math.expm1(r1 * h) * e, s1) - e
    if order == 2:
        return x - at(t) * math.expm1(h) * e - at(t) / (2 * r1) * math.expm1(h) * d1
    r2 = 2 / 3
    s2 = s + r2 * h
    u2 = x - at(s2) * math.expm1(r2 * h) * e - at(s2) * r2 / r1 * (math.expm1(r2 * h) / (r2 * h) - 1) * d1
    d2 = noise(u2, s2) - e
    return x - at(t) * math.expm1(h) * e - at(t) / r2 * (math.expm1(h) / h - 1) * d2


def split(s, t, end, eta):
    """(lambda to step to, deviation of fresh noise), not beyond the end."""
    if not eta:
        return t, 0.0
    down = ancestral(math.exp(-s), math.exp(-t), eta)[0]
    reached = min(end, lam(down))
    return reached, math.sqrt(max(math.exp(-2 * t) - math.exp(-2 * reached), 0))


def dpm_fast(denoise, x, high, low, n, draw, eta):
    """Appendix C.3: n evaluations in steps even in lambda, of order 3 but for the last."""
    noise = lambda v, place: (v - denoise(v, math.exp(-place))) / math.exp(-place)  # noqa: E731
    orders = [3] * (n // 3 - 1) + [2, 1] if n % 3 == 0 else [3] * (n // 3) + [n % 3]
    edges = np.linspace(lam(high), lam(low), len(orders) + 1)
    for order, s, t in zip(orders, edges[:-1], edges[1:], strict=True):
        reached, up = split(s, t, edges[-1], eta)
        x = solver_step(order, noise, x, s, reached, 1 / 2 if order == 2 else 1 / 3)
        x = x + up * draw(math.exp(-s), math.exp(-t))
    return x


def dpm_adaptive(denoise, x, high, low, draw, eta):
    """Algorithm 2 of the paper with third order over second, an integral controller with an arctan limit."""
    noise = lambda v, place: (v - denoise(v, math.exp(-place))) / math.exp(-place)  # noqa: E731
    s, end, h, before = lam(high), lam(low), 0.05, x
    while s < end - 1e-5:
        t = min(end, s + h)
        reached, up = split(s, t, end, eta)
        lower = solver_step(2, noise, x, s, reached, 1 / 3)
        higher = solver_step(3, noise, x, s, reached, 1 / 3)
        delta = np.maximum(0.0078, 0.05 * np.maximum(abs(lower), abs(before)))
        error = np.sqrt(np.mean(((lower - higher) / delta) ** 2))
        factor = 1 + math.atan((1 / (error + 1e-8)) ** (1 / (1.5 if eta else 3)) - 1)
        if factor >= 0.81:
            before = lower
            x = higher + up * draw(math.exp(-s), math.exp(-t))
            s = t
        h *= factor
    return x
