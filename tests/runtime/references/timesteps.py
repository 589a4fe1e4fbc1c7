"""DDIM, CFG++, PLMS and UniPC in the variables they were published in: x = sqrt(alpha) picture + sqrt(1 - alpha) noise.

`estimate(x, timestep)` is the clean picture; timesteps rise, and the walk goes from the last to the first.
"""

import math

import numpy as np

BETAS = np.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=np.float64) ** 2
BARS = np.cumprod(1 - BETAS)


def estimator(denoise):
    """The denoiser of a divided x, for a mixture."""
    return lambda x, bar: denoise(x / bar**0.5, ((1 - bar) / bar) ** 0.5)


def epsilon(x, clean, bar):
    return (x - bar**0.5 * clean) / (1 - bar) ** 0.5


def ddim(denoise, x, timesteps, draw, eta=0.0, direction=None):
    """Formulas 12 and 16; `direction` estimates the noise of CFG++ instead."""
    estimate = estimator(denoise)
    for now, before in zip(timesteps[:0:-1], timesteps[-2::-1], strict=True):
        a, b = BARS[now], BARS[before]
        clean = estimate(x, a)
        noise = epsilon(x, clean if direction is None else estimator(direction)(x, a), a)
        deviation = eta * ((1 - b) / (1 - a)) ** 0.5 * (1 - a / b) ** 0.5
        x = b**0.5 * clean + (1 - b - deviation**2) ** 0.5 * noise
        x = x + deviation * draw(None, None) if eta else x
    return x


def plms(denoise, x, timesteps, draw, eta=0.0):
    """Formulas 9 to 13 of the PNDM paper; the first step is an improved Euler step."""
    estimate, past = estimator(denoise), []

    def transfer(x, noise, a, b):
        return b**0.5 * (x - (1 - a) ** 0.5 * noise) / a**0.5 + (1 - b) ** 0.5 * noise

    for now, before in zip(timesteps[:0:-1], timesteps[-2::-1], strict=True):
        a, b = BARS[now], BARS[before]
        past.append(epsilon(x, estimate(x, a), a))
        if len(past) == 1:
            ahead = transfer(x, past[0], a, b)
            mixed = (past[0] + epsilon(ahead, estimate(ahead, b), b)) / 2
        elif len(past) == 2:
            mixed = (3 * past[-1] - past[-2]) / 2
        elif len(past) == 3:
            mixed = (23 * past[-1] - 16 * past[-2] + 5 * past[-3]) / 12
        else:
            mixed = (55 * past[-1] - 59 * past[-2] + 37 * past[-3] - 9 * past[-4]) / 24
        x = transfer(x, mixed, a, b)
    return x


def log_alpha(time):
    return 0.5 * np.interp(time, np.arange(1, 1001) / 1000, np.log(BARS))


def unipc_times(steps, start=1.0, skip_type="time_uniform"):
    if skip_type == "time_quadratic":
        return np.linspace(start**0.5, 0.001**0.5, steps + 1) ** 2
    if skip_type == "logSNR":
        dense = np.linspace(0.001, 1, 2_000_001)
        ratios = log_alpha(dense) - 0.5 * np.log(1 - np.exp(2 * log_alpha(dense)))
        wanted = np.linspace(ratios[np.abs(dense - start).argmin()], ratios[0], steps + 1)
        return np.interp(wanted, ratios[::-1], dense[::-1])
    return np.linspace(start, 0.001, steps + 1)


def unipc(denoise, x, times, variant="bh1", order=3, lower_order_final=True):
    """Algorithms 5 and 6 (data prediction), B(h) = h or e^h - 1, or the varying coefficients of appendix C."""
    estimate = estimator(denoise)
    bars = np.exp(2 * log_alpha(times))
    lambdas = np.log(bars**0.5 / (1 - bars) ** 0.5)
    steps = len(times) - 1
    order = min(order, steps)
    known = [estimate(x, bars[0])]
    for i in range(1, steps + 1):
        p = min(order, i)
        if lower_order_final:
            p = min(p, steps + 1 - i)
        h = lambdas[i] - lambdas[i - 1]
        alpha, sigma, sigma_before = bars[i] ** 0.5, (1 - bars[i]) ** 0.5, (1 - bars[i - 1]) ** 0.5
        base = sigma / sigma_before * x - alpha * np.expm1(-h) * known[-1]
        r = [(lambdas[i - 1 - m] - lambdas[i - 1]) / h for m in range(1, p)]
        d = [known[-1 - m] - known[-1] for m in range(1, p)]
        predicted = base - alpha * combination(r, d, h, variant)
        if i == steps:
            return predicted
        new = estimate(predicted, bars[i])
        x = base - alpha * combination([*r, 1.0], [*d, new - known[-1]], h, variant)
        known.append(new)
    return x


def combination(r, d, h, variant):
    """Sum of a_m D_m / r_m, which for polynomials in lambda of degree len(r) equals the exact integral."""
    if not r:
        return 0.0
    # phi_(k+1)(-h) (-h) as plain series
    phis = [sum((-h) ** j / math.factorial(j + k) for j in range(1, 40)) for k in range(1, len(r) + 1)]
    divided = [difference / place for difference, place in zip(d, r, strict=True)]
    if len(r) == 1 and variant != "vary_coeff":
        scale = -h if variant == "bh1" else math.expm1(-h)
        return scale / 2 * divided[0]
    matrix = np.array([[place**k for place in r] for k in range(len(r))])
    targets = np.array([phi * math.factorial(k + 1) for k, phi in enumerate(phis)])
    weights = np.linalg.solve(matrix, targets)
    return sum(weight * one for weight, one in zip(weights, divided, strict=True))
