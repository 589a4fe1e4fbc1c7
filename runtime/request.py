"""What is asked for and what comes back: the one vocabulary of page, API and worker.

Field names are AUTOMATIC1111's where it has one; None means "as the model or the options say".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from runtime.job_options import JobOptions

LARGEST_SEED = 2**32 - 2


@dataclass(frozen=True)
class Hires:
    """Hires fix: draw small, enlarge, draw again over it."""

    denoising_strength: float = 0.7
    #: factor; counts where both of the next two are 0
    scale: float = 2.0
    #: pixels; 0 keeps the ratio
    resize_x: int = 0
    resize_y: int = 0
    upscaler: str = "Latent"
    #: of the second pass; 0 is as many as the first
    steps: int = 0
    #: None or "" : as in the first pass
    checkpoint: str | None = None
    sampler_name: str | None = None
    scheduler: str | None = None
    prompt: str = ""
    negative_prompt: str = ""


@dataclass(frozen=True)
class Mask:
    """What is redrawn of a start image: white is, black is not. The image's own file bytes, any format of Pillow's."""

    image: bytes
    #: pixels of the Gaussian's deviation
    blur_x: int = 4
    blur_y: int = 4
    #: is every latent either redrawn or kept?
    round: bool = True
    invert: bool = False
    #: what lies under the mask at first: 0 fill, 1 original, 2 latent noise, 3 latent nothing
    fill: int = 0
    #: draw only the masked region, at full size
    full_res: bool = True
    #: pixels around that region
    padding: int = 0


@dataclass(frozen=True)
class Start:
    """img2img: what is drawn over. Each image is a file's bytes, any format of Pillow's."""

    images: tuple[bytes, ...]
    denoising_strength: float = 0.75
    #: 0 stretch, 1 crop and resize, 2 resize and fill, 3 latent upscale
    resize_mode: int = 0
    image_cfg_scale: float | None = None
    initial_noise_multiplier: float | None = None
    mask: Mask | None = None


@dataclass(frozen=True)
class Script:
    """A selectable script by its title, with its arguments in the order of /sdapi/v1/script-info."""

    name: str
    args: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Request:
    """One txt2img job, or img2img where `start` is given."""

    prompt: str = ""
    negative_prompt: str = ""
    #: names of styles; their texts are already in the two prompts
    styles: tuple[str, ...] = ()
    #: the prompt before the styles, for file names; None: there is no difference
    unstyled_prompt: str | None = None
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
    #: variation: the noise of this seed, mixed in by `subseed_strength`
    subseed: int = -1
    subseed_strength: float = 0.0
    #: pixels of the picture whose noise is to be kept; counts where both are positive
    seed_resize_from_w: int = 0
    seed_resize_from_h: int = 0
    batch_size: int = 1
    #: how many batches
    n_iter: int = 1
    #: None: as the options say
    eta: float | None = None
    s_churn: float | None = None
    s_tmin: float | None = None
    s_tmax: float | None = None
    s_noise: float | None = None
    s_min_uncond: float | None = None
    restore_faces: bool = False
    tiling: bool = False
    #: leave <lora:…> and its like unheeded (the tags are removed all the same)
    disable_extra_networks: bool = False
    #: a checkpoint that takes over at this share of the steps
    refiner_checkpoint: str | None = None
    refiner_switch_at: float | None = None
    hires: Hires | None = None
    start: Start | None = None
    script: Script | None = None
    #: draw with this checkpoint instead of the chosen one, by any spelling of its name (a script's axis sets it)
    checkpoint: str | None = None
    #: write the pictures, and the grid, under outputs/
    save: bool = True
    save_grid: bool = True
    #: send a preview every so many steps; 0 sends none
    preview_every: int = 0
    #: who asks, where there are accounts
    user: str | None = None
    options: JobOptions = field(default_factory=JobOptions)


@dataclass(frozen=True)
class Extras:
    """An upscaling job: pictures in, larger pictures out; nothing is drawn."""

    #: files' bytes, any format of Pillow's
    images: tuple[bytes, ...]
    #: 0 by a factor, 1 to a size
    resize_mode: int = 0
    upscaling_resize: float = 2.0
    upscaling_resize_w: int = 512
    upscaling_resize_h: int = 512
    #: with a size: cut what stands out
    upscaling_crop: bool = True
    upscaler_1: str = "None"
    upscaler_2: str = "None"
    extras_upscaler_2_visibility: float = 0.0
    gfpgan_visibility: float = 0.0
    codeformer_visibility: float = 0.0
    codeformer_weight: float = 0.0
    upscale_first: bool = False
    #: write the results under outputs/extras-images
    save: bool = False
    #: what the files are called there; "" is the next number
    name: str = ""
    options: JobOptions = field(default_factory=JobOptions)


@dataclass(frozen=True)
class Picture:
    """One picture: a file's bytes (PNG, JPEG or WebP) with the infotext inside, and where it was saved."""

    data: bytes
    seed: int
    infotext: str
    path: str | None = None
    subseed: int = -1
    prompt: str = ""
    negative_prompt: str = ""


@dataclass(frozen=True)
class MemoryUse:
    """MiB at a job's most; None where the device does not say."""

    active: int | None = None
    reserved: int | None = None
    system_used: int | None = None
    system_total: int | None = None


@dataclass(frozen=True)
class Result:
    """What a drawing job made; fewer pictures than asked for when it was interrupted."""

    #: with its seed, subseed and size as they were drawn
    request: Request
    #: grids first, then the pictures in order
    pictures: tuple[Picture, ...]
    width: int
    height: int
    #: how many grids lie before the first picture
    index_of_first_image: int = 0
    interrupted: bool = False
    model_name: str = ""
    #: ten digits
    model_hash: str | None = None
    vae_name: str | None = None
    vae_hash: str | None = None
    #: infotext's further keys, in order
    extra_generation_params: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    memory: MemoryUse = field(default_factory=MemoryUse)
    #: local time at which the job began, YYYYmmddHHMMSS
    job_timestamp: str = "0"
    #: sentences for the user ("sampler X is not known, …")
    comments: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExtrasResult:
    """What an upscaling job made, in order."""

    pictures: tuple[Picture, ...]
    seconds: float = 0.0
    comments: tuple[str, ...] = ()
    interrupted: bool = False


class RequestError(Exception):
    """A job or a checkpoint that cannot be served, and why: a code, one sentence of what, one of what to do."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(f"{message} {hint}")
        self.code, self.message, self.hint = code, message, hint
