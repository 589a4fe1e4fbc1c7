"""Sets a config.toml that nobody can read aside, beside where it lay: then nothing is chosen, and all else goes on."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Iterator
from datetime import datetime, timezone
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice
from launcher.core.mends.aside import Moved, move_all, swap_back, to_record
from launcher.core.mends.mend import Change, Here, Mend, Preview, Record, Values, nothing_to_mend
from launcher.core.settings import read_settings
from launcher.core.text import Text, t

NAME = "settings-aside"
_TITLE = t("Set the settings that cannot be read aside")


def _verify(here: Here, _values: Values) -> Text | None:
    try:
        read_settings(here.workspace)
    except LauncherError as error:
        return error.message
    return None


def _preview(here: Here, values: Values) -> Preview | None:
    why = _verify(here, values)
    if why is None:
        return None
    file = here.workspace.config_file
    remark = t("Nothing is chosen then, until you choose it again. The old file stays to be read. {why}", why=why)
    change = Change(t("the file {file}", file=file), file.name, _free_name(file).name)
    return Preview(NAME, _TITLE, (change,), remark)


def _free_name(file: Path) -> Path:
    base = f"{file.name}.broken-{datetime.now(timezone.utc):%Y-%m-%d}"
    number, free = 1, file.with_name(base)
    while os.path.lexists(free):
        number += 1
        free = file.with_name(f"{base}-{number}")
    return free


def _apply(here: Here, values: Values, _cancel: threading.Event | None) -> Generator[Event, None, Record]:
    if _verify(here, values) is None:
        raise nothing_to_mend(_TITLE)
    file = here.workspace.config_file
    moved = Moved(file, _free_name(file))
    record: Record = {"moved": to_record(here.workspace, [moved])}
    here.begin(record)
    move_all([moved])
    yield Notice(NAME, "info", t("The old settings lie in {file}.", file=moved.after))
    return record


def _undo(here: Here, record: Record) -> Iterator[Event]:
    swap_back(here.workspace, NAME, record)
    yield Notice(NAME, "info", t("The old files lie where they lay."))


MEND = Mend(NAME, _TITLE, _preview, _apply, _verify, _undo)
