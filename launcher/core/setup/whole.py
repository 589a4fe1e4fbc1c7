"""One bar for a whole plan: its steps weighed by the seconds that each is expected to take; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from launcher.core.events import Event, Progress, Step


@dataclass(frozen=True)
class Whole:
    """How far a plan is; `parts` are the expected seconds of its missing steps."""

    parts: Mapping[str, float] = field(default_factory=dict)
    done: frozenset[str] = frozenset()
    step: Step | None = None
    progress: Progress | None = None

    @property
    def share(self) -> float:
        """From 0 to 1; it is 1 only once every step is done."""
        total = sum(self.parts.values())
        if not total:
            return 0.0
        passed = sum(seconds for name, seconds in self.parts.items() if name in self.done)
        here = self.parts.get(self.step.name, 0.0) if self.step and self.step.name not in self.done else 0.0
        return min(1.0, (passed + here * self._within) / total)

    @property
    def seconds_left(self) -> float:
        """By the expectation, for what is left."""
        return sum(self.parts.values()) * (1.0 - self.share)

    @property
    def _within(self) -> float:
        """Of the running step; what is still to come after its last byte keeps the bar from standing at its end."""
        progress = self.progress
        if progress is None or not progress.total or progress.unit != "bytes":
            return 0.0
        return 0.9 * min(1.0, progress.done / progress.total)


def after(whole: Whole, event: Event) -> Whole:
    """The state once `event` has happened."""
    match event:
        case Step(state="started", name=name):
            # After a proof that failed the plan begins anew with another torch.
            return replace(whole, step=event, progress=None, done=whole.done - {name})
        case Step(state="done" | "skipped", name=name):
            return replace(whole, step=event, progress=None, done=whole.done | {name})
        case Step():
            return replace(whole, step=event, progress=None)
        case Progress():
            return replace(whole, progress=event)
        case _:
            return whole
