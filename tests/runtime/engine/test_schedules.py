"""Noise levels against the published figures and independent formulas."""

import math
from itertools import pairwise

import numpy as np
import pytest

from runtime import catalogue
from runtime.engine.schedules import SCHEDULES, ddim_timesteps, largest, sigma_at, smallest, timestep_of

BETAS = np.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=np.float64) ** 2
SIGMAS = np.sqrt((1 - np.cumprod(1 - BETAS)) / np.cumprod(1 - BETAS))
ALIGNED = [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029]


def test_the_ends_are_those_of_stable_diffusion():
    assert smallest() == pytest.approx(0.02917, abs=1e-5)
    assert largest() == pytest.approx(14.6146, abs=1e-4)


def test_all_levels_agree_with_numpy():
    assert [sigma_at(t) for t in range(1000)] == pytest.approx(SIGMAS.tolist(), rel=1e-10)


@pytest.mark.parametrize("timestep", [0, 0.5, 1, 17.25, 500, 998.9, 999])
def test_timesteps_and_sigmas_are_inverse(timestep):
    assert timestep_of(sigma_at(timestep)) == pytest.approx(timestep, abs=1e-8)


def test_between_levels_the_logarithm_is_even():
    assert sigma_at(10.5) == pytest.approx(math.sqrt(SIGMAS[10] * SIGMAS[11]))


@pytest.mark.parametrize("label", SCHEDULES)
def test_levels_fall_to_zero(label):
    for steps in (*range(1, 61), 150):
        sigmas = SCHEDULES[label](steps)
        assert sigmas[-1] == 0
        # DDIM's stride is a whole number, and where 1000 is no multiple of it there are levels to spare
        levels = math.ceil(999 / (1000 // steps)) if label == "DDIM" else steps
        assert len(sigmas) == levels + 1
        assert all(high > low for high, low in pairwise(sigmas))
        assert all(0.0289 < sigma <= 14.615 for sigma in sigmas[:-1])


def test_align_your_steps_is_the_published_table():
    assert SCHEDULES["Align Your Steps"](11) == pytest.approx([*ALIGNED, 0.0])
    between = [math.sqrt(high * low) for high, low in pairwise(ALIGNED)]
    assert SCHEDULES["Align Your Steps"](21)[1:-1:2] == pytest.approx(between)


def independent(label, n):
    ramp = np.linspace(0, 1, n)
    low, high = SIGMAS[0], SIGMAS[-1]

    def at(timesteps):
        return np.exp(np.interp(timesteps, np.arange(1000), np.log(SIGMAS)))

    return {
        "Uniform": lambda: at(np.linspace(999, 0, n)),
        "Normal": lambda: at(np.linspace(999, 0, n)),
        "Karras": lambda: (high ** (1 / 7) + ramp * (low ** (1 / 7) - high ** (1 / 7))) ** 7,
        "Exponential": lambda: np.exp(np.linspace(np.log(high), np.log(low), n)),
        "Polyexponential": lambda: np.exp(np.linspace(np.log(high), np.log(low), n)),
        "SGM Uniform": lambda: at(np.linspace(999, 0, n + 1)[:-1]),
        "Simple": lambda: SIGMAS[[999 - int(k * 1000 / n) for k in range(n)]],
        "DDIM": lambda: SIGMAS[1 :: 1000 // n][::-1],
        "Align Your Steps": lambda: np.exp(np.interp(ramp, np.linspace(0, 1, 11), np.log(ALIGNED))),
        "KL Optimal": lambda: np.tan((1 - ramp) * np.arctan(high) + ramp * np.arctan(low)),
    }[label]()


@pytest.mark.parametrize("label", [label for label in SCHEDULES if label != "Beta"])
@pytest.mark.parametrize("steps", [5, 20, 30])
def test_formulas(label, steps):
    assert SCHEDULES[label](steps)[:-1] == pytest.approx(independent(label, steps).tolist(), rel=1e-6)


def test_beta_quantiles_against_the_incomplete_beta_function():
    mpmath = pytest.importorskip("mpmath")
    for k, sigma in enumerate(SCHEDULES["Beta"](11)[:-1]):
        place = (sigma - smallest()) / (largest() - smallest())
        level = float(mpmath.betainc(0.6, 0.6, 0, place, regularized=True))
        assert level == pytest.approx(1 - k / 10, abs=1e-4)


def test_ddim_takes_one_level_more_where_the_stride_does_not_divide():
    assert ddim_timesteps(20) == [*range(1, 1000, 50)]
    assert (len(ddim_timesteps(30)), ddim_timesteps(30)[-1]) == (31, 991)
    assert ddim_timesteps(1) == [1]


def test_every_schedule_that_is_offered_exists():
    assert {scheduler.label for scheduler in catalogue.SCHEDULERS} == {"Automatic", *SCHEDULES}


@pytest.mark.parametrize(
    ("name", "sampler", "scheduler"),
    [
        ("Euler a", "Euler a", None),
        ("euler A", "Euler a", None),
        ("DPM++ 2M Karras", "DPM++ 2M", "Karras"),
        ("DPM++ 2M SGM Uniform", "DPM++ 2M", "SGM Uniform"),
        ("Euler Exponential", "Euler", "Exponential"),
    ],
)
def test_samplers_by_old_and_new_names(name, sampler, scheduler):
    found = catalogue.find_sampler(name)
    assert found is not None
    assert (found[0].name, found[1]) == (sampler, scheduler)


@pytest.mark.parametrize("name", ["", "k_euler", "Nonsense", "Nonsense Karras", "Karras", "Euler Automatic"])
def test_other_names_are_no_samplers(name):
    assert catalogue.find_sampler(name) is None


@pytest.mark.parametrize("name", ["karras", "Karras", "SGMUniform", "sgm_uniform", "automatic"])
def test_schedules_by_name_label_and_alias(name):
    assert catalogue.find_scheduler(name) is not None


def test_automatic_is_the_samplers_own():
    dpm, euler = (catalogue.find_sampler(name)[0] for name in ("DPM++ 2M", "Euler a"))
    assert catalogue.effective_scheduler(dpm, "Automatic") == "Karras"
    assert catalogue.effective_scheduler(euler, "automatic") == "Uniform"
    assert catalogue.effective_scheduler(euler, "simple") == "Simple"
    assert catalogue.written_scheduler(dpm, "Automatic") == "Karras"
    assert catalogue.written_scheduler(euler, "Automatic") == "Automatic"
    assert catalogue.written_scheduler(euler, "karras") == "Karras"
