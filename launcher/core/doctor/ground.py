"""What several checks ask about: asked once, beside them all, and waited for only so long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from launcher.core.doctor.reach import Reach, reach
from launcher.core.environments.environments import installed
from launcher.core.hardware.inquiry import Inquiry
from launcher.core.hardware.look import Machine, look
from launcher.core.mends.mend import Here
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.profiles.chosen import chosen_profile
from launcher.core.proposal import Proposal, propose

T = TypeVar("T")


class UntoldError(Exception):
    """No answer has come in time."""


@dataclass(frozen=True)
class _Box(Generic[T]):
    value: T | None
    error: Exception | None = None


class Asked(Generic[T]):
    """A question under way in a thread of its own; what it raises is raised where its answer is asked for."""

    def __init__(self, question: Callable[[], T]) -> None:
        self._inquiry = Inquiry(partial(_boxed, question))

    @property
    def told(self) -> bool:
        """Has it ended?"""
        return self._inquiry.within(0) is not None

    def by(self, until: float) -> T:
        """The answer. UntoldError if none has come by `until` (of time.monotonic)."""
        box = self._inquiry.by(until)
        if box is None:
            raise UntoldError
        if box.error is not None:
            raise box.error
        return box.value  # type: ignore[return-value]


class Ground:
    """This computer, the plan for it and the way to the network. `until` is when a check that can stop by itself
    stops, a little before nobody waits for it any longer.
    """

    def __init__(self, here: Here, until: float) -> None:
        self.here, self.until = here, until
        self._lock = threading.Lock()
        self._asked: dict[str, Asked[Any]] = {}

    @property
    def workspace(self) -> Workspace:
        return self.here.workspace

    @property
    def left(self) -> float:
        """Seconds."""
        return max(0.0, self.until - time.monotonic())

    @property
    def machine(self) -> Machine:
        """UntoldError."""
        seconds = max(0.1, self.left * 0.8)
        return self._answer("machine", partial(look, self.here.workspace.root, patience=seconds))

    @property
    def proposal(self) -> Proposal:
        """What `gesso up` would do now. UntoldError, LauncherError where a setting stands in its way."""
        return self._answer("proposal", self._propose)

    @property
    def reach(self) -> Reach:
        """How the services answer. UntoldError, LauncherError."""
        return self._answer("reach", partial(reach, self.here, self.until))

    def _answer(self, name: str, question: Callable[[], T]) -> T:
        """Whoever asks first has it asked."""
        with self._lock:
            if name not in self._asked:
                self._asked[name] = Asked(question)
            asked: Asked[T] = self._asked[name]
        return asked.by(self.until)

    def _propose(self) -> Proposal:
        workspace = self.here.workspace
        options = Options(profile=chosen_profile(workspace, Options().profile))
        return propose(workspace, options, installed(workspace), self.here.environ, looked=self.machine)


def _boxed(question: Callable[[], T]) -> _Box[T]:
    try:
        return _Box(question())
    # Not swallowed: it is raised where the answer is asked for.
    except Exception as error:  # noqa: BLE001
        return _Box(None, error)
