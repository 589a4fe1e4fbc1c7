"""Saves lines of a log where the user wants them, and never over anything."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.paths import written_path
from launcher.core.text import t


def free_path(folder: Path) -> Path:
    """A name of this minute in `folder` at which nothing lies yet."""
    stem = f"console-{datetime.now():%Y%m%d-%H%M%S}"
    number, path = 1, folder / f"{stem}.txt"
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}.txt"
    return path


def save(path: str, lines: Sequence[str]) -> str:
    """`lines` into a new file that its owner alone may read; its whole path.

    LauncherError `file-exists` where something lies already, `cannot-write`, and what `written_path` raises.
    """
    target = written_path(path.strip()).absolute()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.writelines(f"{line}\n" for line in lines)
    except FileExistsError as error:
        raise LauncherError(
            "file-exists",
            t("There is something at {path} already.", path=target),
            t("Choose another name: nothing is ever written over."),
        ) from error
    except OSError as error:
        raise LauncherError(
            "cannot-write",
            t("{path} could not be written: {why}.", path=target, why=error.strerror or error),
            t("Choose another folder."),
        ) from error
    return str(target)
