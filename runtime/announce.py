"""What the server says: event lines on standard output with --events, sentences on standard error; never mixed."""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
from typing import TextIO

from runtime import protocol

#: colours, cursor, titles, links, the clipboard: with ESC or with one sign of C1
_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[P\]X^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x80-\x9f\n]*(?:\x07|\x1b\\|\x9c)"
)
_CONTROLS = dict.fromkeys([*range(9), *range(11, 32), *range(0x7F, 0xA0)]) | dict.fromkeys(
    [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C, 0x2028, 0x2029, *range(0xD800, 0xE000)],
    "\ufffd",
)


class Announcer:
    """Call it with an event. `stream` None: events become sentences where a person needs them."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def __call__(self, event: protocol.Event) -> None:
        if self._stream is not None:
            self._write(self._stream, event)
        elif isinstance(event, protocol.Credentials):
            say("This server asks for a name and a password, said only now:")
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


def harmless(text: str) -> str:
    """Without what a terminal would obey: names of files and what requests say come from elsewhere."""
    return text if text.isprintable() else _SEQUENCES.sub("", text).translate(_CONTROLS)


class _Harmless(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return harmless(super().format(record))


def say(sentence: str) -> None:
    """One line for people, on standard error."""
    sys.stderr.write(harmless(sentence) + "\n")
    sys.stderr.flush()


def say_in_red(sentence: str) -> None:
    """The same where a terminal shows it in red; elsewhere as any other."""
    shown = sys.stderr.isatty() and (os.name != "nt" or "WT_SESSION" in os.environ)
    sys.stderr.write(f"\x1b[1;31m{harmless(sentence)}\x1b[0m\n" if shown else harmless(sentence) + "\n")
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
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Harmless("%(levelname)s: %(message)s"))
    logging.basicConfig(level=known if isinstance(known, int) else logging.WARNING, handlers=[handler])
