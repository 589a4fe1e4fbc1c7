"""Event lines from the runtime to the launcher: one JSON object a line on standard output; standard library only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar


@dataclass(frozen=True)
class Phase:
    """A named part of the start has begun: `server`, `torch`, `model`, `page`."""

    event: ClassVar[str] = "phase"
    name: str


@dataclass(frozen=True)
class Serving:
    """The address answers. `page` is False while Gradio is still being imported, and with --nowebui."""

    event: ClassVar[str] = "serving"
    url: str
    page: bool = False


@dataclass(frozen=True)
class Credentials:
    """A name and password that the server made for itself; said once, never written to a log."""

    event: ClassVar[str] = "credentials"
    user: str
    password: str
    #: for programs: Authorization: Bearer TOKEN
    token: str = ""


@dataclass(frozen=True)
class Model:
    """A checkpoint is loaded and ready to draw."""

    event: ClassVar[str] = "model"
    title: str
    seconds: float


@dataclass(frozen=True)
class ModelFailed:
    """A checkpoint could not be loaded; the server stays up. `code` names why."""

    event: ClassVar[str] = "model_failed"
    title: str
    code: str
    message: str


@dataclass(frozen=True)
class Job:
    """A drawing job's state (`started`, `progress`, `done`, `interrupted`, `failed`) and its progress, 0 to 1."""

    event: ClassVar[str] = "job"
    state: str
    progress: float = 0.0
    #: txt2img, img2img or extras; never what is drawn: that is the asker's own affair
    kind: str = ""
    #: pixels of a picture; 0: the model's native size
    width: int = 0
    height: int = 0
    #: the part that runs, from 1, and how many there are
    part: int = 0
    parts: int = 0
    #: jobs behind it
    waiting: int = 0


@dataclass(frozen=True)
class Visitors:
    """Who has something open here or asked for something lately: addresses, and "link" for all of a public link's."""

    event: ClassVar[str] = "visitors"
    addresses: Sequence[str] = ()


@dataclass(frozen=True)
class Memory:
    """The most of the card's memory that this runtime has held so far, in MiB; said when it has grown."""

    event: ClassVar[str] = "memory"
    peak_mib: int


@dataclass(frozen=True)
class Shortage:
    """There was not enough memory for a model or a job; the server stays up."""

    event: ClassVar[str] = "shortage"
    message: str


@dataclass(frozen=True)
class OnDisk:
    """The computer's memory cannot hold a model: its weights are read from the disk while it draws. MiB."""

    event: ClassVar[str] = "on_disk"
    title: str
    needed_mib: int
    free_mib: int


@dataclass(frozen=True)
class Fatal:
    """The runtime ends because of this."""

    event: ClassVar[str] = "fatal"
    code: str
    message: str


Event = Phase | Serving | Credentials | Model | ModelFailed | Job | Visitors | Memory | Shortage | OnDisk | Fatal
_KINDS: dict[str, type[Event]] = {
    kind.event: kind
    for kind in (Phase, Serving, Credentials, Model, ModelFailed, Job, Visitors, Memory, Shortage, OnDisk, Fatal)
}


def to_line(event: Event) -> str:
    """The event as one line of JSON, ASCII only, newline included."""
    return json.dumps({"event": event.event, **asdict(event)}) + "\n"


def from_line(line: str) -> Event | None:
    """The event in `line`, or None if it holds none; unknown keys are ignored so that old and new halves meet."""
    try:
        found: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    kind = _KINDS.get(str(found.get("event")))
    if kind is None:
        return None
    names = {field.name for field in fields(kind)}
    try:
        return kind(**{key: value for key, value in found.items() if key in names})
    except TypeError:
        return None
