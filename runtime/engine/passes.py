"""The runs of one batch: from noise or a start picture to latents, and hires fix's second pass over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from runtime.catalogue import SamplerInfo
from runtime.engine import autoencoder, hires, images
from runtime.engine.easel import Easel
from runtime.engine.job import Job, SecondPass
from runtime.engine.noise import Noise
from runtime.engine.pixels import to_tensor
from runtime.engine.resize import STRETCH, resize
from runtime.engine.run import Batch, Learnt, Run, coder_of, sample
from runtime.engine.start import Ground, Underpainting, lay_ground
from runtime.engine.upscale.enlarge import InterruptedUpscalingError, Watcher
from runtime.engine.watch import Watch


@dataclass(frozen=True)
class Drawn:
    """`pictures` (3, height, width) in -1 … 1; `small` the first pass's, where they are to be saved too."""

    pictures: list[Tensor]
    unfinished: bool
    small: tuple[Image.Image, ...] = ()


def draw(easel: Easel, job: Job, batch: Batch, under: Underpainting | None, watch: Watch, learnt: Learnt) -> Drawn:
    """One batch, as far as the user lets it go."""
    home, run, second = easel.model.path, first_run(job), job.second_pass
    number = batch.number * (1 if second is None else 2) + 1
    ground = None if under is None else lay_batch_ground(easel, run, batch, under)
    latents, unfinished = _sampled(easel, run, batch, ground, watch, number, learnt, final=second is None)
    small: tuple[Image.Image, ...] = ()
    if second is not None and not unfinished:
        if job.request.options.save_images_before_highres_fix and job.request.save:
            small = tuple(map(images.to_image, _decoded(easel, run, latents)))
        try:
            ground = _enlarged(easel, job, second, batch, latents, watch, home)
        except InterruptedUpscalingError:
            return Drawn(_decoded(easel, run, latents), True)
        run = second_run(job, second)
        latents, unfinished = _sampled(easel, run, batch, ground, watch, number + 1, learnt, final=True)
    return Drawn(_decoded(easel, run, latents), unfinished, small)


def _decoded(easel: Easel, run: Run, latents: Tensor) -> list[Tensor]:
    """Pictures (3, height, width) in -1 … 1."""
    if easel.planner is not None:
        easel.planner.before_decoding(easel.model.store)
    return autoencoder.decode(coder_of(easel, run), latents)


def _sampled(
    easel: Easel, run: Run, batch: Batch, ground: Ground | None, watch: Watch, number: int, learnt: Learnt, final: bool
) -> tuple[Tensor, bool]:
    """As `sample`, but images of a sampler that chooses its steps by what it sees are drawn one by one."""
    if not run.sampler.adaptive or len(batch.seeds) == 1:
        return sample(easel, run, batch, ground, watch, number, learnt, final)
    beginning, drawn = easel.model.path, []
    for place in range(len(batch.seeds)):
        easel.return_to(beginning)
        alone, under = batch.only(place), None if ground is None else ground.only(place)
        ends = final and place + 1 == len(batch.seeds)
        latents, unfinished = sample(easel, run, alone, under, watch, number, learnt, ends)
        drawn.append(latents)
        if unfinished:
            return torch.cat(drawn), True
    return torch.cat(drawn), False


def first_run(job: Job) -> Run:
    request, start = job.request, job.request.start
    run = Run(
        request, job.bare_prompt, job.negative_prompt, job.tags,
        job.sampler, job.scheduler, request.steps, job.width, job.height, told_size=(job.width, job.height),
        edited_steps=_askings(job.sampler, request.steps), tiling=job.tiling,
        refines=job.second_pass is None or request.options.hires_fix_refiner_pass in ("first pass", "both passes"),
    )  # fmt: skip
    if start is None:
        return run
    return replace(
        run,
        denoising_strength=start.denoising_strength,
        fixed_steps=request.options.img2img_fix_steps,
        image_cfg_scale=start.image_cfg_scale,
        noise_multiplier=noise_multiplier(job),
    )


def _askings(sampler: SamplerInfo, steps: int) -> int:
    """What prompt editing counts: second-order samplers ask twice a step."""
    return steps * 2 if sampler.second_order else steps


def noise_multiplier(job: Job) -> float:
    """What img2img's first noise is multiplied by."""
    start = job.request.start
    own = None if start is None else start.initial_noise_multiplier
    return job.request.options.initial_noise_multiplier if own is None else own


def second_run(job: Job, second: SecondPass) -> Run:
    request, hires_fix = job.request, job.request.hires
    width, height = second.target.cells
    same_words = request.options.hires_fix_use_firstpass_conds
    tags = job.tags if same_words else second.tags
    return Run(
        request,
        job.bare_prompt if same_words else second.prompt,
        job.negative_prompt if same_words else second.negative_prompt,
        tags,
        second.sampler,
        second.scheduler,
        second.steps,
        width * 8,
        height * 8,
        denoising_strength=0.0 if hires_fix is None else hires_fix.denoising_strength,
        fixed_steps=True,
        told_size=(job.width, job.height) if same_words else (second.target.width, second.target.height),
        edited_steps=_askings(job.sampler, request.steps),
        hires_edited_steps=None if same_words else _askings(second.sampler, second.steps),
        refines=request.options.hires_fix_refiner_pass in ("second pass", "both passes"),
        tiling=job.tiling,
    )


def lay_batch_ground(easel: Easel, run: Run, batch: Batch, under: Underpainting) -> Ground:
    """The start pictures as latents, for one batch."""

    def noise() -> Tensor:
        """Of the seeds alone: neither a variation nor a seed's other size changes what lies under the mask."""
        shape, source = (4, run.height // 8, run.width // 8), run.request.options.randn_source
        return Noise(batch.seeds, shape=shape, device=easel.model.store.device, source=source).first()

    return lay_ground(coder_of(easel, run), under, (run.width, run.height), batch.seeds, noise)


def _enlarged(
    easel: Easel, job: Job, second: SecondPass, batch: Batch, latents: Tensor, watch: Watch, home: Path
) -> Ground:
    """The first pass's result at the second's size: stretched as latents, or as a picture by an upscaler.

    Afterwards the second pass's model is in place: hires fix's own, or the job's at `home`.
    """
    upscaler, target, run = second.upscaler, second.target, first_run(job)
    if upscaler in hires.LATENT_MODES:
        _change_model(easel, job, home)
        return Ground(hires.cut(hires.stretch(latents, upscaler, target), target))
    enlarge = easel.upscaler(upscaler, job.request.options, Watcher(stop=watch.wants_no_more))
    pictures = [images.to_image(one) for one in _decoded(easel, run, latents)]
    tensors = [to_tensor(resize(STRETCH, one, target.width, target.height, enlarge)) for one in pictures]
    _change_model(easel, job, home)
    larger = hires.cut(torch.stack(autoencoder.encode(coder_of(easel, run), tensors, batch.seeds)), target)
    return Ground(larger, None, _cut_pixels(tensors, larger, target))


def _change_model(easel: Easel, job: Job, home: Path) -> None:
    if job.hires is not None and job.hires.checkpoint:
        easel.take(job.hires.checkpoint)
    else:
        easel.return_to(home)


def _cut_pixels(tensors: Sequence[Tensor], latents: Tensor, target: hires.Target) -> tuple[Tensor, ...]:
    """The pixels that belong to the cells."""
    top, left = target.cut_y // 2 * 8, target.cut_x // 2 * 8
    return tuple(one[:, top : top + latents.shape[2] * 8, left : left + latents.shape[3] * 8] for one in tensors)
