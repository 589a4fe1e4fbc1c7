"""What the queue's thread does: begin tasks in order, hear the worker, replace a worker that died and say so."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from runtime import protocol, wire
from runtime.channel import Message
from runtime.paces import Paces
from runtime.patience import Patience, stuck
from runtime.progress import Progress
from runtime.refusals import Refusals, stamp_of
from runtime.request import Extras, ExtrasResult, RequestError, Result
from runtime.tasks import (
    Abandon,
    Forget,
    Generate,
    Heard,
    Interrupt,
    Load,
    ModelState,
    NoModelError,
    Refuse,
    Task,
    Unload,
    as_request_error,
    beginning,
    fail,
    finish,
    gone,
    job_event,
    nothing_drawn,
)
from runtime.turns import Turns
from runtime.worker_process import WorkerProcess, died

_LOG = logging.getLogger(__name__)
#: a job's event line is written at most this often, in seconds
_EVENT_SECONDS = 0.5
_SECONDS_TO_HEAR_OF_THE_END = 0.3
#: a worker that has had its model for so long, or has done a job, has not died of the model
SOUND_AFTER = 60.0


class Dispatch:
    """All of it runs in one thread; `progress` and `model` are snapshots that any may read."""

    def __init__(
        self,
        command: Sequence[str],
        announce: Callable[[protocol.Event], None],
        heard: Callable[[WorkerProcess, Message | None], None],
        hashed: Callable[[Path, str], None] = lambda _path, _sha256: None,
        paces: Paces | None = None,
    ) -> None:
        self._command, self._announce, self._heard, self._hashed = tuple(command), announce, heard, hashed
        self.pending: deque[Task] = deque()
        self._turns = Turns()
        self._current: Task | None = None
        self._worker: WorkerProcess | None = None
        self._said = 0.0
        #: since when a worker that dies is given its model back unasked; None before it is loaded
        self._sound_from: float | None = None
        #: the server is about to end
        self.leaving = threading.Event()
        self.progress = Progress()
        self.model = ModelState()
        #: textual inversions that the worker found, as /sdapi/v1/embeddings lists them
        self.embeddings: dict[str, Any] = {"loaded": {}, "skipped": {}}
        #: the card's memory as the worker last told it, in the shape of /sdapi/v1/memory; None without CUDA
        self.cuda: dict[str, Any] | None = None
        #: MiB, the most that was announced
        self._peak = 0
        self._held = ModelState()
        self._refused = Refusals()
        self.patience = Patience()
        self._paces = paces or Paces()

    def obey(self, item: Task | Heard | Interrupt | Forget | Refuse | Abandon) -> None:
        """One item of the inbox."""
        if isinstance(item, Heard):
            self._hear(item)
        elif isinstance(item, Interrupt):
            self._interrupt(item.skip)
        elif isinstance(item, Forget):
            self._refused.forget()
        elif isinstance(item, Refuse):
            self._refuse(item.path, item.error)
        elif isinstance(item, Abandon):
            self._abandon(item)
        else:
            self.pending.append(item)

    def _refuse(self, path: Path, error: RequestError) -> None:
        """Say so, and do not try it; where another one loads meanwhile or is there, that is what counts."""
        self._refused.add(Load(path, stamp=stamp_of(path)), error)
        if self.model.path is None:
            self.model = ModelState("failed", path, path.name, error=error)
            self._announce(protocol.ModelFailed(path.name, error.code, error.message))

    def end(self) -> None:
        """Fail what waits and end the worker."""
        for task in (self._current, *self.pending):
            if task is not None:
                fail(task, gone())
        if self._worker is not None:
            self._worker.stop()

    def ensure_worker(self) -> WorkerProcess:
        """The worker, started if there is none; RequestError if it cannot be."""
        if self._worker is None:
            self._worker = WorkerProcess(self._command, self._heard)
        return self._worker

    def advance(self) -> None:
        """Begin tasks until one runs or none waits."""
        while self._current is None and self.pending:
            task = self._turns.take(self.pending)
            if task.future.done():
                continue  # whoever asked has gone
            try:
                self._begin(task)
            except Exception as failure:  # noqa: BLE001 - this task fails, the next one may not
                error = as_request_error(failure)
                self.fail_current(error)
                fail(task, error)
        if self._current is not None:
            self.progress = replace(self.progress, waiting=len(self.pending))

    def fail_current(self, error: RequestError) -> None:
        """End what runs; a file that cannot be read is remembered."""
        task = self._take(Load) or self._take(Generate) or self._take(Unload)
        if task is not None:
            fail(task, error)
            if error.code == "out-of-memory":
                self._announce(protocol.Shortage(error.message))
        if isinstance(task, Load):
            self._refused.add(task, error)
            self.model = ModelState("failed", task.path, task.path.name, error=error)
            # a refused file leaves the model before it in its place; any other failure may have cost it
            self._held = self._held if error.code.startswith("checkpoint-") else ModelState()
            self._announce(protocol.ModelFailed(task.path.name, error.code, error.message))
        elif task is not None:
            self._announce(protocol.Job("failed"))

    def _interrupt(self, skip: bool) -> None:
        if isinstance(self._current, Load):
            self._interrupt_before_the_start(self._current, skip)
        if not isinstance(self._current, Generate) or self._worker is None:
            return
        now = self.progress
        self.progress = replace(now, skipped=now.skipped or skip, interrupted=now.interrupted or not skip)
        self.patience.ask()
        more = now.job_no + 1 < now.job_count
        self._worker.send({"do": "skip" if skip and more else "interrupt"})

    def _abandon(self, gone: Abandon) -> None:
        """A job that waits is never begun; one that runs stops at its next step, and the card is free."""
        now = self._current
        if isinstance(now, Generate) and now.future is gone.future:
            self._interrupt(skip=False)
            return
        gone.future.cancel()
        for task in [one for one in self.pending if one.future is gone.future]:
            self.pending.remove(task)
        if isinstance(now, Load) and now.job is not None and now.job.future is gone.future:
            now.job = None

    def _interrupt_before_the_start(self, load: Load, skip: bool) -> None:
        """The job that this model is for ends without pictures; the load itself goes on, for the jobs to come."""
        if load.job is not None and not skip:
            finish(load.job.future, nothing_drawn(load.job.request))
            load.job = None

    def _begin(self, task: Task) -> None:
        if isinstance(task, Load):
            self._begin_load(task)
        elif isinstance(task, Unload):
            self._current = task
            self.ensure_worker().send({"do": "unload"})
        elif self._has_model(task):
            self._begin_generate(task)
        elif task.model is not None:
            self._begin_load(Load(task.model.path, task.model.sha256, job=task))

    def _has_model(self, task: Generate) -> bool:
        """Is the wanted checkpoint loaded? RequestError when it is known that it cannot be."""
        if isinstance(task.request, Extras):
            return True
        if task.model is None:
            hint = "Put a .safetensors file into models/Stable-diffusion."
            raise NoModelError("no-model", "There is no checkpoint to draw with.", hint)
        wanted = task.model.path
        if self._held.path != wanted:
            known = self._refused.of(wanted)
            if known is not None:
                raise known
            return False
        self.model = self._held
        return True

    def _begin_load(self, task: Load) -> None:
        self.model = ModelState("loading", task.path, task.path.name)
        self._current, task.stamp = task, stamp_of(task.path)
        self._announce(protocol.Phase("model"))
        self.ensure_worker().send({"do": "load", "path": str(task.path), "hash": task.sha256})

    def _begin_generate(self, task: Generate) -> None:
        self._current = task
        self.patience.begin()
        self.progress = replace(beginning(task), expected=self._paces.begin(task.request, self.model))
        self._announce(job_event("started", task, self.progress, len(self.pending)))
        body, blobs = wire.pack(task.request)
        do = "enlarge" if isinstance(task.request, Extras) else "generate"
        self.ensure_worker().send({"do": do, "id": task.id, "request": body}, blobs)

    def _hear(self, heard: Heard) -> None:
        if heard.worker is not self._worker:
            return  # the last words of a worker that was already replaced
        if heard.message is None:
            self._replace(died(heard.worker.exit_code))
            return
        self.patience.hear()
        body, blobs = heard.message.body, heard.message.blobs
        event, self.cuda = body["event"], body.get("cuda", self.cuda)
        if event in ("loaded", "done", "failed"):
            self._announce_memory()
        if event == "step":
            self._on_step(body, blobs)
        elif event == "done":
            self._on_done(body, blobs)
        else:
            obey = {"phase": self._on_phase, "loaded": self._on_loaded, "unloaded": self._on_unloaded}
            obey.get(event, self._on_other)(body)

    def _announce_memory(self) -> None:
        """The peaks begin anew with each job, so the highest of them counts."""
        peak = (self.cuda or {}).get("reserved", {}).get("peak", 0) >> 20
        if peak > self._peak:
            self._peak = peak
            self._announce(protocol.Memory(peak))

    def _on_phase(self, body: dict[str, Any]) -> None:
        if body["name"] != "model":  # said when the load began
            self._announce(protocol.Phase(body["name"]))

    def _on_loaded(self, body: dict[str, Any]) -> None:
        task = self._current
        if not isinstance(task, Load):
            return
        self.model = self._held = ModelState(
            "ready", task.path, body["title"], body["seconds"], body.get("width"), body.get("height"), body.get("hash")
        )
        self._sound_from = time.monotonic() + SOUND_AFTER
        self._take(Load)
        if task.job is not None:
            self._turns.resume(task.job, self.pending)
        finish(task.future, self.model)
        self._announce(protocol.Model(body["title"], body["seconds"]))

    def _on_unloaded(self, _body: dict[str, Any]) -> None:
        task = self._take(Unload)
        if task is not None:
            self.model = self._held = ModelState()
            finish(task.future, self.model)

    def _on_other(self, body: dict[str, Any]) -> None:
        if body["event"] == "embeddings":
            self.embeddings = body["listing"]
        elif body["event"] == "hash":
            self._on_hash(Path(body["path"]), body["hash"])
        elif body["event"] == "on_disk":
            self._announce(protocol.OnDisk(body["title"], body["needed"] >> 20, body["free"] >> 20))
        elif body["event"] == "failed":
            self.fail_current(RequestError(body["code"], body["message"], body["hint"]))

    def _on_hash(self, path: Path, sha256: str) -> None:
        """A file's hash is known some time after the checkpoint is loaded."""
        if self._held.path == path:
            self._held = replace(self._held, sha256=sha256)
        if (self.model.state, self.model.path) == ("ready", path):
            self.model = replace(self.model, sha256=sha256)
        self._hashed(path, sha256)

    def _on_step(self, body: dict[str, Any], blobs: tuple[bytes, ...]) -> None:
        if not isinstance(self._current, Generate) or body["id"] != self._current.id:
            return
        batch, batches = body["batch"], body["batches"]
        if not blobs:
            self._paces.step(body["step"], batch)
        next_one = batch > self.progress.job_no + 1
        if next_one and not self.progress.interrupted:
            self.patience.obeyed()
        self.progress = replace(
            self.progress,
            skipped=self.progress.skipped and not next_one,
            job=f"Batch {batch} out of {batches}" if batches > 1 else self.progress.job,
            sampling_step=body["step"],
            sampling_steps=body["steps"],
            job_no=batch - 1,
            job_count=batches,
            preview=blobs[0] if blobs else self.progress.preview,
            previews=self.progress.previews + len(blobs),
            text=body.get("text"),
        )
        if time.monotonic() - self._said >= _EVENT_SECONDS:
            self._said = time.monotonic()
            self._announce(job_event("progress", self._current, self.progress, len(self.pending)))

    def _on_done(self, body: dict[str, Any], blobs: tuple[bytes, ...]) -> None:
        task = self._current
        if not isinstance(task, Generate) or body["id"] != task.id:
            return
        state = "done"
        result: Result | ExtrasResult
        if isinstance(task.request, Extras):
            result = wire.unpack(ExtrasResult, body["result"], blobs)
        else:
            drawn = wire.unpack(Result, body["result"], blobs)
            result = replace(drawn, job_timestamp=self.progress.job_timestamp)
            state = "interrupted" if drawn.interrupted else "done"
            self._paces.end(drawn)
        self._take(Generate)
        self._sound_from = time.monotonic()
        finish(task.future, result)
        self._announce(protocol.Job(state, 1.0))

    def _take(self, kind: type[Any]) -> Any:
        """The current task if it is of this kind; nothing runs afterwards."""
        if not isinstance(self._current, kind):
            return None
        task, self._current, self.progress = self._current, None, Progress()
        self.patience.obeyed()
        return task

    def end_the_stuck(self) -> None:
        """A worker that was asked to stop and has given no sign of life for too long is ended and replaced."""
        if self._worker is not None and self.patience.seconds_left == 0:
            self._worker.kill()
            self._replace(stuck())

    def _replace(self, error: RequestError) -> None:
        """The worker is gone: say so, start another, and give it the model that was loaded.

        One that dies without a model, or of its model, is not started again until somebody asks: it would die again.
        """
        self._worker = self.cuda = None
        was, self._held = self._held, ModelState()
        sound_from, self._sound_from = self._sound_from, None
        self.fail_current(error)
        if was.path is None or self.leaving.wait(_SECONDS_TO_HEAR_OF_THE_END):
            return
        if sound_from is not None and sound_from <= time.monotonic():
            self.pending.appendleft(Load(was.path, was.sha256))
        elif self.model.state == "ready":
            _LOG.error("%s The model is loaded again when somebody asks for a picture.", error.message)
            self.model = ModelState("failed", was.path, was.title, error=error)
            self._announce(protocol.ModelFailed(was.path.name, error.code, error.message))
