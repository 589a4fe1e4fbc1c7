"""One generation from a request to pictures: check, encode, schedule, latents, loop, decode, save."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import torch
from torch import Tensor

from runtime import catalogue, infotext
from runtime.catalogue import SamplerInfo
from runtime.engine import images
from runtime.engine.conditioning import encode
from runtime.engine.memory import Store
from runtime.engine.noise import Noise
from runtime.engine.preview import preview
from runtime.engine.prompt import without_comments
from runtime.engine.samplers import Course, Denoiser, plan_course
from runtime.engine.schedules import timestep_of
from runtime.request import LARGEST_SEED, Picture, Request, RequestError, Result

#: what the autoencoder's latents are multiplied by
SCALING = 0.18215
SMALLEST_SIDE, LARGEST_SIDE = 64, 8192
MOST_STEPS = 1000
MOST_PICTURES = 1000


@dataclass(frozen=True)
class Model:
    """A loaded checkpoint, placed; `sha256` is None where files are not hashed."""

    title: str
    store: Store
    native: tuple[int, int]
    sha256: str | None = None


@dataclass(frozen=True)
class Step:
    """Step `step` of `steps` (from 1) of batch `batch` of `batches` (from 1) is done."""

    step: int
    steps: int
    batch: int
    batches: int
    preview: bytes | None = None


@dataclass(frozen=True)
class Job:
    """A request with every open question answered."""

    request: Request
    prompt: str
    negative_prompt: str
    sampler: SamplerInfo
    scheduler: str
    width: int
    height: int
    seed: int
    comments: tuple[str, ...] = ()


class _StopError(Exception):
    """The user interrupted; `clean` is the latest estimate of the pictures."""

    def __init__(self, clean: Tensor) -> None:
        super().__init__()
        self.clean = clean


@torch.inference_mode()
def generate(
    request: Request, model: Model, data_folder: Path, report: Callable[[Step], None], stopped: Callable[[], bool]
) -> Result:
    """Draw what `request` asks for; `report` is called and `stopped` asked once per step.

    An interrupted job gives the pictures that exist, the unfinished ones as they stand, those never saved.
    """
    began = time.monotonic()
    # 1. check
    job = check(request, model.native)
    # 2. encode
    conditions = _encode(model.store, job)
    # 3. schedule
    course = plan_course(job.sampler, job.scheduler, request.steps, request.eta)
    pictures: list[Picture] = []
    interrupted = False
    for batch in range(request.n_iter):
        seeds = [job.seed + batch * request.batch_size + k for k in range(request.batch_size)]
        watch = _Watch(model.store, request, course.steps, batch + 1, report, stopped)
        # 4. latents, 5. loop
        latents, interrupted = _sample(model.store, job, course, conditions, seeds, watch)
        # 6. decode, 7. save
        decoded = decode(model.store, latents)
        folder = data_folder / request.outdir if request.save and not interrupted else None
        pictures += [_finish(job, model, one, seed, folder) for one, seed in zip(decoded, seeds, strict=True)]
        if interrupted:
            break
    return Result(
        request=replace(request, seed=job.seed, width=job.width, height=job.height),
        pictures=tuple(pictures),
        width=job.width,
        height=job.height,
        interrupted=interrupted,
        model_name=model.title,
        model_hash=model.sha256 and model.sha256[:10],
        seconds=time.monotonic() - began,
        comments=job.comments,
    )


def check(request: Request, native: tuple[int, int]) -> Job:
    """Answer what the request leaves open; RequestError for what cannot be drawn."""
    found = catalogue.find_sampler(request.sampler_name)
    if found is None:
        names = ", ".join(sampler.name for sampler in catalogue.SAMPLERS)
        raise RequestError("sampler-unknown", f"Sampler not found: {request.sampler_name}.", f"There are {names}.")
    for name, value, most in (
        ("steps", request.steps, MOST_STEPS),
        ("batch_size", request.batch_size, MOST_PICTURES),
        ("n_iter", request.n_iter, MOST_PICTURES),
    ):
        if not 1 <= value <= most:
            raise RequestError("out-of-range", f"{name} is {value}.", f"It goes from 1 to {most}.")
    comments: list[str] = []
    width, height = (
        _side(name, side or own, comments)
        for name, side, own in (("width", request.width, native[0]), ("height", request.height, native[1]))
    )
    sampler, suffix = found
    scheduler = _scheduler(request.scheduler, suffix, comments)
    seed = request.seed if request.seed >= 0 else random.randrange(LARGEST_SEED)
    prompt, negative = without_comments(request.prompt), without_comments(request.negative_prompt)
    return Job(request, prompt, negative, sampler, scheduler, width, height, seed, tuple(comments))


def _side(name: str, side: int, comments: list[str]) -> int:
    """Latents have one cell per 8 pixels, so a side is cut down to a multiple of 8, as AUTOMATIC1111 does."""
    if not SMALLEST_SIDE <= side <= LARGEST_SIDE:
        hint = f"It goes from {SMALLEST_SIDE} to {LARGEST_SIDE} pixels."
        raise RequestError("size-out-of-range", f"{name} is {side}.", hint)
    if side % 8:
        comments.append(f"{name} {side} is no multiple of 8; {side - side % 8} was drawn.")
    return side - side % 8


def _scheduler(asked: str, suffix: str | None, comments: list[str]) -> str:
    """The schedule in the sampler's name counts where none is asked for by itself."""
    found = catalogue.find_scheduler(asked or "Automatic")
    if found is None:
        comments.append(f"Schedule type {asked} is not known; Automatic was used.")
    if found is None or found.label == "Automatic":
        return suffix or "Automatic"
    return found.label


def _encode(store: Store, job: Job) -> tuple[Tensor, Tensor]:
    """(prompt, negative prompt) as hidden states (1, 77 * chunks, width)."""
    with store.lend("text") as text:
        skip = job.request.clip_skip
        return encode(text, job.prompt, skip, store.device), encode(text, job.negative_prompt, skip, store.device)


def _sample(
    store: Store, job: Job, course: Course, conditions: tuple[Tensor, Tensor], seeds: Sequence[int], watch: _Watch
) -> tuple[Tensor, bool]:
    """Latents (n, 4, h/8, w/8) in float32, and whether the user stopped on the way."""
    noise = Noise(seeds, (4, job.height // 8, job.width // 8), store.device)
    latents, interrupted = noise() * course.start, False
    with store.lend("unet") as unet:
        denoise = guided(unet, store.dtype("unet"), *conditions, job.request.cfg_scale)
        try:
            latents = course.loop(latents, course.sigmas, denoise, noise, watch.after, course.eta)
        except _StopError as stop:
            latents, interrupted = stop.clean, True
    if not torch.isfinite(latents).all():
        raise RequestError(
            "nan-unet",
            "The U-Net produced numbers that are no numbers, so there is no picture.",
            "Start with --no-half, or with --precision full --no-half on GTX 16xx cards; else try another checkpoint.",
        )
    return latents, interrupted


def guided(unet: torch.nn.Module, dtype: torch.dtype, prompt: Tensor, negative: Tensor, scale: float) -> Denoiser:
    """Classifier-free guidance (Ho & Salimans 2022): negative + scale * (prompt - negative), as clean latents.

    Both sides run in one batch where they are equally long; padding the shorter one would change the picture.
    """

    def noise_in(scaled: Tensor, timestep: float, states: Tensor) -> Tensor:
        times = torch.full((len(scaled),), timestep, dtype=torch.float32, device=scaled.device)
        predicted: Tensor = unet(scaled.to(dtype), times, states.to(dtype), return_dict=False)[0]
        return predicted.float()

    def denoise(x: Tensor, sigma: float) -> Tensor:
        scaled, timestep, count = x / (sigma**2 + 1) ** 0.5, timestep_of(sigma), len(x)
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
        stopped: Callable[[], bool],
    ) -> None:
        self._store, self._request, self._steps, self._batch = store, request, steps, batch
        self._report, self._stopped = report, stopped

    def after(self, step: int, _x: Tensor, clean: Tensor) -> None:
        every, last = self._request.preview_every, step + 1 == self._steps
        look = every > 0 and not last and (step + 1) % every == 0
        shown = preview(self._store, clean, SCALING) if look else None
        self._report(Step(step + 1, self._steps, self._batch, self._request.n_iter, shown))
        if self._stopped() and not last:
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


def _finish(job: Job, model: Model, decoded: Tensor, seed: int, folder: Path | None) -> Picture:
    """Pixels, infotext, PNG, and the file where one is wanted."""
    text = describe(job, model, seed)
    png = images.to_png(images.to_image(decoded), text)
    path = None if folder is None else images.save_png(png, folder, seed, date.today())
    return Picture(png, seed, text, None if path is None else str(path))


def describe(job: Job, model: Model, seed: int) -> str:
    """The infotext of the picture with this seed."""
    request = job.request
    items = {
        "Steps": request.steps,
        "Sampler": job.sampler.name,
        "Schedule type": catalogue.written_scheduler(job.sampler, job.scheduler),
        "CFG scale": request.cfg_scale,
        "Seed": seed,
        "Size": f"{job.width}x{job.height}",
        "Model hash": model.sha256 and model.sha256[:10],
        "Model": model.title,
        "Clip skip": request.clip_skip if request.clip_skip > 1 else None,
        "RNG": "CPU" if model.store.device.type == "cuda" else None,
        **_eta(job.sampler, request.eta),
        "Version": infotext.VERSION,
    }
    return infotext.write_infotext(job.prompt, job.negative_prompt, items)


def _eta(sampler: SamplerInfo, eta: float | None) -> dict[str, float]:
    """Written where the sampler heeds it and it is not the default: 1 for ancestral samplers, 0 for DDIM."""
    key, default = {"Euler a": ("Eta", 1.0), "DDIM": ("Eta DDIM", 0.0)}.get(sampler.name, ("", eta))
    return {} if eta is None or eta == default else {key: eta}
