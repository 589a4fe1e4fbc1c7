"""What goes through the queue: loads and generations with their futures, and what the worker says of them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from uuid import uuid4

from runtime.channel import Message
from runtime.request import Picture, Request, RequestError, Result
from runtime.worker_process import WorkerProcess


class NoModelError(RequestError):
    """There is no usable checkpoint to draw with."""


@dataclass(frozen=True)
class ModelState:
    """What the worker has loaded, or why it has not. `state`: none, loading, ready or failed."""

    state: str = "none"
    path: Path | None = None
    title: str = ""
    seconds: float = 0.0
    #: native size in pixels, once loaded
    width: int | None = None
    height: int | None = None
    sha256: str | None = None
    error: RequestError | None = None


@dataclass(eq=False)
class Load:
    path: Path
    #: the file's hash where it is known, so that the worker need not compute it
    sha256: str | None = None
    future: Future[ModelState] = field(default_factory=Future)


@dataclass(eq=False)
class Generate:
    request: Request
    model: Load | None
    id: str = field(default_factory=lambda: uuid4().hex)
    future: Future[Result] = field(default_factory=Future)


@dataclass(frozen=True)
class Heard:
    worker: WorkerProcess
    message: Message | None


@dataclass(frozen=True)
class Interrupt:
    """Stop what runs; it goes into the inbox, not into the queue. `skip`: only the running batch."""

    skip: bool = False


Task = Load | Generate


def fail(task: Task, error: RequestError) -> None:
    """End a task that has not ended yet."""
    if not task.future.done():
        task.future.set_exception(error)


def read_result(found: dict[str, Any], blobs: Sequence[bytes]) -> Result:
    """A Result from the worker's JSON and its pictures; keys unknown here are ignored."""
    known = {name.name for name in fields(Result)} - {"request", "pictures", "comments"}
    pictures = tuple(
        Picture(png, entry["seed"], entry["infotext"], entry.get("path"))
        for png, entry in zip(blobs, found["pictures"], strict=True)
    )
    request = Request(**{f.name: found["request"][f.name] for f in fields(Request) if f.name in found["request"]})
    rest = {key: value for key, value in found.items() if key in known}
    return Result(request=request, pictures=pictures, comments=tuple(found.get("comments", ())), **rest)
