"""One generation from a request to pictures: check, encode, schedule, latents, loop, decode, save."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from runtime import catalogue, infotext
from runtime.engine import images
from runtime.engine.conditioning import encode
from runtime.engine.job import SEEDS, Job, check
from runtime.engine.memory import Store
from runtime.engine.model import Model
from runtime.engine.noise import Noise
from runtime.engine.preview import preview
from runtime.engine.samplers import Course, Denoiser, Settings, plan_course
from runtime.engine.schedules import Levels, levels_of
from runtime.request import Picture, Request, RequestError, Result

#: what the autoencoder's latents are multiplied by
SCALING = 0.18215
#: what the user wants of the running job; None is to go on
Wish = Literal["skip", "stop"] | None


@dataclass(frozen=True)
class Step:
    """Step `step` of `steps` (from 1) of batch `batch` of `batches` (from 1) is done."""

    step: int
    steps: int
    batch: int
    batches: int
    preview: bytes | None = None


class _StopError(Exception):
    """The user wants this batch no longer; `clean` is the latest estimate of the pictures."""

    def __init__(self, clean: Tensor) -> None:
        super().__init__()
        self.clean = clean


@torch.inference_mode()
def generate(
    request: Request, model: Model, data_folder: Path, report: Callable[[Step], None], wish: Callable[[], Wish]
) -> Result:
    """Draw what `request` asks for; `report` is called and `wish` asked once per step.

    A batch that is cut short gives its pictures as they stand, never saved; "stop" ends the job, "skip" the batch.
    """
    began = time.monotonic()
    # 1. check
    job = check(request, model.traits.native)
    # 2. encode
    conditions = _encode(model, job)
    # 3. schedule
    levels = levels_of(model.traits.family, model.traits.zero_terminal_snr, request.options)
    course = plan_course(job.sampler, job.scheduler, request.steps, Settings.of(request), levels)
    pictures: list[Picture] = []
    interrupted = False
    for batch in range(request.n_iter):
        seeds = [(job.seed + batch * request.batch_size + k) % SEEDS for k in range(request.batch_size)]
        watch = _Watch(model.store, request, course.steps, batch + 1, report, wish)
        # 4. latents, 5. loop
        latents, unfinished = _sample(model.store, job, course, conditions, seeds, watch)
        # 6. decode, 7. save
        decoded = decode(model.store, latents)
        folder = data_folder / _folder(request) if request.save and not unfinished else None
        pictures += [_finish(job, model, course, one, seed, folder) for one, seed in zip(decoded, seeds, strict=True)]
        interrupted = watch.stopping or (batch + 1 < request.n_iter and wish() == "stop")
        if interrupted:
            break
    return Result(
        request=replace(job.request, seed=job.seed, width=job.width, height=job.height),
        pictures=tuple(pictures),
        width=job.width,
        height=job.height,
        interrupted=interrupted,
        model_name=model.title,
        model_hash=model.sha256 and model.sha256[:10],
        seconds=time.monotonic() - began,
        comments=job.comments,
    )


def _encode(model: Model, job: Job) -> tuple[Tensor, Tensor]:
    """(prompt, negative prompt) as hidden states (1, 77 * chunks, width)."""
    request, device = job.request, model.store.device
    with model.store.lend("text") as texts:
        guidance = encode(
            texts, model.traits, job.prompt, job.negative_prompt, request.steps, request.options, None, device,
            size=(job.width, job.height),
        )  # fmt: skip
    return guidance.parts[0][0].at(0).states, guidance.negative.at(0).states


def _sample(
    store: Store, job: Job, course: Course, conditions: tuple[Tensor, Tensor], seeds: Sequence[int], watch: _Watch
) -> tuple[Tensor, bool]:
    """Latents (n, 4, h/8, w/8) in float32, and whether the user stopped before they were finished."""
    options = job.request.options
    shape = (4, job.height // 8, job.width // 8)
    noise = Noise(
        seeds, shape=shape, device=store.device, source=options.randn_source, ensd=options.eta_noise_seed_delta
    )
    latents, unfinished = course.begin(noise.first()), False
    with store.lend("unet") as unet:
        denoise = guided(
            unet, store.dtype("unet"), *conditions, job.request.cfg_scale * course.guidance_factor, course.levels
        )
        try:
            latents = course.run(latents, denoise, noise, watch.after)
        except _StopError as stop:
            latents, unfinished = stop.clean, True
    if not torch.isfinite(latents).all():
        raise RequestError(
            "nan-unet",
            "The U-Net produced numbers that are no numbers, so there is no picture.",
            "Start with --no-half, or with --precision full --no-half on GTX 16xx cards; else try another checkpoint.",
        )
    return latents, unfinished


def guided(
    unet: torch.nn.Module,
    dtype: torch.dtype,
    prompt: Tensor,
    negative: Tensor,
    scale: float,
    levels: Levels | None = None,
) -> Denoiser:
    """Classifier-free guidance (Ho & Salimans 2022): negative + scale * (prompt - negative), as clean latents.

    Both sides run in one batch where they are equally long; padding the shorter one would change the picture.
    """

    known = levels or levels_of()

    def noise_in(scaled: Tensor, timestep: float, states: Tensor) -> Tensor:
        times = torch.full((len(scaled),), timestep, dtype=torch.float32, device=scaled.device)
        predicted: Tensor = unet(scaled.to(dtype), times, states.to(dtype), return_dict=False)[0]
        return predicted.float()

    def denoise(x: Tensor, sigma: float) -> Tensor:
        scaled, timestep, count = x / (sigma**2 + 1) ** 0.5, known.timestep_of(sigma), len(x)
        wanted, unwanted = prompt.expand(count, -1, -1), negative.expand(count, -1, -1)
        if scale == 1:
            return x - sigma * noise_in(scaled, timestep, wanted)
        if prompt.shape == negative.shape:
            both = noise_in(torch.cat([scaled, scaled]), timestep, torch.cat([wanted, unwanted]))
            towards, away = both.chunk(2)
        else:
            towards, away = noise_in(scaled, timestep, wanted), noise_in(scaled, timestep, unwanted)
        return x - sigma * (away + scale * (towards - away))

    return denoise


class _Watch:
    """What happens after every step: a preview now and then, a report, and the question whether to go on."""

    def __init__(
        self,
        store: Store,
        request: Request,
        steps: int,
        batch: int,
        report: Callable[[Step], None],
        wish: Callable[[], Wish],
    ) -> None:
        self._store, self._request, self._steps, self._batch = store, request, steps, batch
        self._report, self._wish = report, wish
        self.stopping = False

    def after(self, step: int, _x: Tensor, clean: Tensor) -> None:
        every, last = self._request.preview_every, step + 1 == self._steps
        look = every > 0 and not last and (step + 1) % every == 0
        shown = preview(self._store, clean, SCALING) if look else None
        self._report(Step(step + 1, self._steps, self._batch, self._request.n_iter, shown))
        wish = None if last else self._wish()
        self.stopping = wish == "stop"
        if wish:
            raise _StopError(clean)


def decode(store: Store, latents: Tensor) -> list[Tensor]:
    """Pictures (3, height, width) in -1 … 1, one at a time; a decoder that overflows goes on in float32."""
    with store.lend("vae") as vae:
        decoded = [_decode_one(vae, store.dtype("vae"), one) for one in latents]
        if not all(torch.isfinite(one).all() for one in decoded) and store.dtype("vae") != torch.float32:
            store.widen("vae")
            decoded = [_decode_one(vae, torch.float32, one) for one in latents]
    if not all(torch.isfinite(one).all() for one in decoded):
        message = "The VAE produced numbers that are no numbers, so there is no picture."
        raise RequestError("nan-vae", message, "Start with --no-half-vae, or choose another VAE or checkpoint.")
    return decoded


def _decode_one(vae: torch.nn.Module, dtype: torch.dtype, latent: Tensor) -> Tensor:
    decoded: Tensor = vae.decode((latent / SCALING).to(dtype)[None]).sample[0]  # type: ignore[operator]
    return decoded.float()


def _finish(job: Job, model: Model, course: Course, decoded: Tensor, seed: int, folder: Path | None) -> Picture:
    """Pixels, infotext, PNG, and the file where one is wanted."""
    text = describe(job, model, course, seed)
    png = images.to_png(images.to_image(decoded), text)
    path = None if folder is None else images.save_png(png, folder, seed, date.today())
    return Picture(png, seed, text, None if path is None else str(path))


def _folder(request: Request) -> str:
    return request.options.outdir_samples or request.options.outdir_txt2img_samples


def describe(job: Job, model: Model, course: Course, seed: int) -> str:
    """The infotext of the picture with this seed."""
    request = job.request
    clip_skip = request.options.CLIP_stop_at_last_layers
    items = {
        "Steps": request.steps,
        "Sampler": job.sampler.name,
        "Schedule type": catalogue.written_scheduler(job.sampler, job.scheduler),
        "CFG scale": request.cfg_scale,
        "Seed": seed,
        "Size": f"{job.width}x{job.height}",
        "Model hash": model.sha256 and model.sha256[:10],
        "Model": model.title,
        "Clip skip": clip_skip if clip_skip > 1 else None,
        "RNG": None if request.options.randn_source == "GPU" else request.options.randn_source,
        **course.infotext,
        "Version": infotext.VERSION,
    }
    return infotext.write_infotext(job.prompt, job.negative_prompt, items)
