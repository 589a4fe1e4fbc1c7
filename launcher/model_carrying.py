"""What the actions on models share: the library read, work carried out, lines printed."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import TypeVar

from launcher.core.events import Event, Progress
from launcher.core.models.entry import Library
from launcher.core.models.hashing import hash_models
from launcher.core.models.library import read_library
from launcher.core.text import Text
from launcher.serving import signals_cancel
from launcher.verb import Call

T = TypeVar("T")


def library_of(call: Call) -> Library:
    """Everything in the workspace and in linked installs."""
    with signals_cancel() as cancel:
        return carry_out(call, read_library(call.workspace, cancel=cancel))


def hashed_library(call: Call) -> Library:
    """The same, once every file has its hash."""
    library = library_of(call)
    with signals_cancel() as cancel:
        carry_out(call, hash_models(call.workspace, library.models, cancel=cancel))
    return library_of(call)


def carry_out(call: Call, work: Generator[Event | Progress, None, T]) -> T:
    """Shows what happens on the way; with --json the answer alone is printed."""
    while True:
        try:
            event = next(work)
        except StopIteration as end:
            value: T = end.value
            return value
        if not call.printer.json:
            call.printer.event(event)


def print_all(call: Call, lines: Iterable[Text | str]) -> None:
    """What the verb was called for, line by line."""
    for line in lines:
        call.printer.result(line)
