"""Writes a report into one new file, and never over anything."""

from __future__ import annotations

import os
import zipfile
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from launcher.core.download.part import put_beside
from launcher.core.errors import LauncherError, NotWrittenError
from launcher.core.paths import written_path
from launcher.core.records import sweep, write_bytes
from launcher.core.report.report import Report
from launcher.core.text import t

_FOLDER = "gesso-report"
#: of every file in it; a zip needs one
_STAMP = (2026, 1, 1, 0, 0, 0)


def free_path(folder: Path) -> Path:
    """A name of this minute in `folder` at which nothing lies yet."""
    stem = f"{_FOLDER}-{datetime.now():%Y%m%d-%H%M}"
    number, path = 1, folder / f"{stem}.zip"
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}.zip"
    return path


def check_free(path: Path) -> None:
    """LauncherError `file-exists` where a file lies already: better said before everything is gathered."""
    if path.exists() and not path.is_dir():
        raise _there_already(path)


def write(report: Report, path: str | Path) -> Path:
    """The bundle as a new zip file that its owner alone may read; in a folder, under a name of this minute.

    LauncherError `file-exists` where something lies already, `cannot-write`, and what `written_path` raises.
    """
    target = written_path(path).absolute()
    if target.is_dir():
        target = free_path(target)
    sweep(target)
    if os.path.lexists(target):
        raise _there_already(target)
    try:
        write_bytes(target, _zipped(report), _put)
    except NotWrittenError as error:
        raise _not_written(target, error) from error
    return target


def _put(made: Path, target: Path) -> None:
    try:
        put_beside(made, target)
    except FileExistsError:
        raise _there_already(target) from None


def _zipped(report: Report) -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bundle:
        for part in report.parts:
            entry = zipfile.ZipInfo(f"{_FOLDER}/{part.name}", _STAMP)
            bundle.writestr(entry, part.text.encode("utf-8", "replace"), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _there_already(target: Path) -> LauncherError:
    return LauncherError(
        "file-exists",
        t("There is something at {path} already.", path=target),
        t("Choose another name: nothing is ever written over."),
    )


def _not_written(target: Path, error: OSError) -> LauncherError:
    return LauncherError(
        "cannot-write",
        t("{path} could not be written: {why}.", path=target, why=error.strerror or error),
        t("Choose another folder."),
    )


def as_json(report: Report) -> list[dict[str, Any]]:
    """What is in it, for `--json`."""
    return [{"name": part.name, "what": str(part.what), "bytes": part.size} for part in report.parts]
