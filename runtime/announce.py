"""What the server says: event lines on standard output with --events, sentences on standard error; never mixed."""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import TextIO

from runtime import protocol


class Announcer:
    """Call it with an event. `stream` None: events become sentences where a person needs them."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def __call__(self, event: protocol.Event) -> None:
        if self._stream is not None:
            self._write(self._stream, event)
        elif isinstance(event, protocol.Credentials):
            say("This server can be reached from other computers, so it asks for a name and a password, said only now:")
            say(f"  name: {event.user}   password: {event.password}")
            say(f"  for programs: Authorization: Bearer {event.token}")
        if isinstance(event, protocol.Model):
            say(f"Model loaded in {event.seconds:.1f}s: {event.title}")
        elif isinstance(event, protocol.Fatal):
            say(event.message)

    def _write(self, stream: TextIO, event: protocol.Event) -> None:
        """A launcher that is gone must not take the server with it."""
        try:
            with self._lock:
                stream.write(protocol.to_line(event))
                stream.flush()
        except (OSError, ValueError):
            self._stream = None


def say(sentence: str) -> None:
    """One line for people, on standard error."""
    sys.stderr.write(sentence + "\n")
    sys.stderr.flush()


def claim_standard_output() -> TextIO:
    """The real standard output, for event lines alone; whatever else is printed joins standard error from now on."""
    kept = os.fdopen(os.dup(1), "w", encoding="ascii", newline="\n")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return kept


def set_up_logging(level: str | None) -> None:
    """Warnings and errors as plain lines on standard error."""
    known = logging.getLevelName((level or "WARNING").upper())
    logging.basicConfig(
        level=known if isinstance(known, int) else logging.WARNING,
        format="%(levelname)s: %(message)s",
        stream=sys.stderr,
    )
