"""What the worker thread tells the screens."""

from __future__ import annotations

from collections import deque

from textual.message import Message

from launcher.core.errors import LauncherError
from launcher.core.events import Event
from launcher.tui.state import Survey


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


class Surveyed(Message):
    """The machine, the plan and the runtime's state have been looked at."""

    def __init__(self, survey: Survey) -> None:
        super().__init__()
        self.survey = survey


class Happened(Message):
    """There are events in the inbox."""

    def __init__(self, inbox: Inbox) -> None:
        super().__init__()
        self.inbox = inbox


class Failed(Message):
    """A job ended with a named failure."""

    def __init__(self, error: LauncherError) -> None:
        super().__init__()
        self.error = error


class Finished(Message):
    """The job `name` has ended, well or not; nothing more comes from it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
