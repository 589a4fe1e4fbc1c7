"""Names for new files that every system takes, whatever an address or a stranger calls them."""

from __future__ import annotations

import re
from collections.abc import Collection

from launcher.core.models.walk import ENDINGS
from launcher.core.paths import is_device

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]')
_LONGEST = 180


def file_name(wanted: str, ending: str = "", *, only: Collection[str] = ENDINGS) -> str:
    """`wanted` as the name of a file, with `ending` unless it has one of `only`; one of another sort of model is taken
    off. "" if nothing is left of it.
    """
    name = _FORBIDDEN.sub("_", wanted.encode("utf-8", "replace").decode()).strip().strip(".").strip()
    stem, dot, last = name.rpartition(".")
    known = f".{last}".lower() if dot else ""
    if known in ENDINGS:
        name, ending = stem.rstrip(". "), "." + last if known in only else ending
    if not name.strip("_ "):
        return ""
    while len(name.encode()) + len(ending) > _LONGEST:
        name = name[:-1]
    return f"_{name}{ending}" if is_device(name) else name + ending
