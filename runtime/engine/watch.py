"""What happens after every step: a preview now and then, a report, and the question whether to go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from runtime.engine.easel import Easel
from runtime.engine.preview import preview
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


@dataclass
class Watch:
    """Of one job; `begin` tells it of every run of a sampler."""

    easel: Easel
    request: Request
    report: Callable[[Step], None]
    wish: Callable[[], Wish]
    stopping: bool = False
    steps: int = 1
    batch: int = 1
    #: is the run the last of its batch, so that after its last step nothing can be cut short?
    final: bool = True

    @property
    def batches(self) -> int:
        return self.request.n_iter * (1 if self.request.hires is None or self.request.start is not None else 2)

    def begin(self, steps: int, batch: int, final: bool) -> None:
        self.steps, self.batch, self.final = steps, batch, final

    def after(self, step: int, _x: Tensor, clean: Tensor) -> None:
        """A sampler's step (from 0) is done; raises StopError where the user wants no more."""
        every, last = self.request.preview_every, self.final and step + 1 >= self.steps
        look = every > 0 and not last and (step + 1) % every == 0
        shown = preview(self.easel.model, clean) if look else None
        self.report(Step(min(step + 1, self.steps), self.steps, self.batch, self.batches, shown))
        wish = None if last else self.wish()
        self.stopping = self.stopping or wish == "stop"
        if wish:
            raise StopError(clean)

    def wants_no_more(self) -> bool:
        """Is there a wish, between two runs?"""
        wish = self.wish()
        self.stopping = self.stopping or wish == "stop"
        return wish is not None
