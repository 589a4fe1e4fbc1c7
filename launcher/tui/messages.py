"""What the worker thread tells the screens."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from textual.message import Message

from launcher.core.errors import LauncherError
from launcher.tui.log_reading import Block

#: events that a screen is given at once: so many take some milliseconds, and a key must not wait for more
PORTION = 500


class Inbox:
    """Events on their way from the worker to the screen: many of them travel with one message when a child floods."""

    def __init__(self, again: Callable[[], object] = lambda: None) -> None:
        """`again` tells the screen that there are more, after it has taken a portion."""
        self._again = again
        self._events: deque[Any] = deque()
        self._taken: list[Any] = []
        self._announced = False
        # Each is counted by one of the two threads alone.
        self._put = self._heard = 0

    def __len__(self) -> int:
        """How many are under way: not yet taken by the screen, or not yet heard by the app; a block of lines counts
        for more than one.
        """
        return self._put - self._heard

    def put(self, event: Any) -> bool:
        """Add an event, in the worker; True if the screen has to be told that there are some."""
        self._put += _weight(event)
        self._events.append(event)
        if self._announced:
            return False
        self._announced = True
        return True

    def take(self) -> list[Any]:
        """The next events, in the screen: all that there are, up to a portion."""
        # Cleared first: an event that arrives while these are counted is announced again rather than lost.
        self._announced = False
        waiting = len(self._events)
        if waiting > PORTION:
            # Before they are taken: whoever then finds few left knows that these are announced.
            self._announced = True
            self._again()
        events = [self._events.popleft() for _ in range(min(waiting, PORTION))]
        self._taken += events
        return events

    def heard(self) -> list[Any]:
        """What the screen has taken since the last call: the app keeps the log of all jobs."""
        events, self._taken = self._taken, []
        self._heard += sum(map(_weight, events))
        return events


def _weight(event: Any) -> int:
    """Lines are kept as fast as they come: what many of them take is the memory."""
    return 1 + len(event.texts) // 50 if isinstance(event, Block) else 1


class Happened(Message):
    """There are events of the job `name` in the inbox. It goes on to the app, so it must not be stopped."""

    def __init__(self, inbox: Inbox, name: str) -> None:
        super().__init__()
        self.inbox, self.name = inbox, name


class Done(Message):
    """The job `name` went well; `value` is what it gave."""

    def __init__(self, name: str, value: Any) -> None:
        super().__init__()
        self.name, self.value = name, value


class Failed(Message):
    """The job `name` ended with a named failure."""

    def __init__(self, error: LauncherError, name: str) -> None:
        super().__init__()
        self.error, self.name = error, name


class Finished(Message):
    """The job `name` has ended, well or not; nothing more comes from it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
