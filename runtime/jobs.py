"""The queue: one worker process, jobs in order, progress, interrupt; a worker that dies is replaced and said."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

from runtime import protocol, wire
from runtime.progress import Progress
from runtime.refusals import Refusals, stamp_of
from runtime.request import Extras, ExtrasResult, Request, RequestError, Result
from runtime.tasks import (
    Forget,
    Generate,
    Heard,
    Interrupt,
    Load,
    ModelState,
    NoModelError,
    Task,
    as_request_error,
    batches,
    fail,
    finish,
    nothing_drawn,
)
from runtime.worker_process import WorkerProcess, explain_exit

#: a job's event line is written at most this often, in seconds
_EVENT_SECONDS = 0.5
_SECONDS_TO_HEAR_OF_THE_END = 0.3


class Jobs:
    """The one queue. All state is changed by one thread; `progress` and `model` are snapshots that any may read."""

    def __init__(self, command: Sequence[str], announce: Callable[[protocol.Event], None]) -> None:
        self._command, self._announce = tuple(command), announce
        self._inbox: queue.SimpleQueue[Task | Heard | Interrupt | Forget | None] = queue.SimpleQueue()
        self._pending: deque[Task] = deque()
        self._current: Task | None = None
        self._worker: WorkerProcess | None = None
        self._said = 0.0
        self._leaving = threading.Event()
        self.progress = Progress()
        self.model = ModelState()
        self._held = ModelState()
        self._refused = Refusals()
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def leave(self) -> None:
        """The server is about to end: a worker that ends now, by the same Ctrl-C, is not replaced."""
        self._leaving.set()

    def stop(self) -> None:
        """End the worker; what waits fails."""
        self.leave()
        self._inbox.put(None)
        self._thread.join(5)

    def load(self, path: Path, sha256: str | None = None) -> Future[ModelState]:
        """Load a checkpoint, in turn; the future fails with RequestError."""
        task = Load(path, sha256)
        self._inbox.put(task)
        return task.future

    def generate(self, request: Request, path: Path | None, sha256: str | None = None) -> Future[Result]:
        """Draw with the checkpoint at `path`, loading it first if need be; the future fails with RequestError."""
        task = Generate(request, Load(path, sha256) if path else None)
        self._inbox.put(task)
        return task.future

    def enlarge(self, extras: Extras) -> Future[ExtrasResult]:
        """Upscale pictures in turn; no checkpoint is needed."""
        task = Generate(extras, None)
        self._inbox.put(task)
        return task.future

    def ahead_of(self, job: Future[Any]) -> int:
        """How many tasks come before this one: 0 when it runs, or its model loads, or it has ended."""
        waiting = [task.future for task in tuple(self._pending)]
        return waiting.index(job) + 1 if job in waiting else 0

    def interrupt(self) -> None:
        """Stop the running job now, keeping what exists; nothing happens if none runs."""
        self._inbox.put(Interrupt())

    def skip(self) -> None:
        """Abandon the running batch and go on with the job's next one."""
        self._inbox.put(Interrupt(skip=True))

    def forget_refusals(self) -> None:
        """Checkpoints that could not be loaded are tried again when a job wants them."""
        self._inbox.put(Forget())

    # -- everything below runs in the queue's own thread

    def _run(self) -> None:
        self._guarded(self._ensure_worker)
        while (item := self._inbox.get()) is not None:
            self._guarded(self._obey, item)
            self._guarded(self._advance)
        self._end()

    def _guarded(self, do: Callable[..., object], *words: Any) -> None:
        """Nothing may end this thread: whoever waits for a picture would wait for ever."""
        try:
            do(*words)
        except Exception as failure:  # noqa: BLE001 - whatever it is, the queue goes on
            error = as_request_error(failure)
            with contextlib.suppress(Exception):
                self._fail_current(error)

    def _obey(self, item: Task | Heard | Interrupt | Forget) -> None:
        if isinstance(item, Heard):
            self._hear(item)
        elif isinstance(item, Interrupt):
            self._interrupt(item.skip)
        elif isinstance(item, Forget):
            self._refused.forget()
        else:
            self._pending.append(item)

    def _end(self) -> None:
        gone = RequestError("stopping", "The server is stopping.", "Start it again.")
        for task in (self._current, *self._pending):
            if task is not None:
                fail(task, gone)
        if self._worker is not None:
            self._worker.stop()

    def _interrupt(self, skip: bool) -> None:
        if isinstance(self._current, Load):
            self._interrupt_before_the_start(self._current, skip)
        if not isinstance(self._current, Generate) or self._worker is None:
            return
        now = self.progress
        self.progress = replace(now, skipped=now.skipped or skip, interrupted=now.interrupted or not skip)
        more = now.job_no + 1 < now.job_count
        self._worker.send({"do": "skip" if skip and more else "interrupt"})

    def _interrupt_before_the_start(self, load: Load, skip: bool) -> None:
        """The job that this model is for ends without pictures; the load itself goes on, for the jobs to come."""
        if load.job is not None and not skip:
            finish(load.job.future, nothing_drawn(load.job.request))
            load.job = None

    def _ensure_worker(self) -> WorkerProcess:
        if self._worker is None:
            self._worker = WorkerProcess(self._command, lambda w, m: self._inbox.put(Heard(w, m)))
        return self._worker

    def _advance(self) -> None:
        """Begin tasks until one runs or none waits."""
        while self._current is None and self._pending:
            task = self._pending.popleft()
            if task.future.done():
                continue  # whoever asked has gone
            try:
                self._begin(task)
            except Exception as failure:  # noqa: BLE001 - this task fails, the next one may not
                error = as_request_error(failure)
                self._fail_current(error)
                fail(task, error)
        if self._current is not None:
            self.progress = replace(self.progress, waiting=len(self._pending))

    def _begin(self, task: Task) -> None:
        if isinstance(task, Load):
            self._begin_load(task)
        elif self._has_model(task):
            self._begin_generate(task)
        elif task.model is not None:
            self._begin_load(Load(task.model.path, task.model.sha256, job=task))

    def _has_model(self, task: Generate) -> bool:
        """Is the wanted checkpoint loaded? NoModelError when it is known that it cannot be."""
        if isinstance(task.request, Extras):
            return True
        if task.model is None:
            hint = "Put a .safetensors file into models/Stable-diffusion."
            raise NoModelError("no-model", "There is no checkpoint to draw with.", hint)
        wanted = task.model.path
        if self._held.path != wanted:
            known = self._refused.of(wanted)
            if known is not None:
                raise NoModelError(known.code, known.message, known.hint)
            return False
        self.model = self._held
        return True

    def _begin_load(self, task: Load) -> None:
        self.model = ModelState("loading", task.path, task.path.name)
        self._current, task.stamp = task, stamp_of(task.path)
        self._announce(protocol.Phase("model"))
        self._ensure_worker().send({"do": "load", "path": str(task.path), "hash": task.sha256})

    def _begin_generate(self, task: Generate) -> None:
        self._current = task
        request = task.request
        kind = "extras" if isinstance(request, Extras) else "scripts_img2img" if request.start else "scripts_txt2img"
        self.progress = Progress(
            job=kind,
            job_count=batches(request),
            sampling_steps=request.steps if isinstance(request, Request) else 0,
            job_timestamp=time.strftime("%Y%m%d%H%M%S"),
            began=time.monotonic(),
        )
        self._announce(protocol.Job("started"))
        body, blobs = wire.pack(request)
        do = "enlarge" if isinstance(request, Extras) else "generate"
        self._ensure_worker().send({"do": do, "id": task.id, "request": body}, blobs)

    def _hear(self, heard: Heard) -> None:
        if heard.worker is not self._worker:
            return  # the last words of a worker that was already replaced
        if heard.message is None:
            self._replace(heard.worker.exit_code)
            return
        body = heard.message.body
        obey = {"phase": self._on_phase, "loaded": self._on_loaded, "failed": self._on_failed}.get(body["event"])
        if obey is not None:
            obey(body)
        elif body["event"] == "step":
            self._on_step(body, heard.message.blobs)
        elif body["event"] == "done":
            self._on_done(body, heard.message.blobs)

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
        self._take(Load)
        if task.job is not None:
            self._pending.appendleft(task.job)
        finish(task.future, self.model)
        self._announce(protocol.Model(body["title"], body["seconds"]))

    def _on_failed(self, body: dict[str, Any]) -> None:
        self._fail_current(RequestError(body["code"], body["message"], body["hint"]))

    def _on_step(self, body: dict[str, Any], blobs: tuple[bytes, ...]) -> None:
        if not isinstance(self._current, Generate) or body["id"] != self._current.id:
            return
        self.progress = replace(
            self.progress,
            sampling_step=body["step"],
            sampling_steps=body["steps"],
            job_no=body["batch"] - 1,
            job_count=body["batches"],
            preview=blobs[0] if blobs else self.progress.preview,
        )
        if time.monotonic() - self._said >= _EVENT_SECONDS:
            self._said = time.monotonic()
            self._announce(protocol.Job("progress", round(self.progress.fraction, 3)))

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
        self._take(Generate)
        finish(task.future, result)
        self._announce(protocol.Job(state, 1.0))

    def _take(self, kind: type[Any]) -> Any:
        """The current task if it is of this kind; nothing runs afterwards."""
        if not isinstance(self._current, kind):
            return None
        task, self._current, self.progress = self._current, None, Progress()
        return task

    def _fail_current(self, error: RequestError) -> None:
        task = self._take(Load) or self._take(Generate)
        if task is not None:
            fail(task, error)
        if isinstance(task, Load):
            self._refused.add(task, error)
            self.model = ModelState("failed", task.path, task.path.name, error=error)
            # a refused file leaves the model before it in its place; any other failure may have cost it
            self._held = self._held if error.code.startswith("checkpoint-") else ModelState()
            self._announce(protocol.ModelFailed(task.path.name, error.code, error.message))
        elif task is not None:
            self._announce(protocol.Job("failed"))

    def _replace(self, code: int | None) -> None:
        """The worker has died: say so, start another, and give it the model that was loaded."""
        self._worker = None
        why = explain_exit(code)
        error = RequestError(
            "worker-died", f"The drawing process ended ({why}).", "A new one was started; try a smaller picture."
        )
        was, self._held = self._held, ModelState()
        self._fail_current(error)
        # one that dies without a model is not started again until somebody asks: it would die again
        if was.path is not None and not self._leaving.wait(_SECONDS_TO_HEAR_OF_THE_END):
            self._pending.appendleft(Load(was.path, was.sha256))
