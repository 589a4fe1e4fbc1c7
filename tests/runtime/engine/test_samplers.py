"""Every sampler's loop against its published formula in float64, on a denoiser in closed form.

Noise is what the engine's own streams hand out; Brownian increments come from trees that are made here.
"""

import math

import numpy as np
import pytest
import torch
import torchsde

from runtime import catalogue
from runtime.engine.noise import Noise
from runtime.engine.samplers import Settings, dpm_solver, plan_course
from runtime.engine.samplers.dpm_solver import dpm_adaptive
from runtime.engine.schedules import levels_of
from runtime.engine.schedules.spread import ddim_timesteps
from runtime.job_options import JobOptions
from runtime.request import RequestError
from tests.runtime.references import exponential, slopes, timesteps
from tests.runtime.references.data import OTHER_MEAN, gaussian, two_hills

SHAPE = (4, 4, 4)
SEEDS = (3, 2**40 + 4)
CPU = torch.device("cpu")
LEVELS = levels_of()
REFERENCES = {
    "DPM++ 2M": exponential.dpmpp_2m,
    "DPM++ SDE": exponential.dpmpp_sde,
    "DPM++ 2M SDE": exponential.multistep_sde(2),
    "DPM++ 2M SDE Heun": exponential.multistep_sde(2, heun=True),
    "DPM++ 2S a": exponential.dpmpp_2s_ancestral,
    "DPM++ 3M SDE": exponential.multistep_sde(3),
    "Euler a": slopes.euler_ancestral,
    "Euler": slopes.euler,
    "LMS": slopes.lms,
    "Heun": slopes.heun,
    "DPM2": slopes.dpm2,
    "DPM2 a": slopes.dpm2_ancestral,
    "Restart": slopes.restart,
    "LCM": slopes.lcm,
}
WITH_ETA = [name for name in REFERENCES if catalogue.find_sampler(name)[0].eta]


class Denoiser:
    """Counts its calls, and offers the estimate of the negative prompt alone."""

    def __init__(self):
        self.calls = 0

    def __call__(self, x, sigma):
        self.calls += 1
        assert x.dtype == torch.float32
        assert isinstance(sigma, float)
        self.unconditional = gaussian(x, sigma, OTHER_MEAN)
        return two_hills(x, sigma)


def noise_of(seeds=SEEDS):
    return Noise(seeds, shape=SHAPE, device=CPU)


def plan(sampler, scheduler, steps, settings=None, strength=None, fixed=False):
    info = catalogue.find_sampler(sampler)[0]
    return plan_course(info, scheduler, steps, settings or Settings(), LEVELS, strength, fixed)


def ours(course, seeds=SEEDS, latents=None):
    noise, denoise, seen = noise_of(seeds), Denoiser(), []
    x = course.run(course.begin(noise.first(), latents), denoise, noise, lambda step, *_: seen.append(step))
    assert seen == list(range(len(seen)))
    if course.loop is not dpm_adaptive:
        assert len(seen) == course.steps
        # so much new noise that a step goes down to 0 leaves nothing to ask for a second time
        assert denoise.calls == course.evaluations or (course.eta > 1 and denoise.calls < course.evaluations)
    return x


def draws(course, scale=1.0, seeds=SEEDS):
    """(first noise, draw) in float64; `draw` is Brownian where the course is."""
    noise = noise_of(seeds)
    first = noise.first().double().numpy()
    if course.brownian is None:
        return first, lambda _a, _b: noise().double().numpy() * scale
    low, high = course.brownian
    start = torch.zeros(SHAPE)
    ends = [float(np.float32(end)) for end in (low, high)]
    trees = [torchsde.BrownianTree(ends[0], start, ends[1], entropy=seed) for seed in seeds]

    def draw(a, b):
        low, high = sorted(float(np.float32(end)) for end in (a, b))
        walked = torch.stack([tree(max(low, round(ends[0], 6)), min(high, round(ends[1], 6))) for tree in trees])
        return -walked.double().numpy() / (high - low) ** 0.5 * scale

    return first, draw


def assert_close(x, expected):
    assert np.isfinite(expected).all()
    error = np.abs(x.double().numpy() - expected).max() / np.abs(expected).max()
    assert float(error) <= 1e-4


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("sampler", REFERENCES)
@pytest.mark.parametrize("scheduler", ["Uniform", "Karras", "Exponential", "KL Optimal"])
@pytest.mark.parametrize("steps", [1, 2, 7, 20])
def test_against_the_formula(sampler, scheduler, steps):
    course = plan(sampler, scheduler, steps)
    first, draw = draws(course)
    assert_close(ours(course), REFERENCES[sampler](two_hills, first * course.sigmas[0], course.sigmas, draw))


@pytest.mark.parametrize("sampler", WITH_ETA)
@pytest.mark.parametrize("eta", [0.0, 0.4, 1.3])
def test_eta_and_the_weight_of_fresh_noise(sampler, eta):
    course = plan(sampler, "Karras", 9, Settings(eta=eta, s_noise=0.9))
    first, draw = draws(course, 0.9)
    expected = REFERENCES[sampler](two_hills, first * course.sigmas[0], course.sigmas, draw, eta)
    assert_close(ours(course), expected)


@pytest.mark.parametrize("sampler", ["Euler", "Heun", "DPM2"])
@pytest.mark.parametrize(("low", "high"), [(0.0, 0.0), (0.3, 5.0)])
@pytest.mark.parametrize("amount", [2.0, 100.0])
def test_churn_within_its_window(sampler, low, high, amount):
    course = plan(sampler, "Karras", 9, Settings(s_churn=amount, s_tmin=low, s_tmax=high, s_noise=1.01))
    first, draw = draws(course, 1.01)
    churn = (amount, low, high or 1e9)
    expected = REFERENCES[sampler](two_hills, first * course.sigmas[0], course.sigmas, draw, churn=churn)
    assert_close(ours(course), expected)


@pytest.mark.parametrize("steps", [19, 20, 35, 36, 50])
def test_restart_repeats_by_the_number_of_steps(steps):
    course = plan("Restart", "Automatic", steps)
    assert course.steps == steps
    first, draw = draws(course)
    assert_close(ours(course), slopes.restart(two_hills, first * course.sigmas[0], course.sigmas, draw))


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 12, 20])
@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_dpm_fast(steps, eta):
    course = plan("DPM fast", "Automatic", steps, Settings(eta=eta))
    first, draw = draws(course)
    high, low = LEVELS.largest, LEVELS.smallest
    assert course.sigmas == (high, low)
    assert_close(ours(course), exponential.dpm_fast(two_hills, first * high, high, low, steps, draw, eta))


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_dpm_adaptive(eta):
    """In float64: its step widths follow the error's last digits."""
    course = plan("DPM adaptive", "Automatic", 20, Settings(eta=eta))
    first, draw = draws(course)
    noise = noise_of()
    x = course.run(course.begin(noise.first().double()), two_hills, noise, lambda *_: None)
    high, low = LEVELS.largest, LEVELS.smallest
    expected = exponential.dpm_adaptive(two_hills, first * high, high, low, draw, eta)
    assert_close(x, expected)
    # in float32 the widths differ a little, and with them the result, within the solver's own tolerance
    assert np.abs(ours(course).numpy() - expected).max() <= 0.02


@pytest.mark.parametrize("lost", [math.nan, math.inf])
def test_dpm_adaptive_comes_to_an_end_without_numbers(lost):
    course, noise = plan("DPM adaptive", "Automatic", 20), noise_of()
    asked = []

    def denoise(x, _sigma):
        asked.append(1)
        return x * lost

    x = course.run(course.begin(noise.first()), denoise, noise, lambda *_: None)
    assert torch.isnan(x).all()
    assert len(asked) == 3


def test_dpm_adaptive_that_never_finds_its_way_is_refused():
    course, noise = plan("DPM adaptive", "Automatic", 20), noise_of()
    dice = torch.Generator().manual_seed(1)
    steps = []
    with pytest.raises(RequestError) as refused:
        course.run(
            course.begin(noise.first()),
            lambda x, _sigma: torch.randn(x.shape, generator=dice) * 1e6,
            noise,
            lambda step, *_: steps.append(step),
        )
    assert refused.value.code == "too-many-steps"
    assert len(steps) == dpm_solver.MOST_STEPS


@pytest.mark.parametrize("steps", [1, 2, 5, 9, 20, 30, 600])
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("sampler", "direction"), [("DDIM", None), ("DDIM CFG++", OTHER_MEAN)])
def test_ddim(sampler, direction, steps, eta):
    course = plan(sampler, "Karras", steps, Settings(eta=eta))
    places = ddim_timesteps(steps) if steps > 1 else [1, 999]
    assert course.steps == len(places) - 1
    first, draw = draws(course)
    towards = direction and (lambda x, sigma: gaussian(x, sigma, direction))
    assert_close(ours(course), timesteps.ddim(two_hills, first, places, draw, eta, towards))


@pytest.mark.parametrize("steps", [2, 3, 4, 5, 20, 30, 600])
def test_plms(steps):
    course = plan("PLMS", "Automatic", steps)
    first, draw = draws(course)
    assert_close(ours(course), timesteps.plms(two_hills, first, ddim_timesteps(steps), draw))


@pytest.mark.parametrize("variant", ["bh1", "bh2", "vary_coeff"])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("steps", [2, 3, 7, 20])
def test_unipc(variant, order, steps):
    for final, skip in ((True, "time_uniform"), (False, "time_quadratic")):
        options = JobOptions(
            uni_pc_variant=variant, uni_pc_order=order, uni_pc_lower_order_final=final, uni_pc_skip_type=skip
        )
        course = plan("UniPC", "Automatic", steps, Settings(options))
        first, _ = draws(course)
        times = timesteps.unipc_times(len(ddim_timesteps(steps)), skip_type=skip)
        assert_close(ours(course), timesteps.unipc(two_hills, first, times, variant, order, final))


def test_unipc_in_even_steps_of_lambda():
    course = plan("UniPC", "Automatic", 10, Settings(JobOptions(uni_pc_skip_type="logSNR")))
    first, _ = draws(course)
    assert_close(ours(course), timesteps.unipc(two_hills, first, timesteps.unipc_times(10, skip_type="logSNR")))


@pytest.mark.parametrize("sampler", [info.name for info in catalogue.SAMPLERS if info.name != "DPM adaptive"])
@pytest.mark.parametrize("strength", [None, 0.6])
def test_a_picture_of_a_batch_is_that_of_its_seed_alone(sampler, strength):
    course = plan(sampler, "Automatic", 8, Settings(eta=0.7, s_churn=3.0), strength)
    latents = None if strength is None else torch.full((3, *SHAPE), 0.4)
    batch = ours(course, (5, 6, 7), latents)
    for place, seed in enumerate((5, 6, 7)):
        alone = ours(course, (seed,), latents if latents is None else latents[:1])
        assert torch.equal(batch[place], alone[0])


@pytest.mark.parametrize("sampler", [info.name for info in catalogue.SAMPLERS])
def test_the_same_seed_gives_the_same_bytes(sampler):
    course = plan(sampler, "Automatic", 5)
    assert torch.equal(ours(course), ours(course))
