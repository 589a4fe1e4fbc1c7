"""Whose job is next: those who ask take turns, so that a hundred jobs of one do not keep another waiting."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import takewhile

from runtime.tasks import Generate, Task


class Turns:
    """Of those who wait, the one whose last turn is longest ago; of one's own jobs the oldest.

    A load or an unload that was asked for keeps its place: what came after it is not drawn before it.
    """

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._turn = 0
        #: a job whose checkpoint has just been loaded has had its turn already
        self._resumed: Generate | None = None

    def take(self, pending: deque[Task]) -> Task:
        """The next of `pending`, which is not empty, taken out of it."""
        task: Task = min(_jobs_in_front(pending), key=self._rank, default=pending[0])
        if self._resumed is not None and pending[0] is self._resumed:
            task = pending[0]
        self._resumed = None
        pending.remove(task)
        if isinstance(task, Generate):
            self._turn += 1
            self._last[task.client] = self._turn
        if not pending:
            self._last.clear()
        return task

    def resume(self, job: Generate, pending: deque[Task]) -> None:
        """This one goes on at once."""
        self._resumed = job
        pending.appendleft(job)

    def _rank(self, job: Generate) -> int:
        return self._last.get(job.client, 0)


def _jobs_in_front(pending: deque[Task]) -> Iterator[Generate]:
    return (one for one in takewhile(lambda one: isinstance(one, Generate), pending) if isinstance(one, Generate))
