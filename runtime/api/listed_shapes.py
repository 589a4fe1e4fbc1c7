"""What the listing routes answer, as the published schema tells it; options and flags follow their tables."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, create_model

from runtime.api.shapes import Shape
from runtime.flag_table import FLAGS, Flag
from runtime.setting import Setting
from runtime.settings_table import SETTINGS


class Sampler(Shape):
    name: str
    aliases: list[str]
    options: dict[str, str]


class Scheduler(Shape):
    name: str
    label: str
    aliases: list[str] | None
    default_rho: float
    need_inner_model: bool


class Upscaler(Shape):
    name: str
    model_name: str | None
    model_path: str | None
    model_url: str | None
    scale: float | None


class Named(Shape):
    name: str


class SdModel(Shape):
    """`hash` and `sha256` are null until the file was hashed, on its first load."""

    title: str
    model_name: str
    hash: str | None
    sha256: str | None
    filename: str
    config: str | None


class SdVae(Shape):
    model_name: str
    filename: str


class Hypernetwork(Shape):
    name: str
    path: str


class FaceRestorer(Shape):
    name: str
    cmd_dir: str | None


class RealesrganModel(Shape):
    name: str
    path: str | None
    scale: int | None


class PromptStyle(Shape):
    name: str
    prompt: str | None
    negative_prompt: str | None


class Embedding(Shape):
    step: int | None
    sd_checkpoint: str | None
    sd_checkpoint_name: str | None
    shape: int
    vectors: int


class Embeddings(Shape):
    loaded: dict[str, Embedding]
    skipped: dict[str, Embedding]


class Lora(Shape):
    name: str
    alias: str
    path: str
    metadata: dict[str, Any]


class Extension(Shape):
    name: str
    remote: str
    branch: str
    commit_hash: str
    version: str
    commit_date: int
    enabled: bool


class Scripts(Shape):
    txt2img: list[str]
    img2img: list[str]


class ScriptArgument(Shape):
    label: str
    value: Any
    minimum: float | None
    maximum: float | None
    step: float | None
    choices: list[str] | None


class ScriptInfo(Shape):
    name: str
    is_alwayson: bool
    is_img2img: bool
    args: list[ScriptArgument]


class Ram(Shape):
    free: float
    used: float
    total: float


class CurrentAndPeak(Shape):
    current: int
    peak: int


class CudaEvents(Shape):
    retries: int
    oom: int


class Cuda(Shape):
    system: Ram
    active: CurrentAndPeak
    allocated: CurrentAndPeak
    reserved: CurrentAndPeak
    inactive: CurrentAndPeak
    events: CudaEvents


class Unavailable(Shape):
    error: str


class Memory(Shape):
    """Bytes."""

    ram: Ram
    cuda: Cuda | Unavailable


def _listed(one: Setting) -> Any:
    """Whole numbers are listed as floats where their default is not 0."""
    if one.closed:
        return Literal[one.choices]
    if one.default is None:
        return str | None
    if type(one.default) is int:
        return float if one.default else int
    return list[Any] if isinstance(one.default, list) else type(one.default)


def _flag(one: Flag) -> Any:
    kinds: dict[str, Any] = {"switch": bool, "switch-off": bool, "int": int | None, "words": list[str]}
    return kinds.get(one.shape, list[str] if one.shape == "repeat" else str | None)


Options = create_model(
    "Options",
    __base__=Shape,
    **{one.name: (_listed(one), Field(description=one.effect)) for one in SETTINGS},  # type: ignore[call-overload]
)
OptionChanges = create_model(
    "OptionChanges",
    **{  # type: ignore[call-overload]
        one.name: (_listed(one) | None, Field(default=None, description=one.effect)) for one in SETTINGS
    },
)
Flags = create_model(
    "Flags",
    __base__=Shape,
    **{one.key: (_flag(one), Field(description=one.help)) for one in FLAGS},  # type: ignore[call-overload]
)
