"""A request with every open question answered, or refused."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

from runtime import catalogue
from runtime.catalogue import SamplerInfo
from runtime.engine import hires as second
from runtime.engine.hires import Target
from runtime.engine.networks.tags import LORA_KINDS
from runtime.engine.noise import SEEDS
from runtime.engine.prompt import NetworkTag, take_networks, without_comments
from runtime.limits import check_pixels, check_request, check_side
from runtime.request import LARGEST_SEED, Hires, Request, RequestError

_NO_RESTORER = "No face restorer is installed, so faces stay as they were drawn."


@dataclass(frozen=True)
class SecondPass:
    """Hires fix, its open questions answered."""

    prompt: str
    negative_prompt: str
    tags: tuple[NetworkTag, ...]
    sampler: SamplerInfo
    scheduler: str
    steps: int
    upscaler: str
    target: Target


@dataclass(frozen=True)
class Job:
    """A request with every open question answered."""

    request: Request
    #: as infotext tells them: without comments, with tags
    prompt: str
    negative_prompt: str
    #: the prompt that is encoded
    bare_prompt: str
    tags: tuple[NetworkTag, ...]
    sampler: SamplerInfo
    scheduler: str
    width: int
    height: int
    seed: int
    subseed: int
    tiling: bool = False
    second_pass: SecondPass | None = None
    notes: dict[str, str] = field(default_factory=dict)
    comments: tuple[str, ...] = ()

    @property
    def hires(self) -> Hires | None:
        return None if self.second_pass is None else self.request.hires

    @property
    def uses_ensd(self) -> bool:
        """Does the noise of the steps depend on ENSD?"""
        request, sampler = self.request, self.sampler
        own = request.options.eta_ancestral if request.eta is None else request.eta
        return sampler.uses_ensd and own != 0

    def seeds(self, batch: int) -> tuple[int, ...]:
        """Of one batch: image i has seed + i, or all the same where the variation makes the difference."""
        first = batch * self.request.batch_size
        steps = range(first, first + self.request.batch_size)
        return tuple(_told(self.seed + (0 if self.request.subseed_strength else step)) for step in steps)

    def subseeds(self, batch: int) -> tuple[int, ...]:
        first = batch * self.request.batch_size
        return tuple(_told(self.subseed + step) for step in range(first, first + self.request.batch_size))


def check(request: Request, native: tuple[int, int], lora: str | None = None) -> Job:
    """Answer what the request leaves open; RequestError for what cannot be drawn.

    `native` is (width, height) where none is asked for; `lora` is worn by every prompt that does not name it.
    """
    sampler, suffix = _sampler(request.sampler_name)
    check_request(request)
    request = replace(request, prompt=readable(request.prompt), negative_prompt=readable(request.negative_prompt))
    request = _with_batch_of_start(request)
    comments: list[str] = []
    width, height = (
        _side(name, side or own, comments)
        for name, side, own in (("width", request.width, native[0]), ("height", request.height, native[1]))
    )
    check_pixels(width, height, request.batch_size)
    scheduler = _scheduler(request.scheduler, suffix, comments)
    prompt, negative = _without_comments(request.prompt, request), _without_comments(request.negative_prompt, request)
    prompt, bare, tags = _networks(prompt, request, lora)
    if request.restore_faces or request.options.face_restoration:
        comments.append(_NO_RESTORER)
    job = Job(
        request, prompt, negative, bare, tags, sampler, scheduler, width, height,
        _seed(request.seed), _seed(request.subseed), request.tiling or request.options.tiling,
    )  # fmt: skip
    if request.hires is not None and request.start is None:
        job = _with_second_pass(job, request.hires, comments, lora)
    return replace(job, comments=tuple(comments))


def _sampler(name: str) -> tuple[SamplerInfo, str | None]:
    found = catalogue.find_sampler(name)
    if found is None:
        names = ", ".join(sampler.name for sampler in catalogue.SAMPLERS)
        raise RequestError("sampler-unknown", f"Sampler not found: {name}.", f"There are {names}.")
    return found


def _with_batch_of_start(request: Request) -> Request:
    """Several start images are one batch."""
    count = 0 if request.start is None else len(request.start.images)
    if count > request.batch_size:
        message = f"There are {count} start images for a batch of {request.batch_size}."
        raise RequestError("too-many-start-images", message, "Raise batch_size, or send fewer.")
    return replace(request, batch_size=count) if count > 1 else request


def _networks(prompt: str, request: Request, lora: str | None) -> tuple[str, str, tuple[NetworkTag, ...]]:
    """(the prompt as it is told, as it is encoded, the networks that are worn)."""
    bare, tags = take_networks(prompt)
    if request.disable_extra_networks:
        return prompt, bare, ()
    if lora and not any(tag.kind in LORA_KINDS and tag.items[:1] == (lora,) for tag in tags):
        added = NetworkTag("lora", (lora, "1.0"))
        return f"{prompt}{added}", bare, (*tags, added)
    return prompt, bare, tags


def _with_second_pass(job: Job, hires: Hires, comments: list[str], lora: str | None) -> Job:
    target = second.target_of(hires, job.width, job.height)
    for name, side in zip(("width", "height"), target.cells, strict=True):
        _side(f"the second pass's {name}", side * 8, comments)
    check_pixels(target.width, target.height, job.request.batch_size)
    sampler, scheduler = job.sampler, job.scheduler
    if hires.sampler_name:
        sampler, suffix = _sampler(hires.sampler_name)
        scheduler = suffix or scheduler
    if hires.scheduler:
        scheduler = _scheduler(hires.scheduler, None, comments)
    positive = _without_comments(readable(hires.prompt), job.request) or job.prompt
    negative = _without_comments(readable(hires.negative_prompt), job.request) or job.negative_prompt
    _told, bare, tags = _networks(positive, job.request, lora)
    found = SecondPass(
        bare, negative, tags, sampler, scheduler, hires.steps or job.request.steps, _upscaler(hires.upscaler), target
    )
    notes = second.notes(hires, job.prompt, job.negative_prompt, job.sampler.name, job.scheduler)
    return replace(job, second_pass=found, notes=notes)


def _upscaler(name: str) -> str:
    """The latent one is AUTOMATIC1111's where none is named."""
    return name.strip() or "Latent"


def readable(text: str) -> str:
    """The halves of a UTF-16 pair joined; a half by itself, which no tokenizer and no file takes, becomes "�"."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _without_comments(text: str, request: Request) -> str:
    return without_comments(text) if request.options.enable_prompt_comments else text


def _seed(seed: int) -> int:
    """-1 is random. Any other negative is a seed, as in AUTOMATIC1111."""
    return random.randrange(LARGEST_SEED) if seed == -1 else _told(seed)


def _told(seed: int) -> int:
    """The seed so that asking for it draws the same: -1, and what torch does not take, by what is left of 2**64."""
    return seed if seed != -1 and -SEEDS // 2 <= seed < SEEDS else seed % SEEDS


def _side(name: str, side: int, comments: list[str]) -> int:
    """Latents have one cell per 8 pixels, so a side is cut down to a multiple of 8, as AUTOMATIC1111 does."""
    check_side(name, side)
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
