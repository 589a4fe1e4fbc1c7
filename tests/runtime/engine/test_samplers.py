"""Samplers on a denoiser in closed form, against their published formulas in float64 NumPy.

For data ~ N(mean, deviation²) the best estimate of the clean value at level sigma is known exactly.
"""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from runtime import catalogue
from runtime.engine.noise import Noise
from runtime.engine.samplers import plan_course
from runtime.engine.schedules import SCHEDULES, ddim_timesteps

MEAN, DEVIATION = 0.7, 0.5
SHAPE = (4, 8, 8)
BETAS = np.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=np.float64) ** 2
ALPHAS = np.cumprod(1 - BETAS)


def denoise(x, sigma):
    return (x * DEVIATION**2 + MEAN * sigma**2) / (DEVIATION**2 + sigma**2)


def euler(x, sigmas, _draw, _eta):
    for sigma, following in pairwise(sigmas):
        slope = (x - denoise(x, sigma)) / sigma
        x = x + slope * (following - sigma)
    return x


def euler_ancestral(x, sigmas, draw, eta):
    for sigma, following in pairwise(sigmas):
        variance = following**2 * (sigma**2 - following**2) / sigma**2
        up = min(following, eta * variance**0.5)
        down = (following**2 - up**2) ** 0.5
        x = x + (x - denoise(x, sigma)) / sigma * (down - sigma)
        x = x + draw() * up if up else x
    return x


def dpmpp_2m(x, sigmas, _draw, _eta):
    """Algorithm 2 of the DPM-Solver++ paper with alpha = 1, written with lambdas and r."""
    previous, lambdas = None, [-math.log(sigma) if sigma else math.inf for sigma in sigmas]
    for i in range(len(sigmas) - 1):
        clean = denoise(x, sigmas[i])
        h = lambdas[i + 1] - lambdas[i]
        if previous is None or sigmas[i + 1] == 0:
            direction = clean
        else:
            r = (lambdas[i] - lambdas[i - 1]) / h
            direction = (1 + 1 / (2 * r)) * clean - 1 / (2 * r) * previous
        x = sigmas[i + 1] / sigmas[i] * x + (1 - math.exp(-h)) * direction
        previous = clean
    return x


def ddim(x, steps, draw, eta):
    """Formulas 12 and 16 of the DDIM paper in its own variables; x is the trained-on mixture, not divided."""
    timesteps = ddim_timesteps(steps) if steps > 1 else [1, 999]
    for now, before in zip(timesteps[:0:-1], timesteps[-2::-1], strict=True):
        a, b = ALPHAS[now], ALPHAS[before]
        clean = denoise(x / a**0.5, ((1 - a) / a) ** 0.5)
        noise = (x - a**0.5 * clean) / (1 - a) ** 0.5
        deviation = eta * ((1 - b) / (1 - a)) ** 0.5 * (1 - a / b) ** 0.5
        x = b**0.5 * clean + (1 - b - deviation**2) ** 0.5 * noise
        x = x + deviation * draw() if eta else x
    return x


REFERENCES = {"Euler": euler, "Euler a": euler_ancestral, "DPM++ 2M": dpmpp_2m}


def ours(sampler, scheduler, steps, eta=None, seeds=(3,)):
    noise = Noise(seeds, SHAPE, torch.device("cpu"))
    info = catalogue.find_sampler(sampler)[0]
    course = plan_course(info, scheduler, steps, eta)
    seen = []
    first = noise() * course.start
    x = course.loop(first, course.sigmas, denoise, noise, lambda step, *_: seen.append(step), course.eta)
    assert seen == list(range(course.steps))
    return x, course


def draws(seed=3):
    noise = Noise([seed], SHAPE, torch.device("cpu"))
    return lambda: noise().double().numpy()


@pytest.mark.parametrize("sampler", REFERENCES)
@pytest.mark.parametrize("scheduler", ["Uniform", "Karras", "Exponential", "Simple"])
@pytest.mark.parametrize("steps", [1, 2, 7, 20])
def test_against_the_formula(sampler, scheduler, steps):
    x, course = ours(sampler, scheduler, steps)
    draw = draws()
    sigmas = list(course.sigmas)
    expected = REFERENCES[sampler](draw() * sigmas[0], sigmas, draw, 1.0)
    assert np.abs(x.numpy() - expected).max() / np.abs(expected).max() <= 1e-4


@pytest.mark.parametrize("sampler", ["Euler", "Euler a", "DPM++ 2M", "DDIM"])
@pytest.mark.parametrize("scheduler", SCHEDULES)
def test_one_step_is_one_step(sampler, scheduler):
    assert ours(sampler, scheduler, 1)[1].steps == 1


@pytest.mark.parametrize("steps", [1, 2, 20, 30])
@pytest.mark.parametrize("eta", [None, 0.5, 1.0])
def test_ddim_against_the_formula(steps, eta):
    x, course = ours("DDIM", "Karras", steps, eta)
    assert course.steps == max(len(ddim_timesteps(steps)) - 1, 1)
    draw = draws()
    expected = ddim(draw(), steps, draw, eta or 0.0)
    assert np.abs(x.numpy() - expected).max() / np.abs(expected).max() <= 1e-4


@pytest.mark.parametrize("eta", [0.0, 0.4])
def test_eta_scales_the_fresh_noise_of_euler_a(eta):
    x, course = ours("Euler a", "Uniform", 8, eta)
    draw = draws()
    expected = euler_ancestral(draw() * course.sigmas[0], list(course.sigmas), draw, eta)
    assert np.abs(x.numpy() - expected).max() / np.abs(expected).max() <= 1e-4


@pytest.mark.parametrize("sampler", ["Euler", "Euler a", "DPM++ 2M"])
def test_many_steps_arrive_at_the_distribution(sampler):
    """With enough small steps the samples have the data's mean and deviation."""
    x, _ = ours(sampler, "Karras", 200, seeds=range(40))
    assert x.mean().item() == pytest.approx(MEAN, abs=0.03)
    assert x.std().item() == pytest.approx(DEVIATION, rel=0.05)


@pytest.mark.parametrize("sampler", ["Euler a", "DDIM"])
def test_a_batch_gives_what_single_pictures_give(sampler):
    batch, _ = ours(sampler, "Automatic", 6, 1.0, seeds=(5, 6, 7))
    for place, seed in enumerate((5, 6, 7)):
        alone, _ = ours(sampler, "Automatic", 6, 1.0, seeds=(seed,))
        assert torch.equal(batch[place], alone[0])


def test_noise_is_torchs_own_for_that_seed():
    generator = torch.Generator().manual_seed(11)
    noise = Noise([10, 11], SHAPE, torch.device("cpu"))
    for _ in range(2):
        assert torch.equal(noise()[1], torch.randn(SHAPE, generator=generator))
