"""What the actions on models share: the library read, work carried out, lines printed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

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
        return call.through(read_library(call.workspace, cancel=cancel))


def hashed_library(call: Call) -> Library:
    """The same, once every file has its hash."""
    library = library_of(call)
    with signals_cancel() as cancel:
        call.through(hash_models(call.workspace, library.models, cancel=cancel))
    return library_of(call)


def print_all(call: Call, lines: Iterable[Text | str]) -> None:
    """What the verb was called for, line by line."""
    for line in lines:
        call.printer.result(line)
