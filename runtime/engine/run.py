"""One run of a sampler: prompts to guidance, noise to latents."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from runtime.catalogue import SamplerInfo
from runtime.engine import autoencoder
from runtime.engine.autoencoder import Coder
from runtime.engine.conditioning import Guidance, encode
from runtime.engine.easel import Easel, text_width
from runtime.engine.guidance import Denoiser, Kept, Scales, View
from runtime.engine.model import Model
from runtime.engine.noise import Noise
from runtime.engine.prompt import NetworkTag
from runtime.engine.samplers import Course, plan_course
from runtime.engine.samplers.settings import Settings
from runtime.engine.schedules import Levels, levels_of
from runtime.engine.start import Ground
from runtime.engine.tiling import wrapped
from runtime.engine.watch import StopError, Watch
from runtime.request import Request, RequestError


@dataclass(frozen=True)
class Run:
    """What is asked of one run; a job with hires fix has two."""

    request: Request
    #: without comments and tags
    prompt: str
    negative_prompt: str
    tags: tuple[NetworkTag, ...]
    sampler: SamplerInfo
    scheduler: str
    steps: int
    #: pixels
    width: int
    height: int
    #: None draws from noise alone
    denoising_strength: float | None = None
    fixed_steps: bool = False
    #: of the second pass; prompt editing counts on from the first's
    hires_steps: int | None = None
    image_cfg_scale: float | None = None
    noise_multiplier: float = 1.0
    refines: bool = True
    tiling: bool = False


@dataclass(frozen=True)
class Batch:
    """Images drawn together; `number` counts from 0."""

    number: int
    seeds: tuple[int, ...]
    subseeds: tuple[int, ...]

    def only(self, place: int) -> Batch:
        """One of its images."""
        return Batch(self.number, (self.seeds[place],), (self.subseeds[place],))


@dataclass
class Learnt:
    """What came up while drawing: entries of infotext in order, sentences for the user."""

    notes: dict[str, str] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)

    def say(self, *comments: str) -> None:
        """Each sentence once."""
        self.comments += [one for one in comments if one not in self.comments]


def coder_of(easel: Easel, run: Run) -> Coder:
    return Coder(easel.model, run.request.options.auto_vae_precision, run.tiling)


def noise_for(run: Run, batch: Batch, cells: tuple[int, int], device: torch.device) -> Noise:
    """`cells` is (height, width) of the latents."""
    request, options = run.request, run.request.options
    return Noise(
        batch.seeds,
        shape=(4, *cells),
        device=device,
        subseeds=batch.subseeds,
        subseed_strength=request.subseed_strength,
        resize_from=(request.seed_resize_from_w, request.seed_resize_from_h),
        source=options.randn_source,
        ensd=options.eta_noise_seed_delta,
    )


def sample(
    easel: Easel, run: Run, batch: Batch, ground: Ground | None, watch: Watch, number: int, learnt: Learnt, final: bool
) -> tuple[Tensor, bool]:
    """Latents (n, 4, h, w) in float32, and whether the user stopped before they were finished.

    `number` counts the sampler's runs of the job from 1; RequestError `nan-unet` if the U-Net gives no numbers.
    """
    with ExitStack() as stack:
        # 1. schedule
        course = _plan(easel.model, run)
        # 2. latents
        cells = (run.height // 8, run.width // 8) if ground is None else ground.cells
        noise = noise_for(run, batch, cells, easel.model.store.device)
        x = course.begin(noise.first() * run.noise_multiplier, None if ground is None else ground.latents)
        # 3. encode
        denoise = _denoiser(easel, run, batch, ground, course, stack, learnt)
        learnt.notes |= course.infotext
        # 4. loop
        watch.begin(course.steps, number, final)
        unfinished = False
        try:
            x = course.run(x, denoise, noise, watch.after)
        except StopError as stop:
            x, unfinished = stop.clean, True
        learnt.notes |= denoise.notes
    if easel.model.store.placement.check_numbers and not torch.isfinite(x).all():
        raise RequestError(
            "nan-unet",
            "The U-Net produced numbers that are no numbers, so there is no picture.",
            "Start with --no-half, or with --precision full --no-half on GTX 16xx cards; else try another checkpoint.",
        )
    return (x if ground is None else ground.restored(x)), unfinished


def _plan(model: Model, run: Run) -> Course:
    levels = levels_of(model.traits.family, model.traits.zero_terminal_snr, run.request.options)
    return plan_course(
        run.sampler, run.scheduler, run.steps, Settings.of(run.request), levels,
        run.denoising_strength, run.fixed_steps,
    )  # fmt: skip


def _denoiser(
    easel: Easel, run: Run, batch: Batch, ground: Ground | None, course: Course, stack: ExitStack, learnt: Learnt
) -> Denoiser:
    """Nobody but the denoiser holds the view: the refiner's takes its place in memory, too."""
    cells = (run.height // 8, run.width // 8) if ground is None else ground.cells
    channels = ground.channels if ground is not None else None
    if channels is None:
        channels = autoencoder.seen(coder_of(easel, run), None, None, batch.seeds, cells, run.request.options)
    kept = None
    if ground is not None and ground.redrawn is not None:
        kept = Kept(ground.latents, ground.redrawn, before=course.blends_x)
    change = _Swap(easel, run, course, stack, learnt) if run.refines and run.request.refiner_checkpoint else None
    view = replace(_view(easel, run, stack, learnt), levels=course.levels, channels=channels)
    return Denoiser(view, _scales(run, course), kept, change)


@dataclass
class _Swap:
    """The refiner takes over, once."""

    easel: Easel
    run: Run
    course: Course
    stack: ExitStack
    learnt: Learnt
    done: bool = False

    def due(self, call: int, sigma: float) -> bool:
        request, course = self.run.request, self.course
        share = 1.0 if request.refiner_switch_at is None else request.refiner_switch_at
        by_steps = request.options.refiner_switch_by_sample_steps
        return not self.done and passed(course, call, sigma, by_steps) > share

    def view(self) -> View:
        self.done = True
        request = self.run.request
        self.stack.close()
        model = self.easel.take(request.refiner_checkpoint or "")
        name = model.title if model.sha256 is None else f"{model.title} [{model.sha256[:10]}]"
        self.learnt.notes |= {"Refiner": name, "Refiner switch at": str(request.refiner_switch_at)}
        if request.options.refiner_switch_by_sample_steps:
            self.learnt.notes["Refiner switch by sampling steps"] = "True"
        return replace(_view(self.easel, self.run, self.stack, self.learnt), levels=self.course.levels)


def passed(course: Course, call: int, sigma: float, by_steps: bool) -> float:
    """The share that lies behind: of the calls, or of the noise levels that the model was trained on."""
    if by_steps:
        return call / max(course.evaluations, 1)
    return (course.levels.last - round(course.levels.timestep_of(sigma))) / (course.levels.last + 1)


def _view(easel: Easel, run: Run, stack: ExitStack, learnt: Learnt) -> View:
    """The model with its networks, lent until `stack` is closed, and what its text models make of the prompts."""
    model, options = easel.model, run.request.options
    worn = stack.enter_context(easel.wear(run.tags))
    if worn is not None:
        learnt.say(*worn.comments)
        if worn.hashes and options.lora_add_hashes_to_infotext:
            learnt.notes["Lora hashes"] = _listed(worn.hashes.items())
    guidance = _encode(easel, run)
    learnt.say(*guidance.comments)
    if guidance.embeddings and options.textual_inversion_add_hashes_to_infotext:
        learnt.notes["TI hashes"] = _listed(guidance.embeddings)
    if options.emphasis != "Original" and any(mark in run.prompt + run.negative_prompt for mark in "(["):
        learnt.notes["Emphasis"] = options.emphasis
    if guidance.padded:
        learnt.notes["Pad conds"] = "True"
    if guidance.old_rule:
        learnt.notes["Old prompt editing timelines"] = "True"
    unet = stack.enter_context(model.store.lend("unet"))
    if run.tiling:
        stack.enter_context(wrapped(unet))
    return View(unet, model.store.dtype("unet"), model.traits, Levels(()), guidance)


def _encode(easel: Easel, run: Run) -> Guidance:
    """Second-order samplers ask twice a step, and prompt editing counts their askings."""
    model, options = easel.model, run.request.options
    times = 2 if run.sampler.second_order else 1
    with model.store.lend("text") as texts:
        book = easel.read_embeddings([text_width(text) for text in texts])
        return encode(
            texts, model.traits, run.prompt, run.negative_prompt, run.request.steps * times, options, book,
            model.store.device, size=(run.width, run.height), hires_steps=run.hires_steps and run.hires_steps * times,
        )  # fmt: skip


def _listed(pairs: Any) -> str:
    return ", ".join(f"{name}: {digits}" for name, digits in pairs)


def _scales(run: Run, course: Course) -> Scales:
    request, options = run.request, run.request.options
    below = options.s_min_uncond if request.s_min_uncond is None else request.s_min_uncond
    scale = request.cfg_scale * course.guidance_factor
    scales = Scales.of(scale, run.image_cfg_scale, max(course.evaluations, 1), below, options)
    return replace(scales, needs_uncond=course.needs_uncond)
