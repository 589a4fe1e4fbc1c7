"""What the acting routes answer, as the published schema tells it; the answers are made elsewhere."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Json, create_model

from runtime.api.models import Img2ImgBody, Txt2ImgBody


class Shape(BaseModel):
    """Nothing but these keys."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class Nothing(Shape):
    """An object without keys."""


class Failure(Shape):
    """Every failure; `detail` is a list of faults for a body that cannot be read (422), otherwise a sentence."""

    error: str
    detail: str | list[dict[str, Any]]
    body: str
    errors: str
    hint: str = ""


class DrawingInfo(Shape):
    """What was really drawn. The lists run parallel to the pictures; `infotexts` has the grids too."""

    prompt: str
    all_prompts: list[str]
    negative_prompt: str
    all_negative_prompts: list[str]
    seed: int
    all_seeds: list[int]
    subseed: int
    all_subseeds: list[int]
    subseed_strength: float
    width: int
    height: int
    sampler_name: str
    cfg_scale: float
    steps: int
    batch_size: int
    restore_faces: bool
    face_restoration_model: str | None
    sd_model_name: str
    sd_model_hash: str | None
    sd_vae_name: str | None
    sd_vae_hash: str | None
    seed_resize_from_w: int
    seed_resize_from_h: int
    denoising_strength: float | None
    extra_generation_params: dict[str, str]
    index_of_first_image: int
    infotexts: list[str]
    styles: list[str]
    job_timestamp: str
    clip_skip: int
    is_using_inpainting_conditioning: bool
    version: str
    comments: list[str]


def _echo(name: str, body: type[BaseModel]) -> type[Shape]:
    """The body's fields, all of them there."""
    fields: dict[str, Any] = {key: (field.annotation, ...) for key, field in body.model_fields.items()}
    return create_model(name, __base__=Shape, **fields)


Txt2ImgParameters = _echo("Txt2ImgParameters", Txt2ImgBody)
Img2ImgParameters = _echo("Img2ImgParameters", Img2ImgBody)


class Drawn(Shape):
    """Pictures in bare base64, grids first."""

    images: list[str]
    info: Json[DrawingInfo]


class Txt2ImgAnswer(Drawn):
    """`parameters` is the request as it was read, with the size that was drawn."""

    parameters: Txt2ImgParameters  # type: ignore[valid-type]


class Img2ImgAnswer(Drawn):
    """The same; start images and mask are null unless include_init_images was sent."""

    parameters: Img2ImgParameters  # type: ignore[valid-type]


class ExtraSingleAnswer(Shape):
    html_info: str
    image: str


class ExtraBatchAnswer(Shape):
    html_info: str
    images: list[str]


class PngInfoAnswer(Shape):
    """`parameters`: what the text says as strings, what it leaves out with its default."""

    info: str
    items: dict[str, Any]
    parameters: dict[str, str | int | bool]


class CaptionAnswer(Shape):
    caption: str


class ProgressState(Shape):
    skipped: bool
    interrupted: bool
    stopping_generation: bool
    job: str
    job_count: int
    job_timestamp: str
    job_no: int
    sampling_step: int
    sampling_steps: int


class ProgressAnswer(Shape):
    """All zero while idle; `current_image` is bare base64."""

    progress: float
    eta_relative: float
    state: ProgressState
    current_image: str | None
    textinfo: str | None


class TrainingAnswer(Shape):
    info: str


class TaskProgress(Shape):
    """Of /internal/progress; `live_preview` is a data: address."""

    active: bool
    queued: bool
    completed: bool
    progress: float | None
    eta: float | None
    live_preview: str | None
    id_live_preview: int
    textinfo: str | None


class PendingTasks(Shape):
    size: int
    tasks: list[str]


class QuicksettingsHint(Shape):
    name: str
    label: str


class StartupProfile(Shape):
    total: float | None
    records: dict[str, float]


class Sysinfo(Shape):
    Version: str
    Platform: str
    Python: str
    Commandline: dict[str, Any]
    Config: dict[str, Any]
