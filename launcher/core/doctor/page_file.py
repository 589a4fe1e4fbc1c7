"""How Windows' page file is set: its registry is the one place that says how large it may become."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

_KEY = r"SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management"
#: path, first and largest size in MiB; the path may have spaces
_ENTRY = re.compile(r"(?P<path>.+?)(?:\s+(?P<first>\d+)\s+(?P<most>\d+))?\s*")


@dataclass(frozen=True)
class PageFile:
    """`managed`: Windows makes it as large as it needs; else `most_mib` is all that it may become."""

    managed: bool
    most_mib: int = 0


def page_file() -> PageFile | None:
    """None: this is not Windows, or it does not tell."""
    if sys.platform != "win32":
        return None
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, _KEY) as key:
            return page_file_of(winreg.QueryValueEx(key, "PagingFiles")[0])
    except OSError:
        return None


def page_file_of(lines: Sequence[str]) -> PageFile:
    """The value PagingFiles: "?:\\pagefile.sys" (managed on every drive), "C:\\pagefile.sys 0 0" (managed on one),
    "C:\\pagefile.sys 1024 4096", or nothing at all.
    """
    most = 0
    for line in filter(str.strip, lines):
        found = _ENTRY.fullmatch(line.strip())
        size = int(found["most"] or 0) if found else 0
        if size == 0:
            return PageFile(managed=True)
        most += size
    return PageFile(managed=False, most_mib=most)
