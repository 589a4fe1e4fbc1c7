"""Questions to the computer that may never be answered: each is asked beside the others and waited for only so long."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from launcher.core.errors import LauncherError
from launcher.core.process import CancelledError, Exit, Output, run

T = TypeVar("T")


class Inquiry(Generic[T]):
    """A question under way in a thread of its own, which ends with the program if no answer ever comes."""

    def __init__(self, question: Callable[[], T]) -> None:
        self._question = question
        self._answers: list[T] = []
        self._thread = threading.Thread(target=self._ask, name="inquiry", daemon=True)
        self._thread.start()

    def by(self, deadline: float) -> T | None:
        """The answer, or None if none has come by `deadline` (of time.monotonic) or the question failed."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        return self._answers[0] if self._answers else None

    def within(self, seconds: float) -> T | None:
        """As `by`, from now on."""
        return self.by(time.monotonic() + seconds)

    def _ask(self) -> None:
        # Drivers and system files fail in ways that nobody lists; what one of them does not tell is unknown, and the
        # rest of the computer counts.
        with contextlib.suppress(Exception):
            self._answers.append(self._question())


def answer_of(command: Sequence[str], seconds: float, environ: Mapping[str, str] = os.environ) -> str | None:
    """What a program writes to its standard output; None if it cannot be started, fails, or is not done in time."""
    cancel = threading.Event()
    timer = threading.Timer(seconds, cancel.set)
    timer.daemon = True
    timer.start()
    lines: list[str] = []
    try:
        for said in run(command, environment=environ, cwd=Path.cwd(), cancel=cancel):
            if isinstance(said, Output) and said.channel == "out":
                lines.append(said.text)
            elif isinstance(said, Exit) and said.code != 0:
                return None
    except (CancelledError, LauncherError):
        return None
    finally:
        timer.cancel()
    return "\n".join(lines)
