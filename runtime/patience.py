"""How long a job that was asked to stop may stay silent before its worker is taken to be stuck.

The worker looks for an interrupt between steps. One step, or the VAE after the last, may take minutes on a slow
processor and is no fault; a picture that is far too large may take hours, and everybody behind it waits. So one
interrupt is given ten minutes of silence. Who asks again, and not by a double click, means it: from then on a minute
is enough, or three times the longest silence that this job has broken by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from runtime.request import RequestError

#: seconds of silence after an interrupt or a skip, and after a second one
AT_MOST, INSISTED = 600.0, 60.0
#: a second one within these seconds is a double click
APART = 5.0
_TIMES_THE_LONGEST_SILENCE = 3


class Patience:
    """Of one job: it begins, gives signs of life, and may be asked to stop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._heard, self._longest = clock(), 0.0
        self._asked: float | None = None
        self._insisted = False

    def begin(self) -> None:
        """A job begins."""
        self._heard, self._longest = self._clock(), 0.0
        self.obeyed()

    def hear(self) -> None:
        """A sign of life."""
        now = self._clock()
        self._longest = max(self._longest, now - self._heard)
        self._heard = now

    def ask(self) -> None:
        """The job is asked to stop, or to leave its batch."""
        now = self._clock()
        self._insisted = self._insisted or (self._asked is not None and now - self._asked >= APART)
        self._asked = now if self._asked is None else self._asked

    def obeyed(self) -> None:
        """Nothing is asked any more."""
        self._asked, self._insisted = None, False

    @property
    def seconds_left(self) -> float | None:
        """Until the worker is taken to be stuck; 0 when it is, None while nothing is asked."""
        if self._asked is None:
            return None
        limit = max(INSISTED, _TIMES_THE_LONGEST_SILENCE * self._longest) if self._insisted else AT_MOST
        return max(max(self._heard, self._asked) + limit - self._clock(), 0.0)


def stuck() -> RequestError:
    """What the job is told whose worker was ended."""
    said = "The drawing process did not stop when it was asked to, and was ended."
    return RequestError("worker-stuck", said, "A new one loads the model again; draw smaller or fewer pictures.")
