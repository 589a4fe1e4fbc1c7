"""Which steps are run, from where, with which numbers, and what is written down about it."""

import math

import numpy as np
import pytest
import torch

from runtime import catalogue
from runtime.engine.noise import Noise
from runtime.engine.samplers import Settings, plan_course
from runtime.engine.schedules import levels_of
from runtime.engine.schedules.spread import ddim_timesteps, quadratic_timesteps
from runtime.job_options import JobOptions
from runtime.request import Request, RequestError
from tests.runtime.references import timesteps
from tests.runtime.references.data import two_hills

LEVELS = levels_of()
SHAPE = (4, 3, 3)


def plan(name, steps=20, settings=None, strength=None, fixed=False, scheduler="Automatic"):
    return plan_course(
        catalogue.find_sampler(name)[0], scheduler, steps, settings or Settings(), LEVELS, strength, fixed
    )


def with_options(**options):
    return Settings(JobOptions(**options))


class Denoiser:
    def __call__(self, x, sigma):
        self.unconditional = two_hills(x, sigma)
        return self.unconditional


def run(course, latents=None, seed=4, denoise=None):
    noise, count = Noise([seed], shape=SHAPE, device=torch.device("cpu")), []
    x = course.run(
        course.begin(noise.first(), latents), denoise or Denoiser(), noise, lambda step, *_: count.append(step)
    )
    return x, len(count)


@pytest.mark.parametrize(
    ("strength", "steps", "run"), [(0.75, 20, 16), (0.5, 20, 11), (1.0, 20, 20), (0.01, 20, 1), (0, 20, 1)]
)
@pytest.mark.parametrize("name", ["Euler", "DPM2", "DPM++ 3M SDE", "LCM"])
def test_img2img_runs_the_last_part_of_the_schedule_and_one_step_more(name, strength, steps, run):
    whole, part = plan(name, steps), plan(name, steps, strength=strength)
    assert part.steps == run
    assert part.sigmas == whole.sigmas[-run - 1 :]
    # the Brownian path is that of the whole schedule
    assert part.brownian == whole.brownian


@pytest.mark.parametrize("name", ["Euler", "DPM++ SDE"])
@pytest.mark.parametrize("strength", [0.05, 0.5, 0.7, 1.0])
def test_fixed_steps_are_all_run(name, strength):
    part = plan(name, 20, strength=strength, fixed=True)
    assert part.steps == 20
    assert part.sigmas == plan(name, int(20 / min(strength, 0.999))).sigmas[-21:]


@pytest.mark.parametrize("name", [sampler.name for sampler in catalogue.SAMPLERS])
def test_no_strength_and_fixed_steps_is_no_step(name):
    course, latents = plan(name, strength=0.0, fixed=True), torch.full((1, *SHAPE), 0.3)
    x, count = run(course, latents)
    assert (course.steps, course.evaluations, count) == (0, 0, 0)
    assert torch.equal(x, latents)


@pytest.mark.parametrize("name", [sampler.name for sampler in catalogue.SAMPLERS if not sampler.own_timesteps])
@pytest.mark.parametrize("scheduler", ["Simple", "DDIM", "Uniform"])
def test_more_steps_than_the_model_has_levels_are_as_many_as_there_are(name, scheduler):
    course, latents = plan(name, 20, strength=0.005, fixed=True, scheduler=scheduler), torch.full((1, *SHAPE), 0.3)
    assert course.steps >= 1
    assert course.sigmas[0] <= LEVELS.sigma_at(40)
    assert torch.isfinite(run(course, latents)[0]).all()


def test_a_tiny_strength_takes_no_memory():
    assert plan("Euler", 20, strength=1e-12, fixed=True).steps == 20
    assert plan("DDIM", 20, strength=1e-12, fixed=True).steps >= 1


def test_k_samplers_begin_at_the_first_level():
    first, latents = torch.randn(1, *SHAPE), torch.randn(1, *SHAPE)
    course = plan("Euler")
    assert torch.equal(course.begin(first), first * course.sigmas[0])
    part = plan("Euler", strength=0.5)
    assert torch.allclose(part.begin(first, latents), latents + first * part.sigmas[0])


def test_unit_variance_at_the_start_on_demand():
    first, course = torch.randn(1, *SHAPE), plan("Euler", settings=with_options(sgm_noise_multiplier=True))
    assert torch.allclose(course.begin(first), first * math.sqrt(1 + course.sigmas[0] ** 2))
    assert course.infotext == {"SGM noise multiplier": "True"}
    part = plan("Euler", settings=with_options(sgm_noise_multiplier=True), strength=0.5)
    assert torch.allclose(part.begin(first, first * 0), first * part.sigmas[0])


@pytest.mark.parametrize(("name", "reference"), [("DDIM", timesteps.ddim), ("PLMS", timesteps.plms)])
@pytest.mark.parametrize("strength", [0.3, 0.75, 1.0])
def test_timestep_samplers_begin_one_level_below_their_noise(name, reference, strength):
    """As AUTOMATIC1111: noise of level t, the walk from the level under it."""
    latents = torch.randn(1, *SHAPE, generator=torch.Generator().manual_seed(1))
    x, _ = run(plan(name, 20, strength=strength), latents)
    places, entry = ddim_timesteps(20), int(min(strength, 0.999) * 20)
    first = torch.randn(SHAPE, generator=torch.Generator().manual_seed(4)).double().numpy()
    bar = timesteps.BARS[places[entry]]
    begun = bar**0.5 * latents.double().numpy() + (1 - bar) ** 0.5 * first
    expected = reference(two_hills, begun, places[:entry], None)
    assert np.abs(x.double().numpy() - expected).max() / np.abs(expected).max() <= 1e-4


def test_unipc_in_img2img_starts_at_the_last_timestep_that_is_walked():
    latents = torch.randn(1, *SHAPE, generator=torch.Generator().manual_seed(1))
    x, count = run(plan("UniPC", 20, strength=0.6), latents)
    places, entry = ddim_timesteps(20), 12
    first = torch.randn(SHAPE, generator=torch.Generator().manual_seed(4)).double().numpy()
    bar = timesteps.BARS[places[entry]]
    begun = bar**0.5 * latents.double().numpy() + (1 - bar) ** 0.5 * first
    times = timesteps.unipc_times(entry, (places[entry - 1] + 1) / 1000)
    expected = timesteps.unipc(two_hills, begun, times)
    assert count == 12
    assert np.abs(x.double().numpy() - expected).max() / np.abs(expected).max() <= 1e-4


@pytest.mark.parametrize("name", ["DDIM", "PLMS", "UniPC", "DDIM CFG++"])
@pytest.mark.parametrize("steps", [1, 2, 20])
def test_a_small_strength_never_leaves_the_noise_in(name, steps):
    """If the U-Net always sees the same grey, so does the result, but for the noise of the last level."""

    class Grey:
        def __call__(self, x, _sigma):
            self.unconditional = torch.full_like(x, 0.7)
            return self.unconditional

    latents = torch.full((1, *SHAPE), 0.7)
    for strength in (0.0, 0.05, 0.1, 0.5, 0.75):
        x, _ = run(plan(name, steps, strength=strength), latents, denoise=Grey())
        assert (x - latents).abs().max() < 0.2


@pytest.mark.parametrize("name", ["Euler", "DDIM"])
def test_extra_noise_is_added_in_img2img_alone(name):
    settings, first, latents = with_options(img2img_extra_noise=0.2), torch.randn(1, *SHAPE), torch.randn(1, *SHAPE)
    more, plain = plan(name, settings=settings, strength=0.5), plan(name, strength=0.5)
    added = more.begin(first, latents) - plain.begin(first, latents)
    if name == "DDIM":
        added = added * math.hypot(1, more.entry) / math.hypot(1, more.sigmas[0])
    assert torch.allclose(added, first * 0.2, atol=1e-5)
    assert more.infotext == {"Extra noise": "0.2"}
    assert plan(name, settings=settings).infotext == {}


def test_quadratic_levels_are_img2imgs():
    settings = with_options(ddim_discretize="quad")
    assert plan("DDIM", settings=settings).sigmas == plan("DDIM").sigmas
    levels = [LEVELS.sigma_at(place) for place in quadratic_timesteps(20)[:10]]
    assert plan("DDIM", settings=settings, strength=0.5).sigmas == tuple(reversed(levels))


def test_a_noise_schedule_that_does_not_exist_is_neither_taken_nor_told():
    settings = with_options(sd_noise_schedule="zz")
    assert levels_of(options=settings.options) == LEVELS
    assert plan("DDIM", settings=settings).infotext == {}


@pytest.mark.parametrize("name", ["DDIM", "PLMS", "UniPC", "DDIM CFG++"])
@pytest.mark.parametrize("strength", [0.3, 0.999])
def test_the_level_that_comes_twice_does_no_harm_in_img2img(name, strength):
    latents = torch.full((1, *SHAPE), 0.3)
    x, _ = run(plan(name, 600, strength=strength), latents)
    assert torch.isfinite(x).all()


def test_ddim_cfgpp_asks_for_the_negative_side_and_a_small_scale():
    course = plan("DDIM CFG++")
    assert (course.needs_uncond, course.blends_x) == (True, True)
    assert course.guidance_factor == pytest.approx(0.08)
    assert (plan("DDIM").needs_uncond, plan("DDIM").guidance_factor) == (False, 1.0)


def test_latent_consistency_takes_its_own_levels():
    course = plan("LCM", 4)
    assert course.levels.stride == 20
    assert course.sigmas[0] == pytest.approx(LEVELS.sigma_at(999))
    assert course.sigmas[3] == pytest.approx(LEVELS.sigma_at(19))


def test_only_steps_in_timesteps_blend_masks_into_x():
    for sampler in catalogue.SAMPLERS:
        assert plan(sampler.name).blends_x == sampler.own_timesteps


@pytest.mark.parametrize(
    ("name", "settings", "written"),
    [
        ("Euler a", Settings(eta=0.5), {"Eta": "0.5"}),
        ("Euler a", Settings(eta=1.0), {}),
        ("Euler a", with_options(eta_ancestral=0.3, eta_ddim=0.9), {"Eta": "0.3"}),
        ("DDIM", with_options(eta_ancestral=0.3, eta_ddim=0.9), {"Eta DDIM": "0.9"}),
        ("Euler", Settings(eta=0.5), {}),
        ("UniPC", Settings(eta=0.5), {}),
        ("Euler", Settings(s_churn=2.0, s_tmin=0.1, s_tmax=9.0, s_noise=1.1),
         {"Sigma churn": "2.0", "Sigma tmin": "0.1", "Sigma tmax": "9.0", "Sigma noise": "1.1"}),
        ("DPM++ 2M", Settings(s_churn=2.0, s_noise=1.1), {}),
        ("DPM++ SDE", Settings(s_churn=2.0, s_noise=1.1), {"Sigma noise": "1.1"}),
        ("UniPC", with_options(uni_pc_order=2, uni_pc_variant="bh2"), {"UniPC variant": "bh2", "UniPC order": "2"}),
        ("Euler", with_options(use_downcasted_alpha_bar=True), {"Downcast alphas_cumprod": "True"}),
        ("DDIM", with_options(sd_noise_schedule="Zero Terminal SNR"), {"Noise Schedule": "Zero Terminal SNR"}),
        ("DDIM", with_options(always_discard_next_to_last_sigma=True), {"Discard penultimate sigma": "True"}),
    ],
)  # fmt: skip
def test_what_infotext_says(name, settings, written):
    assert plan(name, settings=settings).infotext == written


def test_the_requests_numbers_come_before_the_options():
    options = JobOptions(eta_ancestral=0.2, s_noise=1.5)
    settings = Settings.of(Request(eta=0.0, s_noise=None, s_churn=3.0, options=options))
    course = plan("Euler a", settings=settings)
    assert (course.eta, course.s_noise) == (0.0, 1.5)
    assert plan("Euler", settings=settings).churn.amount == 3.0


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("Euler a", Settings(eta=-0.1)),
        ("Euler a", Settings(eta=math.nan)),
        ("DPM++ SDE", Settings(s_noise=math.inf)),
        ("Heun", Settings(s_churn=-1.0)),
        ("UniPC", with_options(uni_pc_variant="bh9")),
        ("UniPC", with_options(uni_pc_skip_type="never")),
        ("UniPC", with_options(uni_pc_order=0)),
    ],
)
def test_numbers_that_make_no_sense_are_refused(name, settings):
    with pytest.raises(RequestError):
        plan(name, settings=settings)


def test_an_infinite_upper_end_of_churn_is_as_good_as_0():
    assert (
        plan("Euler", settings=Settings(s_churn=1.0, s_tmax=math.inf)).churn
        == plan("Euler", settings=Settings(s_churn=1.0, s_tmax=0.0)).churn
    )
