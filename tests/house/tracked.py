"""The files that git tracks, or would track: what a reader of the project sees."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@functools.cache
def tracked_files() -> tuple[Path, ...]:
    """Relative to ROOT; tracked or new, nothing ignored and nothing deleted."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return tuple(Path(name) for name in sorted(set(listed.split("\0"))) if name and (ROOT / name).is_file())


@functools.cache
def texts() -> dict[str, str]:
    """Every tracked text file, by its path with forward slashes."""
    found = {}
    for path in tracked_files():
        content = (ROOT / path).read_bytes()
        if b"\0" not in content[:8192] and not path.name.endswith(".gz"):
            found[path.as_posix()] = content.decode("utf-8")
    return found
