"""The queue as the server sees it: hand in a job, look how far it is, interrupt it."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

from runtime import protocol
from runtime.dispatch import Dispatch
from runtime.paces import Paces
from runtime.places import Place, Places
from runtime.progress import Progress
from runtime.request import Extras, ExtrasResult, Request, RequestError, Result
from runtime.task_book import TaskBook
from runtime.tasks import (
    Abandon,
    Forget,
    Generate,
    Heard,
    Interrupt,
    Load,
    ModelState,
    Refuse,
    Task,
    Unload,
    as_request_error,
    fail,
    gone,
)


class Jobs:
    """The one queue. All state is changed by one thread; `progress` and `model` are snapshots that any may read."""

    def __init__(
        self,
        command: Sequence[str],
        announce: Callable[[protocol.Event], None],
        hashed: Callable[[Path, str], None] = lambda _path, _sha256: None,
        paces: Paces | None = None,
    ) -> None:
        """`hashed` hears each checkpoint's SHA-256 once the worker has computed it, `paces` how long jobs take."""
        self._inbox: queue.SimpleQueue[Task | Heard | Interrupt | Forget | Refuse | Abandon | None] = (
            queue.SimpleQueue()
        )
        self._dispatch = Dispatch(
            command, announce, lambda worker, said: self._inbox.put(Heard(worker, said)), hashed, paces
        )
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
        #: which jobs wait, run or have ended, by their names
        self.book = TaskBook()
        self._places = Places()

    @property
    def progress(self) -> Progress:
        return self._dispatch.progress

    @property
    def model(self) -> ModelState:
        return self._dispatch.model

    @property
    def embeddings(self) -> dict[str, Any]:
        """The body of GET /sdapi/v1/embeddings, for the model that is loaded."""
        return self._dispatch.embeddings

    @property
    def cuda(self) -> dict[str, Any] | None:
        """The card's memory in bytes, as the worker last told it; None without CUDA."""
        return self._dispatch.cuda

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def refuse(self, path: Path, error: RequestError) -> None:
        """This checkpoint is known to be of no use: jobs for it fail with `error`."""
        self._inbox.put(Refuse(path, error))

    def leave(self) -> None:
        """The server is about to end: whoever waits is told so at once, and the worker ends. For signal handlers too.

        A worker that ends now, by the same Ctrl-C, is not replaced.
        """
        self._dispatch.leaving.set()
        self._inbox.put(None)

    def stop(self) -> None:
        """The same, until the worker has ended."""
        self.leave()
        self._thread.join(5)

    def load(self, path: Path, sha256: str | None = None) -> Future[ModelState]:
        """Load a checkpoint, in turn; the future fails with RequestError. `queue-full` at once as for `generate`."""
        return self._put(Load(path, sha256), self.enter(""))

    def unload(self) -> Future[ModelState]:
        """Take the model out of memory, in turn; the next job loads it again."""
        return self._put(Unload(), self.enter(""))

    def generate(
        self,
        request: Request,
        path: Path | None,
        sha256: str | None = None,
        name: str | None = None,
        client: str | Place = "",
    ) -> Future[Result]:
        """Draw with the checkpoint at `path`, loading it first if need be; the future fails with RequestError.

        `name` is what the one who asks calls the job, to ask for its progress; `client` is who takes turns with others,
        or the place that `enter` gave. RequestError `queue-full` at once where too many wait.
        """
        kind = "img2img" if request.start else "txt2img"
        return self._hand_in(Generate(request, Load(path, sha256) if path else None), name, kind, client)

    def enlarge(self, extras: Extras, client: str | Place = "") -> Future[ExtrasResult]:
        """Upscale pictures in turn; no checkpoint is needed. RequestError `queue-full` as for `generate`."""
        return self._hand_in(Generate(extras, None), None, "extras", client)

    def refuse_if_full(self, client: str) -> None:
        """RequestError `queue-full` where a job would be refused: before anything is made ready for it."""
        self._places.refuse_if_full(client)

    def enter(self, client: str) -> Place:
        """A place for one job that will be handed in with it, or not; RequestError `queue-full`."""
        return self._places.enter(client)

    def abandon(self, job: Future[Any]) -> None:
        """Nobody waits for this job any more: it is not begun, or stops at its next step."""
        self._inbox.put(Abandon(job))

    def ahead_of(self, job: Future[Any]) -> int:
        """How many tasks come before this one: 0 when it runs, or its model loads, or it has ended."""
        waiting = [task.future for task in tuple(self._dispatch.pending)]
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

    def _hand_in(self, task: Generate, name: str | None, kind: str, client: str | Place) -> Future[Any]:
        place = client if isinstance(client, Place) else self.enter(client)
        known = self.book.open(name, kind, task.future)
        return self._put(replace(task, name=known, client=place.client), place)

    def _put(self, task: Task, place: Place) -> Future[Any]:
        """Nothing that comes after the end stays unanswered, nor what comes while it begins."""
        place.hold(task.future)
        if not self._dispatch.leaving.is_set():
            self._inbox.put(task)
        if self._dispatch.leaving.is_set():
            fail(task, gone())
        return task.future

    # -- everything below runs in the queue's own thread

    def _run(self) -> None:
        self._guarded(self._dispatch.ensure_worker)
        while True:
            with contextlib.suppress(queue.Empty):
                item = self._inbox.get(timeout=self._dispatch.patience.seconds_left)
                if item is None:
                    break
                self._guarded(self._dispatch.obey, item)
            self._guarded(self._dispatch.end_the_stuck)
            self._guarded(self._dispatch.advance)
        self._dispatch.end()

    def _guarded(self, do: Callable[..., object], *words: Any) -> None:
        """Nothing may end this thread: whoever waits for a picture would wait for ever."""
        try:
            do(*words)
        except Exception as failure:  # noqa: BLE001 - whatever it is, the queue goes on
            error = as_request_error(failure)
            with contextlib.suppress(Exception):
                self._dispatch.fail_current(error)
