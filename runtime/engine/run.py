"""One run of a sampler: prompts to guidance, noise to latents."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from runtime.catalogue import SamplerInfo
from runtime.engine import autoencoder, finite
from runtime.engine.autoencoder import Coder
from runtime.engine.conditioning import Guidance, encode, longest_text
from runtime.engine.device_queue import queue_of
from runtime.engine.easel import Easel, text_width
from runtime.engine.finite import FiniteWatch
from runtime.engine.graphs import build_of, graphs_of
from runtime.engine.guidance import Denoiser, Kept, Scales, View, prompts_asked
from runtime.engine.memory.needs import Picture
from runtime.engine.model import Model
from runtime.engine.networks.embeddings import EmbeddingBook
from runtime.engine.noise import Noise
from runtime.engine.prompt import NetworkTag, split_parts
from runtime.engine.samplers import Course, plan_course
from runtime.engine.samplers.settings import Settings
from runtime.engine.schedules import levels_of
from runtime.engine.shortage import lacks_memory
from runtime.engine.start import Ground
from runtime.engine.tiling import wrapped
from runtime.engine.watch import StopError, Watch
from runtime.hashes import short
from runtime.request import Request

_ON_DISK = (
    "The computer's memory cannot hold this model: its weights are read from the disk while it draws, which is slow. "
    "Close other programs, or take a smaller model."
)


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
    #: (width, height) that SDXL is told
    told_size: tuple[int, int]
    #: askings of the model in the job's first pass, by which prompt editing counts
    edited_steps: int
    #: None draws from noise alone
    denoising_strength: float | None = None
    fixed_steps: bool = False
    #: the same of the second pass; prompt editing counts on from the first's
    hires_edited_steps: int | None = None
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
    return Coder(easel.model, run.request.options.auto_vae_precision, run.tiling, easel.planner)


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
        sitting = _Sitting(easel, run, batch, ground, course, stack, learnt)
        denoise = _denoiser(sitting)
        learnt.notes |= course.infotext
        # 4. loop
        watch.begin(course.steps, number, final)
        unfinished, began = False, time.monotonic()
        try:
            x = course.run(x, denoise, noise, watch.after)
        except StopError as stop:
            x, unfinished = stop.clean, True
        learnt.notes |= denoise.notes
        if easel.model.store.policy.check_numbers and not torch.isfinite(x).all():
            raise finite.refuse()
        # the time to read another model on the way is counted, too; notes tell of steps without the negative prompt
        if easel.planner is not None and denoise.calls and not denoise.changed and not denoise.notes:
            # what was asked of the device may not be done yet
            queue_of(easel.model.store.device).mark().wait()
            seconds = (time.monotonic() - began) / denoise.calls
            easel.planner.learn(easel.model.store, easel.model.traits.family, sitting.picture, seconds)
    return (x if ground is None else ground.restored(x)), unfinished


def _plan(model: Model, run: Run) -> Course:
    levels = levels_of(model.traits.family, model.traits.zero_terminal_snr, run.request.options)
    return plan_course(
        run.sampler, run.scheduler, run.steps, Settings.of(run.request), levels,
        run.denoising_strength, run.fixed_steps,
    )  # fmt: skip


@dataclass(frozen=True)
class _Sitting:
    """One run and all that it is drawn with."""

    easel: Easel
    run: Run
    batch: Batch
    ground: Ground | None
    course: Course
    #: lends the model's parts until it is closed
    stack: ExitStack
    learnt: Learnt

    @property
    def refines(self) -> bool:
        """Is another model to take over?"""
        other = self.run.request.refiner_checkpoint
        return self.run.refines and bool(other) and self.easel.path_of(other or "") != self.easel.model.path

    @cached_property
    def book(self) -> EmbeddingBook:
        return self.easel.read_embeddings([text_width(text) for text in self.easel.model.store.modules("text")])

    @cached_property
    def picture(self) -> Picture:
        """What the U-Net works on at once."""
        run, scales = self.run, _scales(self.run, self.course, None)
        weights = [part.weight for part in split_parts(run.prompt)]
        return Picture(
            run.width,
            run.height,
            len(self.batch.seeds),
            prompts_asked(weights, scales, self.easel.model.traits),
            longest_text(
                run.prompt, run.negative_prompt, run.edited_steps, run.request.options, self.book,
                run.hires_edited_steps,
            ),
        )  # fmt: skip

    def view(self) -> View:
        """The model with its networks, what it sees, and what its text models make of the prompts."""
        easel, run, learnt, options = self.easel, self.run, self.learnt, self.run.request.options
        if easel.planner is not None:
            easel.planner.prepare(easel.model.store, easel.model.traits.family, self.picture)
        channels = self._channels()
        worn = self.stack.enter_context(easel.wear(run.tags))
        if worn is not None:
            learnt.say(*worn.comments)
            if worn.hashes and options.lora_add_hashes_to_infotext:
                learnt.notes["Lora hashes"] = _listed(worn.hashes.items())
        guidance = _encode(easel, run, self.book)
        _tell(learnt, run, guidance)
        model = easel.model
        if model.store.on_disk:
            learnt.say(_ON_DISK)
        unet = self.stack.enter_context(model.store.lend("unet"))
        if run.tiling:
            self.stack.enter_context(wrapped(unet))
        store = model.store
        if easel.planner is not None:
            easel.planner.begin(store)
        view = View(unet, store.dtype("unet"), model.traits, self.course.levels, guidance, channels)
        view = replace(view, make_room=store.make_room)
        # where models take turns the weights come back to other places, and the graphs' memory would be missed
        if not store.policy.graphs or store.policy.mode != "full":
            return view
        return replace(view, graphs=graphs_of(unet, store.device), build=build_of(unet))

    def _channels(self) -> Tensor | None:
        coder, seeds, options = coder_of(self.easel, self.run), self.batch.seeds, self.run.request.options
        if self.ground is not None:
            return self.ground.channels(coder, seeds, options)
        return autoencoder.seen(coder, None, None, seeds, (self.run.height // 8, self.run.width // 8), options)


def _denoiser(sitting: _Sitting) -> Denoiser:
    """Nobody but the denoiser holds the view: the refiner's takes its place in memory, too."""
    ground, course, kept = sitting.ground, sitting.course, None
    if ground is not None and ground.redrawn is not None:
        kept = Kept(ground.latents, ground.redrawn, before=course.blends_x)
    change = _Swap(sitting) if sitting.refines else None
    store = sitting.easel.model.store
    look = FiniteWatch(store.device).look if store.policy.check_numbers else None
    return Denoiser(sitting.view(), _scales(sitting.run, course, store.policy.batch_cond_uncond), kept, change, look)


@dataclass
class _Swap:
    """The refiner takes over, once."""

    sitting: _Sitting
    done: bool = False

    def due(self, call: int, sigma: float) -> bool:
        """No share given is from the first call on, as in AUTOMATIC1111."""
        request, course = self.sitting.run.request, self.sitting.course
        by_steps = request.options.refiner_switch_by_sample_steps
        return not self.done and passed(course, call, sigma, by_steps) >= (request.refiner_switch_at or 0.0)

    def view(self) -> View:
        self.done = True
        request, notes = self.sitting.run.request, self.sitting.learnt.notes
        self.sitting.stack.close()
        model = self.sitting.easel.take(request.refiner_checkpoint or "")
        digits = short(model.sha256)
        notes["Refiner"] = f"{model.title} [{digits}]" if digits else model.title
        if request.refiner_switch_at is not None:
            notes["Refiner switch at"] = str(request.refiner_switch_at)
        if request.options.refiner_switch_by_sample_steps:
            notes["Refiner switch by sampling steps"] = "True"
        # what was found out of the first model is none of this one's
        return replace(self.sitting).view()


def passed(course: Course, call: int, sigma: float, by_steps: bool) -> float:
    """The share that lies behind: of the calls, or of the noise levels that the model was trained on."""
    if by_steps:
        return call / max(course.evaluations, 1)
    return (course.levels.last - round(course.levels.timestep_of(sigma))) / (course.levels.last + 1)


def _tell(learnt: Learnt, run: Run, guidance: Guidance) -> None:
    """What came up while the prompts were encoded."""
    options = run.request.options
    learnt.say(*guidance.comments)
    if guidance.embeddings and options.textual_inversion_add_hashes_to_infotext:
        learnt.notes["TI hashes"] = _listed(guidance.embeddings)
    if options.emphasis != "Original" and any(mark in run.prompt + run.negative_prompt for mark in "(["):
        learnt.notes["Emphasis"] = options.emphasis
    if guidance.padded:
        learnt.notes["Pad conds"] = "True"
    if guidance.old_rule:
        learnt.notes["Old prompt editing timelines"] = "True"


def _encode(easel: Easel, run: Run, book: EmbeddingBook) -> Guidance:
    model, options = easel.model, run.request.options
    with model.store.lend("text") as texts:
        while True:
            try:
                return encode(
                    texts, model.traits, run.prompt, run.negative_prompt, run.edited_steps, options, book,
                    model.store.device, size=run.told_size, hires_steps=run.hires_edited_steps,
                )  # fmt: skip
            except (RuntimeError, MemoryError) as failure:
                if not lacks_memory(failure):
                    raise
                # its frames hold what was read
                lacking = failure.with_traceback(None)
            if not model.store.make_room():
                raise lacking


def _listed(pairs: Any) -> str:
    return ", ".join(f"{name}: {digits}" for name, digits in pairs)


def _scales(run: Run, course: Course, in_one_batch: bool | None) -> Scales:
    request, options = run.request, run.request.options
    below = options.s_min_uncond if request.s_min_uncond is None else request.s_min_uncond
    scale = request.cfg_scale * course.guidance_factor
    scales = Scales.of(scale, run.image_cfg_scale, max(course.evaluations, 1), below, options)
    scales = replace(scales, needs_uncond=course.needs_uncond)
    return scales if in_one_batch is None else replace(scales, in_one_batch=in_one_batch)
