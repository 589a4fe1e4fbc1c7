"""The hashes that are known, Gesso's own and those that the runtime keeps in A1111's cache.json."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from launcher.core.errors import LauncherError
from launcher.core.file_lock import only_one
from launcher.core.paths import Workspace
from launcher.core.records import read_record, write_record
from launcher.core.text import t

#: seconds for another to write its own
_PATIENCE = 10.0


@dataclass(frozen=True)
class Hashes:
    """Of a whole file: `sha256`, and the eight digits that A1111 used in 2022."""

    sha256: str
    old: str


@dataclass
class KnownHashes:
    """By path, as long as size and time of change are the same."""

    file: Path
    entries: dict[str, Any] = field(default_factory=dict)

    def of(self, path: str, size: int, mtime_ns: int) -> Hashes | None:
        """None: not hashed yet, or changed since."""
        entry = self.entries.get(path)
        if not isinstance(entry, list) or len(entry) != 4 or entry[:2] != [size, mtime_ns]:
            return None
        return Hashes(str(entry[2]), str(entry[3]))

    def remember(self, path: str, size: int, mtime_ns: int, hashes: Hashes) -> None:
        """Kept at once, so that an interrupted run loses one file's work at most; not for a name that is no text."""
        if not is_text(path):
            return
        with only_one(self.file.with_suffix(".lock"), _busy, patience=_PATIENCE):
            self.entries = {**_read(self.file), path: [size, mtime_ns, hashes.sha256, hashes.old]}
            write_record(self.file, {"hashes": self.entries})


def read_known(workspace: Workspace) -> KnownHashes:
    """What was hashed so far."""
    file = workspace.state / "model-hashes.json"
    return KnownHashes(file, _read(file))


def _read(file: Path) -> dict[str, Any]:
    found = (read_record(file) or {}).get("hashes")
    return found if isinstance(found, dict) else {}


def runtime_hash(cache: dict[str, Any], name: str, mtime: float) -> str | None:
    """What the runtime has hashed (`checkpoint/NAME` in cache.json), by its own rule of what is still true."""
    section = cache.get("hashes")
    entry = section.get(f"checkpoint/{name}") if isinstance(section, dict) else None
    if not isinstance(entry, dict):
        return None
    written, digest = entry.get("mtime"), entry.get("sha256")
    fresh = isinstance(written, (int, float)) and mtime <= written
    return digest if fresh and isinstance(digest, str) else None


def tell_runtime(workspace: Workspace, name: str, mtime: float, sha256: str) -> None:
    """Write the hash where the runtime looks, so that it hashes nothing twice; its other sections stay as they are."""
    with only_one(workspace.state / "cache.lock", _busy, patience=_PATIENCE):
        _tell(workspace.root / "cache.json", name, mtime, sha256)


def _tell(file: Path, name: str, mtime: float, sha256: str) -> None:
    cache = read_record(file)
    if (cache is None and file.exists()) or not is_text(name):
        return
    cache = cache or {}
    section = cache.setdefault("hashes", {})
    if isinstance(section, dict):
        section[f"checkpoint/{name}"] = {"mtime": mtime, "sha256": sha256}
        write_record(file, cache)


def _busy(holder: object) -> LauncherError:
    return LauncherError(
        "hashes-busy",
        t("Another Gesso (process {pid}) is keeping hashes.", pid=holder),
        t("Try again in a moment."),
    )


def is_text(name: str) -> bool:
    """A file's name need not be text on Linux, and a record holds text alone."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
