"""A picture in the terminal: by its own protocol where it is known to have one, else in half blocks."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from textual.widget import Widget

#: terminals that say who they are, and what they draw with
_KITTY = ("xterm-kitty", "xterm-ghostty")
_SIXEL = ("WezTerm", "iTerm.app", "mintty")


def way_to_draw(environ: Mapping[str, str]) -> str:
    """`kitty`, `sixel` or `halfcell`, by what the terminal says of itself; tmux and screen let neither through."""
    term = environ.get("TERM", "")
    if environ.get("TMUX") or environ.get("STY") or term.startswith(("tmux", "screen")):
        return "halfcell"
    if term in _KITTY or environ.get("KITTY_WINDOW_ID"):
        return "kitty"
    if environ.get("TERM_PROGRAM") in _SIXEL or term.startswith("foot"):
        return "sixel"
    return "halfcell"


def picture(file: Path, environ: Mapping[str, str] = os.environ) -> Widget:
    """A widget that shows `file`. Raises OSError or ValueError for what is no picture."""
    images = _library()
    kind = {"kitty": images.TGPImage, "sixel": images.SixelImage}.get(way_to_draw(environ), images.HalfcellImage)
    # From memory: the widget opens it again at every new size.
    shown: Widget = kind(io.BytesIO(file.read_bytes()))
    return shown


def _library() -> Any:
    """textual_image asks the terminal what it can do when it is imported. By now Textual reads the answers, and keys
    would be swallowed with them, so it is imported as if there were no terminal; the size of a cell is told to it.
    """
    terminal, told = sys.__stdout__, {}
    if cell := _cell():
        told = {"TEXTUAL_CELL_WIDTH": str(cell[0]), "TEXTUAL_CELL_HEIGHT": str(cell[1])}
    sys.__stdout__ = io.StringIO()  # type: ignore[misc, assignment]
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    try:
        return import_module("textual_image.widget")
    finally:
        sys.__stdout__ = terminal  # type: ignore[misc]
        for name, value in before.items():
            if value is None:
                del os.environ[name]


def _cell() -> tuple[int, int] | None:
    """Width and height of a cell in pixels, where the system knows them."""
    with contextlib.suppress(ImportError, OSError, ValueError, AttributeError):
        fcntl, termios = import_module("fcntl"), import_module("termios")
        said = fcntl.ioctl(sys.__stdout__.fileno(), termios.TIOCGWINSZ, b"\0" * 8)  # type: ignore[union-attr]
        rows, columns, width, height = struct.unpack("HHHH", said)
        if rows and columns and width // columns and height // rows:
            return width // columns, height // rows
    return None
