"""One generation from a request to pictures: check, start, then for each batch draw, finish, save."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime

import torch

from runtime.engine import gauge, images
from runtime.engine.describe import Maker
from runtime.engine.easel import Easel
from runtime.engine.filenames import JobFacts
from runtime.engine.finish import Portfolio, all_seeds
from runtime.engine.hires import LATENT_MODES
from runtime.engine.job import Job, check
from runtime.engine.passes import draw, noise_multiplier
from runtime.engine.run import Batch, Learnt
from runtime.engine.saving import keep_start_image
from runtime.engine.start import Underpainting, underpaint
from runtime.engine.watch import Step, Watch, Wish
from runtime.request import Request, Result

__all__ = ["Step", "Wish", "generate"]


@torch.inference_mode()
def generate(request: Request, easel: Easel, report: Callable[[Step], None], wish: Callable[[], Wish]) -> Result:
    """Draw what `request` asks for; `report` is called and `wish` asked once per step.

    A batch that is cut short gives its pictures as they stand, never saved; "stop" ends the job, "skip" the batch.
    """
    began, device = time.monotonic(), easel.model.store.device
    gauge.begin(device)
    # 1. check
    if request.checkpoint:
        easel.take(request.checkpoint)
    comments = easel.fit_vae(request.options)
    home, native = easel.model.path, easel.model.traits.native
    job = check(request, native, easel.default_lora(request.options))
    _check_names(job, easel)
    # 2. start
    learnt = Learnt(dict(job.notes), [*job.comments, *comments])
    under, start_hash = _underpainting(job, easel, learnt)
    portfolio = _portfolio(job, easel, under, start_hash, learnt)
    with closing(Watch(easel, job.request, report, wish)) as watch:
        for number in range(job.request.n_iter):
            batch = Batch(number, job.seeds(number), job.subseeds(number))
            # 3. draw
            easel.return_to(home)
            drawn = draw(easel, job, batch, under, watch, learnt)
            # 4. finish, 5. save
            portfolio.add(drawn, batch, learnt.notes)
            more = number + 1 < job.request.n_iter
            if watch.stopping or (more and watch.wants_no_more() and watch.stopping):
                break
    grids = portfolio.add_grid(learnt.notes)
    maker = portfolio.maker
    return Result(
        request=portfolio.facts.request,
        pictures=tuple(portfolio.pictures),
        width=job.width,
        height=job.height,
        index_of_first_image=grids,
        interrupted=watch.stopping,
        model_name=maker.name,
        model_hash=maker.sha256,
        vae_name=maker.vae_name,
        vae_hash=maker.vae_hash,
        extra_generation_params=dict(learnt.notes),
        seconds=time.monotonic() - began,
        memory=gauge.read(device),
        comments=tuple(learnt.comments),
    )


def _check_names(job: Job, easel: Easel) -> None:
    """Before anything is drawn: RequestError `checkpoint-unknown` or `upscaler-unknown`."""
    second, options = job.second_pass, job.request.options
    for checkpoint in (job.request.refiner_checkpoint, job.hires and job.hires.checkpoint):
        if checkpoint:
            easel.path_of(checkpoint)
    if second is not None and second.upscaler not in LATENT_MODES:
        easel.upscaler(second.upscaler, options)
    if job.request.start is not None:
        easel.upscaler(options.upscaler_for_img2img, options)


def _underpainting(job: Job, easel: Easel, learnt: Learnt) -> tuple[Underpainting | None, str | None]:
    """The start pictures, and the hash of the first where it is told."""
    start, options = job.request.start, job.request.options
    if start is None:
        return None, None
    under = underpaint(start, options, job.width, job.height, easel.upscaler(options.upscaler_for_img2img, options))
    learnt.notes |= under.notes
    learnt.say(*under.comments)
    if noise_multiplier(job) != 1:
        learnt.notes["Noise multiplier"] = str(noise_multiplier(job))
    if not options.save_init_img:
        return under, None
    outputs = replace(easel.outputs, say=learnt.say)
    return under, keep_start_image(images.read_image(start.images[0]), options, outputs)


def _portfolio(
    job: Job, easel: Easel, under: Underpainting | None, start_hash: str | None, learnt: Learnt
) -> Portfolio:
    maker = Maker.of(easel.model)
    seeds, subseeds = all_seeds(job)
    told = replace(job.request, seed=job.seed, subseed=job.subseed, width=job.width, height=job.height)
    facts = JobFacts(told, seeds, subseeds, maker.name, maker.digest, maker.vae_name, began=datetime.now())
    return Portfolio(job, maker, facts, replace(easel.outputs, say=learnt.say), under, start_hash)
