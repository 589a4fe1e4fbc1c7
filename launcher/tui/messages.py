"""What the worker thread tells the screens."""

from __future__ import annotations

from collections import deque
from typing import Any

from textual.message import Message

from launcher.core.errors import LauncherError
from launcher.core.events import Event


class Inbox:
    """Events on their way from the worker to the screen: many of them travel with one message when a child floods."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._announced = False

    def put(self, event: Event) -> bool:
        """Add an event, in the worker; True if the screen has to be told that there are some."""
        self._events.append(event)
        if self._announced:
            return False
        self._announced = True
        return True

    def take(self) -> list[Event]:
        """All events so far, in the screen."""
        # Cleared first: an event that arrives while these are counted is announced again rather than lost.
        self._announced = False
        return [self._events.popleft() for _ in range(len(self._events))]


class Happened(Message):
    """There are events of the job `name` in the inbox."""

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
