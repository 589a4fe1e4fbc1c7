"""What is known of a partial file, kept beside it for the next run; no address, for one may hold a secret."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from launcher.core.records import read_record, write_record

_VERSION = 1


@dataclass(frozen=True)
class State:
    """`size` in bytes, as wanted or as a server said it; `sources` are the keys of those whose bytes these are."""

    sha256: str | None
    size: int | None
    #: the first so many bytes were forced to the disk
    safe: int = 0
    #: by the key of each address what If-Range carries
    validators: dict[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    #: when the computer was started, seconds since 1970
    boot: float = field(default_factory=psutil.boot_time, compare=False)

    @property
    def same_boot(self) -> bool:
        """A process that is killed loses nothing that it wrote; a computer that stops may."""
        return abs(self.boot - psutil.boot_time()) < 5


def read_state(file: Path) -> State | None:
    """None when there is none, or none that can be understood."""
    record = read_record(file) or {}
    validators, sources = record.get("validators"), record.get("sources")
    if record.get("version") != _VERSION or not isinstance(validators, dict) or not isinstance(sources, list):
        return None
    size, safe, boot = record.get("size"), record.get("safe"), record.get("boot")
    if not isinstance(safe, int) or not isinstance(boot, float) or not (size is None or isinstance(size, int)):
        return None
    texts = {str(key): str(value) for key, value in validators.items()}
    # Somebody's editor, or a torn disk: a header takes no other sign.
    if min(safe, size or 0) < 0 or not all(value.isascii() and value.isprintable() for value in texts.values()):
        return None
    return State(record.get("sha256"), size, safe, texts, tuple(map(str, sources)), boot)


def write_state(file: Path, state: State) -> None:
    """Raises OSError."""
    record: dict[str, Any] = {"version": _VERSION, **asdict(state)}
    write_record(file, record)
