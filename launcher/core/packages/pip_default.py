"""Where pip asks when nobody has told it anything: asked of pip, which says it in its own help."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.packages.uv import find_uv
from launcher.core.paths import checkout
from launcher.core.process import Exit, Output, run

_DEFAULT = re.compile(r"(?:default|by default)[:\s]+<?(https://[^\s)>]+)")


@lru_cache(maxsize=1)
def official_index() -> str | None:
    """The address of the official package index; None if no pip and no uv here tells it. Takes about a second."""
    for command in _programs():
        if found := default_in(_said(command)):
            return found
    return None


def default_in(said: str) -> str | None:
    """The default of --index-url (pip) or --default-index (uv) in the help of either."""
    words = " ".join(said.split())
    for option in ("--index-url", "--default-index"):
        before, there, after = words.partition(f"{option} <")
        found = _DEFAULT.search(after[:200]) if there and before is not None else None
        if found:
            return found[1].rstrip("/.")
    return None


def _programs() -> Iterator[list[str]]:
    """pip of the launcher, pip of the Python it was made from, uv."""
    base = Path(getattr(sys, "_base_executable", "") or sys.executable)
    for python in dict.fromkeys((sys.executable, str(base))):
        yield [python, "-I", "-m", "pip", "install", "--help"]
    try:
        yield [find_uv(), "help", "pip", "install"]
    except LauncherError:
        return


def _said(command: list[str]) -> str:
    """What it prints; nothing if it fails. Nobody's configuration is to have a say."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    environment = {**kept, "PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1", "COLUMNS": "400", "NO_COLOR": "1"}
    lines: list[str] = []
    try:
        for event in run(command, environment=environment, cwd=checkout()):
            if isinstance(event, Output) and event.channel == "out":
                lines.append(event.text)
            elif isinstance(event, Exit) and event.code:
                return ""
    except LauncherError:
        return ""
    return "\n".join(lines)
