"""The plan of one sampling: which loop, over which levels, from which start."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from torch import Tensor

from runtime.catalogue import SamplerInfo
from runtime.engine.noise import Noise
from runtime.engine.samplers import dpm_solver, dpmpp, euler, timesteps
from runtime.engine.samplers.lcm import lcm
from runtime.engine.samplers.restart import restart, restart_path
from runtime.engine.samplers.settings import Settings, check_unipc
from runtime.engine.samplers.unipc import UniPC, unipc_sigmas
from runtime.engine.samplers.walk import After, Churn, Denoiser, Walk
from runtime.engine.schedules import Levels, plan_sigmas
from runtime.engine.schedules.levels import asks_for_zero_snr
from runtime.engine.schedules.plan import discards
from runtime.engine.schedules.spread import ddim_timesteps, quadratic_timesteps
from runtime.job_options import JobOptions

Loop = Callable[[Tensor, Walk], Tensor]
LOOPS: dict[str, Loop] = {
    "DPM++ 2M": dpmpp.dpmpp_2m,
    "DPM++ SDE": dpmpp.dpmpp_sde,
    "DPM++ 2M SDE": dpmpp.dpmpp_2m_sde,
    "DPM++ 2M SDE Heun": dpmpp.dpmpp_2m_sde_heun,
    "DPM++ 2S a": dpmpp.dpmpp_2s_ancestral,
    "DPM++ 3M SDE": dpmpp.dpmpp_3m_sde,
    "Euler a": euler.euler_ancestral,
    "Euler": euler.euler,
    "LMS": euler.lms,
    "Heun": euler.heun,
    "DPM2": euler.dpm2,
    "DPM2 a": euler.dpm2_ancestral,
    "DPM adaptive": dpm_solver.dpm_adaptive,
    "Restart": restart,
    "DDIM": timesteps.ddim,
    "DDIM CFG++": timesteps.ddim_cfgpp,
    "PLMS": timesteps.plms,
}
#: what a guidance scale is multiplied by for CFG++, which counts from 0 to 1
CFGPP_FACTOR = 1 / 12.5
#: a schedule as fine as this is the same as a finer one
MOST_NOMINAL_STEPS = 100_000


@dataclass(frozen=True)
class Course:
    """One sampler with its levels chosen.

    The denoiser takes its timestep from `levels.timestep_of(sigma)`. Where `blends_x` is set, masks are blended into
    the x that the U-Net sees (in the scale it was trained on), and the estimate is x as it came less sigma times
    the noise seen; else into the estimate. Where `needs_uncond` is set, the denoiser's attribute `unconditional`
    holds the estimate that the negative prompt alone gave in the last call.
    """

    loop: Loop
    #: falling; empty where nothing is to be done
    sigmas: tuple[float, ...]
    levels: Levels
    #: calls of `after`; for DPM adaptive a guess
    steps: int
    #: calls of the denoiser; for DPM adaptive a guess
    evaluations: int
    eta: float = 0.0
    churn: Churn = field(default_factory=Churn)
    s_noise: float = 1.0
    #: the ends of the Brownian paths that fresh noise is taken from; None is plain noise
    brownian: tuple[float, float] | None = None
    #: the level at which a start image is noised; None is the first
    entry: float | None = None
    sgm_noise_multiplier: bool = False
    #: a share of the first noise that img2img adds on top
    extra_noise: float = 0.0
    blends_x: bool = False
    needs_uncond: bool = False
    #: what the guidance scale is multiplied by
    guidance_factor: float = 1.0
    infotext: dict[str, str] = field(default_factory=dict)

    def begin(self, first_noise: Tensor, latents: Tensor | None = None) -> Tensor:
        """x at the first level: of noise alone, or of a start image's latents with noise."""
        if not self.sigmas:
            return first_noise * 0 if latents is None else latents
        first, entry = self.sigmas[0], self.entry or self.sigmas[0]
        if latents is None:
            unit = self.blends_x or self.sgm_noise_multiplier
            return first_noise * (math.hypot(1.0, first) if unit else first)
        x = latents + first_noise * (entry + self.extra_noise)
        # a timestep sampler noises at one level and begins at another, in the scale that the U-Net was trained on
        return x * (math.hypot(1.0, first) / math.hypot(1.0, entry)) if self.blends_x else x

    def run(self, x: Tensor, denoise: Denoiser, noise: Noise, after: After) -> Tensor:
        """Latents, from x at the first level; what `after` or `denoise` raises passes through."""
        if not self.sigmas:
            return x
        tree = noise.brownian(*self.brownian) if self.brownian is not None else None

        def fresh(sigma: float, following: float) -> Tensor:
            drawn = noise() if tree is None else tree(sigma, following)
            return drawn if self.s_noise == 1 else drawn * self.s_noise

        return self.loop(x, Walk(self.sigmas, denoise, fresh, after, self.eta, self.churn))


def plan_course(
    sampler: SamplerInfo,
    scheduler: str,
    steps: int,
    settings: Settings,
    levels: Levels,
    denoising_strength: float | None = None,
    fixed_steps: bool = False,
) -> Course:
    """The course of a sampler over `steps`; `scheduler` is a label, "Automatic" included.

    With a denoising strength it is img2img's: the last int(strength * steps) + 1 of the steps, or with `fixed_steps`
    the last `steps` of as many more as the strength asks for. RequestError for settings that make no sense.
    """
    nominal, kept = _steps(steps, denoising_strength, fixed_steps)
    bent = partial(
        Course,
        eta=settings.eta_of(sampler),
        churn=settings.churn_of(sampler),
        s_noise=settings.noise_of(sampler),
        extra_noise=settings.options.img2img_extra_noise if denoising_strength is not None else 0.0,
    )
    plan = _plan_timesteps if sampler.own_timesteps else _plan_sigmas
    return plan(bent, sampler, scheduler, nominal, kept, settings, levels)


def _steps(steps: int, strength: float | None, fixed: bool) -> tuple[int, int | None]:
    """(steps of the whole schedule, how many of the last of them are run; None for all of txt2img)."""
    if strength is None:
        return steps, None
    share = min(strength, 0.999)
    if not fixed:
        return steps, int(share * steps) + 1
    if share <= 0:
        return 0, 0
    return min(int(steps / share), max(MOST_NOMINAL_STEPS, steps)), steps


def _plan_sigmas(
    bent: partial[Course],
    sampler: SamplerInfo,
    scheduler: str,
    nominal: int,
    kept: int | None,
    settings: Settings,
    levels: Levels,
) -> Course:
    """Samplers in sigmas."""
    if sampler.name == "LCM":
        levels = levels.for_consistency()
    if kept == 0:
        return bent(_idle, (), levels, 0, 0)
    whole, infotext = plan_sigmas(sampler, scheduler, nominal, settings.options, levels)
    sigmas = tuple(dict.fromkeys(whole if kept is None else _last(whole, nominal, kept)))
    infotext = _levels_text(settings.options) | infotext | settings.infotext(sampler)
    infotext |= _start_text(settings.options, kept)
    steps = len(sigmas) - 1
    course = partial(
        bent,
        levels=levels,
        infotext=infotext,
        brownian=(min(sigma for sigma in whole if sigma > 0), max(whole)) if sampler.brownian else None,
        sgm_noise_multiplier=settings.options.sgm_noise_multiplier and kept is None,
    )
    if sampler.adaptive or sampler.name == "DPM fast":
        ends = (sigmas[0], sigmas[-2] if kept is not None and steps > 1 else levels.smallest)
        if sampler.adaptive:
            return course(dpm_solver.dpm_adaptive, ends, steps=steps, evaluations=3 * steps)
        loop = partial(dpm_solver.dpm_fast, evaluations=steps)
        return course(loop, ends, steps=len(dpm_solver.fast_orders(steps)), evaluations=steps)
    if sampler.name == "LCM":
        return course(partial(lcm, levels=levels), sigmas, steps=steps, evaluations=steps)
    last = sigmas[-1]
    if sampler.name == "Restart":
        path = restart_path(sigmas)
        steps, last = len(path), path[-1][1]
    # a step down to 0 is Euler's, and asks once
    evaluations = 2 * steps - (last == 0) if sampler.second_order else steps
    return course(LOOPS[sampler.name], sigmas, steps=steps, evaluations=evaluations)


def _last(whole: Sequence[float], nominal: int, kept: int) -> Sequence[float]:
    """The end of a schedule; one with fewer levels than steps, as the model has 1000, is cut at the same share."""
    if len(whole) > nominal:
        return whole[nominal - kept :]
    return whole[min((len(whole) - 1) * (nominal - kept) // nominal, len(whole) - 2) :]


def _plan_timesteps(
    bent: partial[Course],
    sampler: SamplerInfo,
    _scheduler: str,
    nominal: int,
    kept: int | None,
    settings: Settings,
    levels: Levels,
) -> Course:
    """Samplers in timesteps; they end at timestep 1, and of n levels they use n - 1 steps."""
    options = settings.options
    infotext = _levels_text(options)
    course = partial(
        bent,
        levels=levels,
        blends_x=True,
        needs_uncond=sampler.name == "DDIM CFG++",
        guidance_factor=CFGPP_FACTOR if sampler.name == "DDIM CFG++" else 1.0,
        infotext=infotext,
    )
    if kept == 0:
        return course(_idle, (), steps=0, evaluations=0)
    count = nominal + discards(sampler, options, infotext)
    infotext.update(settings.infotext(sampler) | _start_text(options, kept))
    places, entry = _timesteps(count, kept, options)
    course = partial(course, entry=None if entry is None else levels.sigma_at(entry))
    if sampler.name == "UniPC":
        check_unipc(options)
        start = levels.last if kept is None else places[-1]
        steps = 1 if count == 1 else len(places)
        sigmas = unipc_sigmas(steps, start, options.uni_pc_skip_type, levels)
        loop: Loop = UniPC(options.uni_pc_variant, options.uni_pc_order, options.uni_pc_lower_order_final)
        return course(loop, sigmas, steps=steps, evaluations=steps)
    sigmas = tuple(levels.sigma_at(place) for place in reversed(places))
    steps = len(sigmas) - 1
    evaluations = steps + 1 if sampler.name == "PLMS" and steps else steps
    return course(LOOPS[sampler.name], sigmas, steps=steps, evaluations=evaluations)


def _timesteps(count: int, kept: int | None, options: JobOptions) -> tuple[Sequence[int], int | None]:
    """(timesteps that are walked, rising; the one at which a start image is noised, the next above them)."""
    if kept is None:
        # one level alone would be no step, and a picture of noise
        return (ddim_timesteps(count) if count > 1 else [1, 999]), None
    quadratic = options.ddim_discretize == "quad"
    places = quadratic_timesteps(count) if quadratic else ddim_timesteps(count)
    entry = min(kept - 1, len(places) - 1)
    # AUTOMATIC1111 begins one level below the noise; where nothing is left there, the step goes from the noise itself
    return (places[:entry] if entry > 1 else places[: entry + 1]), places[entry]


def _levels_text(options: JobOptions) -> dict[str, str]:
    entries = {"Downcast alphas_cumprod": "True"} if options.use_downcasted_alpha_bar else {}
    return entries | ({"Noise Schedule": "Zero Terminal SNR"} if asks_for_zero_snr(options) else {})


def _start_text(options: JobOptions, kept: int | None) -> dict[str, str]:
    if kept is None:
        return {"SGM noise multiplier": "True"} if options.sgm_noise_multiplier else {}
    return {"Extra noise": str(options.img2img_extra_noise)} if options.img2img_extra_noise > 0 else {}


def _idle(x: Tensor, _walk: Walk) -> Tensor:
    return x
