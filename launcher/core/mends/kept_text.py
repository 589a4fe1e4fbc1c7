"""The user's own text files, read and written with every byte that is not to be changed."""

from __future__ import annotations

import os
from pathlib import Path

from launcher.core.errors import writing
from launcher.core.records import write_bytes


def read_kept(file: Path) -> str | None:
    """The text of `file` with its own line ends; None where there is no such file. NotWrittenError if it may not be
    read: then it cannot be changed either.
    """
    with writing(file):
        try:
            # A sign that is no UTF-8 stays the bytes it is.
            return file.read_bytes().decode("utf-8", "surrogateescape")
        except FileNotFoundError:
            return None


def write_kept(file: Path, text: str | None) -> None:
    """Write it, or with None take the file away. NotWrittenError."""
    if text is None:
        with writing(file):
            file.unlink()
        return
    # Where it is a link, to what it leads to: many keep such files elsewhere.
    write_bytes(Path(os.path.realpath(file)), text.encode("utf-8", "surrogateescape"))
