"""What is asked for and what comes back: the one vocabulary of page, API and worker."""

from __future__ import annotations

from dataclasses import dataclass, field

LARGEST_SEED = 2**32 - 2


@dataclass(frozen=True)
class Request:
    """One txt2img job. Field names are AUTOMATIC1111's; None means "as the model or the options say"."""

    prompt: str = ""
    negative_prompt: str = ""
    sampler_name: str = "Euler a"
    #: label of the schedule; "Automatic" takes the sampler's own
    scheduler: str = "Automatic"
    steps: int = 20
    cfg_scale: float = 7.0
    #: pixels; None is the model's native size
    width: int | None = None
    height: int | None = None
    #: -1 draws a random seed
    seed: int = -1
    batch_size: int = 1
    #: how many batches
    n_iter: int = 1
    #: multiplies the fresh noise of ancestral samplers; None is 1 (DDIM: 0)
    eta: float | None = None
    clip_skip: int = 1
    #: write the pictures under outputs/
    save: bool = True
    #: where the files go, under the data folder
    outdir: str = "outputs/txt2img-images"
    #: send a preview every so many steps; 0 sends none
    preview_every: int = 0


@dataclass(frozen=True)
class Picture:
    """One picture: PNG bytes with the infotext inside, and where it was saved (None if it was not)."""

    png: bytes
    seed: int
    infotext: str
    path: str | None = None


@dataclass(frozen=True)
class Result:
    """What a job made; fewer pictures than asked for when it was interrupted."""

    request: Request
    pictures: tuple[Picture, ...]
    width: int
    height: int
    interrupted: bool = False
    model_name: str = ""
    model_hash: str | None = None
    seconds: float = 0.0
    #: local time at which the job began, YYYYmmddHHMMSS
    job_timestamp: str = "0"
    #: sentences for the user ("sampler X is not known, …")
    comments: tuple[str, ...] = ()
    extra: dict[str, str] = field(default_factory=dict)


class RequestError(Exception):
    """A job or a checkpoint that cannot be served, and why: a code, one sentence of what, one of what to do."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(f"{message} {hint}")
        self.code, self.message, self.hint = code, message, hint
