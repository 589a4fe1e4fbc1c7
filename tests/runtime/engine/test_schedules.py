"""Noise levels against published figures and independent formulas."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from runtime import catalogue
from runtime.engine.schedules import SCHEDULES, levels_of, plan_sigmas
from runtime.engine.schedules.levels import TERMINAL_ALPHA
from runtime.engine.schedules.spread import Range, ddim_timesteps, quadratic_timesteps
from runtime.job_options import JobOptions
from runtime.request import RequestError

BETAS = np.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=np.float64) ** 2
SIGMAS = np.sqrt((1 - np.cumprod(1 - BETAS)) / np.cumprod(1 - BETAS))
ALIGNED = [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029]
LEVELS = levels_of()
WHOLE = Range.whole(LEVELS)


def sampler(name):
    return catalogue.find_sampler(name)[0]


def test_the_ends_are_those_of_stable_diffusion():
    assert LEVELS.smallest == pytest.approx(0.02917, abs=1e-5)
    assert LEVELS.largest == pytest.approx(14.6146, abs=1e-4)


def test_all_levels_agree_with_numpy():
    assert [LEVELS.sigma_at(t) for t in range(1000)] == pytest.approx(SIGMAS.tolist(), rel=1e-10)


@pytest.mark.parametrize("timestep", [0, 0.5, 1, 17.25, 500, 998.9, 999])
def test_timesteps_and_sigmas_are_inverse(timestep):
    assert LEVELS.timestep_of(LEVELS.sigma_at(timestep)) == pytest.approx(timestep, abs=1e-8)


def test_beyond_the_levels_is_the_nearest_end():
    assert (LEVELS.timestep_of(100.0), LEVELS.timestep_of(0.001)) == (999, 0)
    assert (LEVELS.sigma_at(1200), LEVELS.sigma_at(-3)) == (LEVELS.largest, LEVELS.smallest)


def test_between_levels_the_logarithm_is_even():
    assert LEVELS.sigma_at(10.5) == pytest.approx(math.sqrt(SIGMAS[10] * SIGMAS[11]))


def test_downcast_levels_are_those_that_users_printed_in_2022():
    """25 uniform levels of a halved model, as published in an issue of October 2022."""
    printed = [
        14.6116, 11.4338, 9.0777, 7.3021, 5.9490, 4.9028, 4.0869, 3.4386, 2.9182, 2.4957, 2.1488, 1.8592, 1.6160,
        1.4080, 1.2278, 1.0712, 0.9320, 0.8083, 0.6952, 0.5911, 0.4938, 0.3994, 0.3062, 0.2033, 0.0313, 0,
    ]  # fmt: skip
    levels = levels_of(options=JobOptions(use_downcasted_alpha_bar=True))
    assert SCHEDULES["Uniform"](25, Range.whole(levels)) == pytest.approx(printed, abs=6e-5)
    # several levels are the same in half precision
    assert levels.timestep_of(levels.smallest) == max(k for k, log in enumerate(levels.logs) if log == levels.logs[0])


@pytest.mark.parametrize("downcast", [False, True])
def test_zero_terminal_snr_ends_in_noise_alone(downcast):
    options = JobOptions(sd_noise_schedule="Zero Terminal SNR", use_downcasted_alpha_bar=downcast)
    levels = levels_of(options=options)
    assert levels.largest == pytest.approx(math.sqrt((1 - TERMINAL_ALPHA) / TERMINAL_ALPHA))
    assert levels.largest == pytest.approx(4518.77, rel=1e-4)
    assert levels.smallest == pytest.approx(SIGMAS[0], rel=1e-6 if not downcast else 0.1)
    roots = np.sqrt(np.cumprod(1 - BETAS))
    bar = ((roots[500] - roots[-1]) * roots[0] / (roots[0] - roots[-1])) ** 2
    assert levels.sigma_at(500) == pytest.approx(math.sqrt((1 - bar) / bar), rel=2e-3 if downcast else 1e-9)
    if not downcast:
        assert levels_of("sd2", zero_terminal_snr=True) == levels


def test_consistency_models_know_every_twentieth_timestep():
    levels = LEVELS.for_consistency()
    assert len(levels.logs) == 50
    assert (levels.first, levels.last) == (19, 999)
    for timestep in (19, 39, 519, 999):
        assert levels.sigma_at(timestep) == pytest.approx(SIGMAS[timestep])
        assert levels.timestep_of(SIGMAS[timestep] * 1.001) == timestep
        assert levels.timestep_of(SIGMAS[timestep] * 0.999) == timestep


@pytest.mark.parametrize("label", SCHEDULES)
def test_levels_fall_to_zero(label):
    for steps in (*range(1, 61), 150):
        sigmas = SCHEDULES[label](steps, WHOLE)
        assert sigmas[-1] == (pytest.approx(LEVELS.smallest) if label == "KL Optimal" else 0)
        # DDIM's stride is a whole number, and where 1000 is no multiple of it there are levels to spare
        levels = math.ceil(999 / (1000 // steps)) if label == "DDIM" else steps
        assert len(sigmas) == levels + 1
        assert all(high > low for high, low in pairwise(sigmas))
        assert all(0.0289 < sigma <= 14.615 for sigma in sigmas[:-1])


def test_align_your_steps_is_the_published_table():
    assert SCHEDULES["Align Your Steps"](11, WHOLE) == pytest.approx([*ALIGNED, 0.0])
    between = [math.sqrt(high * low) for high, low in pairwise(ALIGNED)]
    assert SCHEDULES["Align Your Steps"](21, WHOLE)[1:-1:2] == pytest.approx(between)


@pytest.mark.parametrize(
    ("family", "table"),
    [
        ("sd1", "StableDiffusionSigmas"),
        ("sdxl", "StableDiffusionXLSigmas"),
        ("sdxl-refiner", "StableDiffusionXLSigmas"),
    ],
)
def test_align_your_steps_has_a_table_for_each_family(family, table):
    schedulers = pytest.importorskip("diffusers.schedulers")
    published = schedulers.AysSchedules[table]
    assert SCHEDULES["Align Your Steps"](11, Range.whole(levels_of(family)))[:10] == pytest.approx(published[:10])


def independent(label, n, low=SIGMAS[0], high=SIGMAS[-1], rho=None):
    ramp = np.linspace(0, 1, n)

    def at(timesteps):
        return np.exp(np.interp(timesteps, np.arange(1000), np.log(SIGMAS)))

    def place(sigma):
        return np.interp(np.log(sigma), np.log(SIGMAS), np.arange(1000))

    r = rho or 7
    return {
        "Uniform": lambda: at(np.linspace(999, 0, n)),
        "Normal": lambda: at(np.linspace(place(high), place(low), n)),
        "Karras": lambda: (high ** (1 / r) + ramp * (low ** (1 / r) - high ** (1 / r))) ** r,
        "Exponential": lambda: np.exp(np.linspace(np.log(high), np.log(low), n)),
        "Polyexponential": lambda: np.exp((1 - ramp) ** (rho or 1) * (np.log(high) - np.log(low)) + np.log(low)),
        "SGM Uniform": lambda: at(np.linspace(place(high), place(low), n + 1)[:-1]),
        "Simple": lambda: SIGMAS[[999 - int(k * 1000 / n) for k in range(n)]],
        "DDIM": lambda: SIGMAS[1 :: 1000 // n][::-1],
        "Align Your Steps": lambda: np.exp(np.interp(ramp, np.linspace(0, 1, 11), np.log(ALIGNED))),
        "KL Optimal": lambda: np.tan(np.linspace(np.arctan(high), np.arctan(low), n + 1))[:-1],
        "Beta": lambda: low + (high - low) * stats.beta.ppf(1 - ramp, 0.6, 0.6),
    }[label]()


@pytest.mark.parametrize("label", SCHEDULES)
@pytest.mark.parametrize("steps", [5, 20, 30])
def test_formulas(label, steps):
    assert SCHEDULES[label](steps, WHOLE)[:-1] == pytest.approx(independent(label, steps).tolist(), rel=1e-6)


@pytest.mark.parametrize("label", ["Karras", "Exponential", "Polyexponential", "SGM Uniform", "Normal", "KL Optimal"])
def test_options_move_the_ends_and_rho(label):
    options = JobOptions(sigma_min=0.06, sigma_max=9.0, rho=3.0)
    sigmas, text = plan_sigmas(sampler("Euler"), label, 12, options, LEVELS)
    rho = 3.0 if label in ("Karras", "Polyexponential") else None
    assert sigmas[:-1] == pytest.approx(independent(label, 12, 0.06, 9.0, rho).tolist(), rel=1e-6)
    ends = {"Schedule min sigma": "0.06", "Schedule max sigma": "9.0"}
    assert text == ends | ({"Schedule rho": "3.0"} if rho else {})


def test_defaults_are_not_written_down():
    assert plan_sigmas(sampler("DPM++ 2M"), "Automatic", 9, JobOptions(rho=7.0), LEVELS)[1] == {}


def test_an_automatic_uniform_schedule_heeds_no_ends():
    options = JobOptions(sigma_min=0.06, sigma_max=9.0)
    sigmas, text = plan_sigmas(sampler("Euler"), "Automatic", 12, options, LEVELS)
    assert (sigmas, text) == (SCHEDULES["Uniform"](12, WHOLE), {})


def test_old_karras_ends():
    sigmas, _ = plan_sigmas(sampler("Euler"), "Karras", 12, JobOptions(use_old_karras_scheduler_sigmas=True), LEVELS)
    assert sigmas[:-1] == pytest.approx(independent("Karras", 12, 0.1, 10.0).tolist(), rel=1e-6)


def test_beta_writes_its_shape():
    options = JobOptions(beta_dist_alpha=0.5, beta_dist_beta=0.8)
    sigmas, text = plan_sigmas(sampler("Euler"), "Beta", 7, options, LEVELS)
    quantiles = stats.beta.ppf(np.linspace(1, 0, 7), 0.5, 0.8)
    assert sigmas[:-1] == pytest.approx((SIGMAS[0] + (SIGMAS[-1] - SIGMAS[0]) * quantiles).tolist(), rel=1e-6)
    assert text == {"Beta schedule alpha": "0.5", "Beta schedule beta": "0.8"}


@pytest.mark.parametrize("name", ["DPM2", "DPM2 a", "DPM++ 3M SDE"])
def test_some_samplers_leave_out_the_penultimate_level(name):
    sigmas, text = plan_sigmas(sampler(name), "Karras", 9, JobOptions(), LEVELS)
    whole = SCHEDULES["Karras"](10, WHOLE)
    assert (sigmas, text) == ([*whole[:-2], 0.0], {})


def test_the_penultimate_level_is_left_out_on_demand():
    options = JobOptions(always_discard_next_to_last_sigma=True)
    sigmas, text = plan_sigmas(sampler("Euler"), "Automatic", 9, options, LEVELS)
    assert sigmas == [*SCHEDULES["Uniform"](10, WHOLE)[:-2], 0.0]
    assert text == {"Discard penultimate sigma": "True"}


@pytest.mark.parametrize(
    "options",
    [
        JobOptions(sigma_min=3.0, sigma_max=2.0),
        JobOptions(sigma_min=20.0),
        JobOptions(sigma_max=-1.0),
        JobOptions(sigma_max=math.nan),
        JobOptions(rho=-2.0),
        JobOptions(rho=math.inf),
        JobOptions(rho=0.0001),
        JobOptions(rho=0.01, sigma_min=1e-5),
    ],
)
def test_ends_that_leave_no_range_are_refused(options):
    with pytest.raises(RequestError):
        plan_sigmas(sampler("Euler"), "Karras", 9, options, LEVELS)


def test_beta_without_shape_is_refused():
    with pytest.raises(RequestError, match="beta_dist_alpha"):
        plan_sigmas(sampler("Euler"), "Beta", 9, JobOptions(beta_dist_alpha=0.0), LEVELS)


def test_ddim_takes_one_level_more_where_the_stride_does_not_divide():
    assert ddim_timesteps(20) == [*range(1, 1000, 50)]
    assert (len(ddim_timesteps(30)), ddim_timesteps(30)[-1]) == (31, 991)
    assert ddim_timesteps(1) == [1]
    assert ddim_timesteps(5000) == [*range(1, 1000), 999]


@pytest.mark.parametrize(("steps", "levels"), [(3, 4), (9, 10), (27, 28), (37, 38), (600, 1000), (1000, 1000)])
def test_ddim_begins_at_the_highest_level_where_the_stride_meets_it(steps, levels):
    places = ddim_timesteps(steps)
    assert (len(places), places[-1]) == (levels, 999)


def test_quadratic_timesteps_are_denser_at_the_bottom():
    expected = (np.linspace(0, np.sqrt(800), 10) ** 2).astype(int) + 1
    assert quadratic_timesteps(10) == expected.tolist()
    assert len(set(quadratic_timesteps(500))) == len(quadratic_timesteps(500))


def test_every_schedule_that_is_offered_exists():
    assert {scheduler.label for scheduler in catalogue.SCHEDULERS} == {"Automatic", *SCHEDULES}
