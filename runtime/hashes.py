"""sha256 of model files, remembered in AUTOMATIC1111's cache.json so that nothing is hashed twice."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtime.files import alone_with, write_whole

_CHUNK = 4 * 1024 * 1024
_LEAST_PRIORITY = 19
_LOG = logging.getLogger(__name__)


class HashCache:
    """`{"hashes": {"checkpoint/NAME": {"mtime", "sha256"}}}`; other sections of the file are kept as they are."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._all = _read(file)

    def get(self, path: Path, name: str) -> str | None:
        """The hash if it is known and the file has not changed since."""
        entry = self._section().get(f"checkpoint/{name}")
        try:
            if isinstance(entry, dict) and path.stat().st_mtime <= entry["mtime"]:
                return str(entry["sha256"])
        except (OSError, KeyError, TypeError):
            pass
        return None

    def remember(self, path: Path, name: str, known: str | None = None) -> None:
        """Store the file's hash, computing it unless it is `known`. Reads the whole file: not for the event loop."""
        if self.get(path, name) is not None:
            return
        try:
            changed = path.stat().st_mtime
            digest = known or sha256_of(path)
        except OSError as refused:
            _LOG.warning("%s cannot be hashed: %s", path.name, refused)
            return
        with self._lock:
            self._write(f"checkpoint/{name}", {"mtime": changed, "sha256": digest})

    def _write(self, key: str, entry: dict[str, Any]) -> None:
        """A folder that cannot be written to costs the hash at the next start, and nothing else."""
        self._section()[key] = entry
        try:
            with alone_with(self._file):
                # another process may have written since this one read
                self._all = _read(self._file) or self._all
                self._section()[key] = entry
                write_whole(self._file, json.dumps(self._all, indent=4, ensure_ascii=False))
        except OSError as refused:
            _LOG.warning("%s cannot be written: %s", self._file.name, refused)

    def _section(self) -> dict[str, Any]:
        if not isinstance(self._all.get("hashes"), dict):
            self._all["hashes"] = {}
        section: dict[str, Any] = self._all["hashes"]
        return section


def sha256_of(path: Path) -> str:
    """Of the whole file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


class Digest:
    """The SHA-256 of a file, computed while other work goes on and behind it; a file that cannot be read has none."""

    def __init__(self, path: Path, done: Callable[[str], None] = lambda _digest: None) -> None:
        """`done` hears of it in the thread that computed it."""
        self._digest: str | None = None
        self._thread = threading.Thread(target=self._compute, args=(path, done), name="hash", daemon=True)
        self._thread.start()

    def _compute(self, path: Path, done: Callable[[str], None]) -> None:
        _stand_back()
        try:
            self._digest = sha256_of(path)
        except OSError as gone:
            _LOG.warning("%s cannot be hashed: %s", path.name, gone)
            return
        done(self._digest)

    @property
    def so_far(self) -> str | None:
        """None while it is computed."""
        return self._digest

    def result(self) -> str | None:
        """Waits until it is there."""
        self._thread.join()
        return self._digest


def short(digest: str | Digest | None) -> str | None:
    """The first ten digits, waiting for them where they are being computed."""
    found = digest.result() if isinstance(digest, Digest) else digest
    return found and found[:10]


def _stand_back() -> None:
    """Linux alone gives a thread a priority of its own; whoever draws goes first."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LEAST_PRIORITY)
