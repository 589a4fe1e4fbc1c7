"""What happens after every step: a report, a preview now and then, and the question whether to go on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from torch import Tensor

from runtime.engine.device_queue import queue_of
from runtime.engine.easel import Easel
from runtime.engine.pace import Pace
from runtime.engine.preview import glimpse
from runtime.engine.preview_desk import PreviewDesk
from runtime.request import Request

#: what the user wants of the running job; None is to go on
Wish = Literal["skip", "stop"] | None


@dataclass(frozen=True)
class Step:
    """Step `step` of `steps` (from 1) of run `batch` of `batches` (from 1) is done; hires fix counts as two runs."""

    step: int
    steps: int
    batch: int
    batches: int
    preview: bytes | None = None


class StopError(Exception):
    """The user wants this batch no longer; `clean` is the latest estimate of the pictures."""

    def __init__(self, clean: Tensor) -> None:
        super().__init__()
        self.clean = clean


class Watch:
    """Of one job; `begin` tells it of every run of a sampler, `close` that the job is over."""

    def __init__(
        self, easel: Easel, request: Request, report: Callable[[Step], None], wish: Callable[[], Wish]
    ) -> None:
        """`report` is called by two threads, never by both at once."""
        self._easel, self._request, self._report, self._wish = easel, request, report, wish
        self.stopping = False
        self._steps = self._batch = 1
        #: is the run the last of its batch, so that after its last step nothing can be cut short?
        self._final = True
        self._said, self._saying = Step(0, 1, 1, 1), threading.Lock()
        queue = queue_of(easel.model.store.device)
        self._desk, self._pace = PreviewDesk(queue, self._show), Pace(queue)

    def begin(self, steps: int, batch: int, final: bool) -> None:
        self._steps, self._batch, self._final = steps, batch, final

    def after(self, step: int, _x: Tensor, clean: Tensor) -> None:
        """A sampler's step (from 0) is asked of the device; raises StopError where the user wants no more."""
        self._pace.step()
        every, last = self._request.preview_every, self._final and step + 1 >= self._steps
        hires = self._request.hires is not None and self._request.start is None
        batches = self._request.n_iter * (2 if hires else 1)
        self._say(Step(min(step + 1, self._steps), self._steps, self._batch, batches))
        if every > 0 and not last and (step + 1) % every == 0 and self._desk.free():
            method = self._request.options.show_progress_type
            self._desk.put(lambda: glimpse(self._easel.model, clean, self._easel.tiny, method))
        wish = None if last else self._wish()
        self.stopping = self.stopping or wish == "stop"
        if wish:
            raise StopError(clean)

    def wants_no_more(self) -> bool:
        """Is there a wish, between two runs?"""
        wish = self._wish()
        self.stopping = self.stopping or wish == "stop"
        return wish is not None

    def close(self) -> None:
        """Nothing is reported afterwards."""
        self._desk.close()

    def _say(self, said: Step) -> None:
        with self._saying:
            self._said = said
            self._report(said)

    def _show(self, preview: bytes) -> None:
        """With the numbers of the latest step, so that nothing goes backwards."""
        with self._saying:
            self._report(replace(self._said, preview=preview))
