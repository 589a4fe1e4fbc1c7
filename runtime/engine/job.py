"""A request with every open question answered, or refused."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace

from runtime import catalogue
from runtime.catalogue import SamplerInfo
from runtime.engine.prompt import without_comments
from runtime.request import LARGEST_SEED, Request, RequestError

SMALLEST_SIDE, LARGEST_SIDE = 64, 8192
MOST_STEPS = 1000
MOST_GUIDANCE = 1000.0
MOST_PICTURES = 1000
#: torch's generators take seeds below this
SEEDS = 2**64


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
    eta: float
    comments: tuple[str, ...] = ()


def check(request: Request, native: tuple[int, int]) -> Job:
    """Answer what the request leaves open; RequestError for what cannot be drawn."""
    found = catalogue.find_sampler(request.sampler_name)
    if found is None:
        names = ", ".join(sampler.name for sampler in catalogue.SAMPLERS)
        raise RequestError("sampler-unknown", f"Sampler not found: {request.sampler_name}.", f"There are {names}.")
    _check_numbers(request)
    request = replace(request, prompt=_readable(request.prompt), negative_prompt=_readable(request.negative_prompt))
    comments: list[str] = []
    width, height = (
        _side(name, side or own, comments)
        for name, side, own in (("width", request.width, native[0]), ("height", request.height, native[1]))
    )
    sampler, suffix = found
    scheduler = _scheduler(request.scheduler, suffix, comments)
    seed = _seed(request)
    prompt, negative = without_comments(request.prompt), without_comments(request.negative_prompt)
    options = request.options
    own = options.eta_ddim if sampler.own_timesteps else options.eta_ancestral
    eta = own if request.eta is None else request.eta
    return Job(request, prompt, negative, sampler, scheduler, width, height, seed, eta, tuple(comments))


def _check_numbers(request: Request) -> None:
    for name, value, most in (
        ("steps", request.steps, MOST_STEPS),
        ("batch_size", request.batch_size, MOST_PICTURES),
        ("n_iter", request.n_iter, MOST_PICTURES),
    ):
        if not 1 <= value <= most:
            raise RequestError("out-of-range", f"{name} is {value}.", f"It goes from 1 to {most}.")
    if not abs(request.cfg_scale) <= MOST_GUIDANCE:  # so that not-a-number is refused too
        raise RequestError("out-of-range", f"cfg_scale is {request.cfg_scale}.", "It is a number such as 7.")
    if request.eta is not None and not 0 <= request.eta < math.inf:
        raise RequestError("out-of-range", f"eta is {request.eta}.", "It is a number from 0 up, mostly 0 to 1.")


def _readable(text: str) -> str:
    """The halves of a UTF-16 pair joined; a half by itself, which no tokenizer and no file takes, becomes "�"."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _seed(request: Request) -> int:
    """-1 is random. Any other negative is a seed, as in AUTOMATIC1111, and told as the number torch makes of it."""
    return random.randrange(LARGEST_SEED) if request.seed == -1 else request.seed % SEEDS


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
