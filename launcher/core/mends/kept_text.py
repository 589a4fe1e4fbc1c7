"""One text file changed by a mend, and put back as it was, unless somebody has changed it meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

from launcher.core.errors import writing
from launcher.core.mends.mend import Record, changed_since
from launcher.core.records import write_text
from launcher.core.text import t


def read_kept(file: Path) -> str | None:
    """The text of `file` with its own line ends; None where there is no such file. LauncherError `no-permission`."""
    with writing(file):
        try:
            # A sign that is no UTF-8 stays the bytes it is.
            return file.read_bytes().decode("utf-8", "surrogateescape")
        except FileNotFoundError:
            return None


def write_kept(file: Path, after: str) -> Record:
    """Write it; what `restore_kept` needs. NotWrittenError."""
    before = read_kept(file)
    _put(file, after)
    return {"file": str(file), "before": before, "after": after}


def restore_kept(record: Record) -> Path:
    """The file as it was. LauncherError `mend-changed-since`; NotWrittenError."""
    file, before = Path(record["file"]), record["before"]
    if read_kept(file) != record["after"]:
        raise changed_since(t("The file {file}", file=file))
    if before is None:
        with writing(file):
            file.unlink()
    else:
        _put(file, before)
    return file


def _put(file: Path, text: str) -> None:
    # Where it is a link, to what it leads to: many keep such files elsewhere.
    target = Path(os.path.realpath(file))
    if text.isascii() or not any("\udc80" <= sign <= "\udcff" for sign in text):
        write_text(target, text)
        return
    with writing(target):
        target.write_bytes(text.encode("utf-8", "surrogateescape"))
