"""Requirement files as uv writes them: name==version with the SHA-256 of each file that is allowed."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.markers import Marker

_PINNED = re.compile(r"^([A-Za-z0-9][\w.-]*==[^\s;\\]+)")
_MARKED = re.compile(r"^([A-Za-z0-9][\w.-]*==[^\s;\\]+)\s*;([^\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def read_requirements(text: str) -> dict[str, list[str]]:
    """{"name==version": [SHA-256, …]} of a compiled requirement file without markers."""
    found: dict[str, list[str]] = {}
    hashes: list[str] = []
    for line in text.splitlines():
        if name := _PINNED.match(line):
            hashes = found.setdefault(name[1], [])
        hashes += _HASH.findall(line)
    return found


def left_out(text: str, python: str) -> set[str]:
    """Of what `read_requirements` finds that which a Python ("3.11") on this computer does not take, by its marker."""
    there = {"python_version": python, "python_full_version": f"{python}.0"}
    marked = (found for line in text.splitlines() if (found := _MARKED.match(line)))
    return {found[1] for found in marked if not Marker(found[2].strip()).evaluate(there)}


def written(requirements: dict[str, list[str]]) -> str:
    """The text that `read_requirements` reads."""
    return "".join(
        " \\\n    ".join([name, *(f"--hash=sha256:{digest}" for digest in hashes)]) + "\n"
        for name, hashes in requirements.items()
    )


def locked_names(lock: Path) -> list[str]:
    """The names of the packages in a lock file, each once."""
    names = (line.partition("==")[0] for line in lock.read_text(encoding="utf-8").splitlines() if _PINNED.match(line))
    return list(dict.fromkeys(names))
