"""How fast the loops approach the exact answer, and how they compare with other implementations.

Data from one Gaussian has a probability flow in closed form, so the error of a loop is known exactly.
"""

import math

import numpy as np
import pytest
import torch

from runtime import catalogue
from runtime.engine.noise import Noise
from runtime.engine.samplers import Settings, dpm_solver, dpmpp, euler, plan_course, timesteps
from runtime.engine.samplers.unipc import UniPC
from runtime.engine.samplers.walk import Walk
from runtime.engine.schedules import levels_of
from tests.runtime.references.data import DEVIATION, MEAN, flowed, gaussian

HIGH, LOW = 12.0, 0.2


def walk(steps, denoise=gaussian):
    sigmas = [HIGH * (LOW / HIGH) ** (k / steps) for k in range(steps + 1)]
    return Walk(sigmas, denoise, lambda *_: torch.zeros(()), lambda *_: None, eta=0.0)


def error(loop, steps):
    x = torch.linspace(-20, 25, 40, dtype=torch.float64)
    return (loop(x, walk(steps)) - flowed(x, HIGH, LOW)).abs().max().item()


def undone(loop):
    """A timestep sampler's result, divided again as its x was."""
    return lambda x, way: loop(x, way) * math.hypot(1, way.sigmas[-1])


@pytest.mark.parametrize(
    ("loop", "order"),
    [
        (euler.euler, 1),
        (euler.euler_ancestral, 1),
        (euler.heun, 2),
        (euler.dpm2, 2),
        (euler.dpm2_ancestral, 2),
        (euler.lms, 3),
        (dpmpp.dpmpp_2m, 2),
        (dpmpp.dpmpp_2s_ancestral, 2),
        (dpmpp.dpmpp_sde, 2),
        (dpmpp.dpmpp_2m_sde, 2),
        (dpmpp.dpmpp_2m_sde_heun, 2),
        (dpmpp.dpmpp_3m_sde, 2),
        (undone(timesteps.ddim), 1),
        (undone(timesteps.plms), 2),
        (undone(UniPC(order=1)), 2),
        (undone(UniPC(order=2, lower_order_final=False)), 3),
        (undone(UniPC("bh2", order=2, lower_order_final=False)), 3),
        (undone(UniPC("vary_coeff", order=2, lower_order_final=False)), 3),
    ],
)
def test_halving_the_steps_divides_the_error(loop, order):
    """Twice the steps, 2^order less error, with some room for what lies beyond the leading term."""
    coarse, fine = error(loop, 80), error(loop, 160)
    assert coarse / fine >= 2 ** (order - 0.35)
    assert fine < 0.2


def test_dpm_fast_is_of_third_order():
    def loop(evaluations):
        return lambda x, way: dpm_solver.dpm_fast(x, way, evaluations)

    coarse, fine = error(loop(61), 2), error(loop(121), 2)
    assert coarse / fine >= 2**2
    assert fine < 1e-3


def test_dpm_adaptive_keeps_its_tolerance():
    assert error(dpm_solver.dpm_adaptive, 2) < 0.05


@pytest.mark.parametrize(
    "sampler", [info.name for info in catalogue.SAMPLERS if info.name not in ("DDIM CFG++", "LCM")]
)
def test_many_steps_arrive_at_the_distribution(sampler):
    """With enough small steps the samples have the data's mean and deviation."""
    info = catalogue.find_sampler(sampler)[0]
    # a Brownian tree costs much for each step and little for each number
    pictures, side, steps = (2, 40, 40) if info.brownian else (10, 16, 90)
    noise = Noise(range(pictures), shape=(4, side, side), device=torch.device("cpu"))
    course = plan_course(info, "Automatic", steps, Settings(), levels_of())
    x = course.run(course.begin(noise.first()), gaussian, noise, lambda *_: None)
    assert x.mean().item() == pytest.approx(MEAN, abs=0.04)
    assert x.std().item() == pytest.approx(DEVIATION, rel=0.12 if sampler == "Euler a" else 0.06)


def diffusers_course(scheduler, sigmas, first):
    """The scheduler's own steps over our sigmas, fed with our denoiser; x divided as ours."""
    scheduler.set_timesteps(len(sigmas) - 1)
    scheduler.sigmas = torch.tensor(sigmas, dtype=torch.float64)
    x = first / math.hypot(1, sigmas[0])
    for index, timestep in enumerate(scheduler.timesteps):
        sigma = sigmas[index]
        divided = x * math.hypot(1, sigma)
        x = scheduler.step((divided - gaussian(divided, sigma)) / sigma, timestep, x, return_dict=False)[0]
    return x * math.hypot(1, sigmas[-1])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("variant", ["bh1", "bh2"])
def test_unipc_against_diffusers(order, variant):
    schedulers = pytest.importorskip("diffusers")
    way = walk(9)
    theirs = schedulers.UniPCMultistepScheduler(
        solver_order=order, solver_type=variant, use_karras_sigmas=True, final_sigmas_type="sigma_min"
    )
    first = torch.randn(2, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(2)) * HIGH
    ours = undone(UniPC(variant, order))(first, way)
    expected = diffusers_course(theirs, list(way.sigmas), first)
    assert np.abs((ours - expected).numpy()).max() / expected.abs().max() <= 1e-4


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("order", "loop"), [(2, dpmpp.dpmpp_2m), (2, dpmpp.dpmpp_2m_sde), (3, dpmpp.dpmpp_3m_sde)])
def test_multistep_solvers_against_diffusers(order, loop):
    schedulers = pytest.importorskip("diffusers")
    way = walk(9)
    theirs = schedulers.DPMSolverMultistepScheduler(
        solver_order=order, use_karras_sigmas=True, final_sigmas_type="sigma_min", lower_order_final=False
    )
    first = torch.randn(2, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(2)) * HIGH
    expected = diffusers_course(theirs, list(way.sigmas), first)
    assert np.abs((loop(first, way) - expected).numpy()).max() / expected.abs().max() <= 1e-4
