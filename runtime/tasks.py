"""What goes through the queue: loads and generations with their futures, and what the worker says of them."""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from runtime import protocol
from runtime.channel import Message
from runtime.progress import Progress
from runtime.request import Extras, ExtrasResult, Request, RequestError, Result
from runtime.worker_process import WorkerProcess


class NoModelError(RequestError):
    """There is no usable checkpoint to draw with."""


_LOG = logging.getLogger(__name__)
#: (time of change in ns, bytes) of a file; None if it is not there
Stamp = tuple[int, int] | None


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
    #: the job that it is loaded for: what befalls the load befalls the job
    job: Generate | None = None
    #: the file as it was when the load began
    stamp: Stamp = None


@dataclass(eq=False)
class Generate:
    """A drawing or an upscaling job; the latter needs no checkpoint."""

    request: Request | Extras
    #: None: there is no checkpoint
    model: Load | None
    id: str = field(default_factory=lambda: uuid4().hex)
    #: what the one who asked calls it
    name: str = ""
    future: Future[Any] = field(default_factory=Future)
    #: who asked, as far as it matters for taking turns
    client: str = ""


@dataclass(eq=False)
class Unload:
    """Take the model out of memory."""

    future: Future[ModelState] = field(default_factory=Future)


@dataclass(frozen=True)
class Heard:
    worker: WorkerProcess
    message: Message | None


@dataclass(frozen=True)
class Interrupt:
    """Stop what runs; it goes into the inbox, not into the queue. `skip`: only the running batch."""

    skip: bool = False


@dataclass(frozen=True)
class Forget:
    """Try the refused checkpoints again; it goes into the inbox, not into the queue."""


@dataclass(frozen=True)
class Refuse:
    """This checkpoint is known to be of no use; it goes into the inbox, not into the queue."""

    path: Path
    error: RequestError


@dataclass(frozen=True)
class Abandon:
    """Whoever waited for this job has gone; it goes into the inbox, not into the queue."""

    future: Future[Any]


Task = Load | Generate | Unload


def passes(request: Request | Extras) -> int:
    """What progress counts: batches of a drawing, twice with hires fix; pictures of an upscaling."""
    if isinstance(request, Extras):
        return len(request.images)
    return request.n_iter * (2 if request.hires else 1)


def beginning(task: Generate) -> Progress:
    """Of a job that begins now."""
    request = task.request
    kind = "extras" if isinstance(request, Extras) else "scripts_img2img" if request.start else "scripts_txt2img"
    return Progress(
        job=kind,
        task=task.name,
        job_count=passes(request),
        sampling_steps=request.steps if isinstance(request, Request) else 0,
        job_timestamp=time.strftime("%Y%m%d%H%M%S"),
        began=time.monotonic(),
    )


def job_event(state: str, task: Generate, now: Progress, waiting: int) -> protocol.Job:
    """What is being done, for the launcher, without the words and pictures of whoever asked for it."""
    request = task.request
    if isinstance(request, Extras):
        kind, width, height = "extras", 0, 0
    else:
        kind, width, height = "img2img" if request.start else "txt2img", request.width or 0, request.height or 0
    done = 0.0 if state == "started" else round(now.fraction, 3)
    return protocol.Job(state, done, kind, width, height, now.job_no + 1, now.job_count, waiting)


def nothing_drawn(request: Request | Extras) -> Result | ExtrasResult:
    """The answer to a job that was interrupted before it began."""
    if isinstance(request, Extras):
        return ExtrasResult((), interrupted=True)
    return Result(request, (), request.width or 0, request.height or 0, interrupted=True)


def finish(future: Future[Any], result: Any) -> None:
    """Hand over a result; one who no longer waits for it has cancelled the future."""
    with suppress(InvalidStateError):
        future.set_result(result)


def fail(task: Task, error: RequestError) -> None:
    """End a task that has not ended yet, and the job that a load was for."""
    with suppress(InvalidStateError):
        task.future.set_exception(error)
    if isinstance(task, Load) and task.job is not None:
        fail(task.job, error)


def gone() -> RequestError:
    """What whoever waits is told at the end."""
    return RequestError("stopping", "The server is stopping.", "Start it again.")


def as_request_error(failure: Exception) -> RequestError:
    """What whoever asked is told; a fault of ours is logged whole."""
    if isinstance(failure, RequestError):
        return failure
    _LOG.error("The queue stumbled and goes on.", exc_info=failure)
    return RequestError("server-fault", f"{type(failure).__name__}: {failure}", "The log says more.")
