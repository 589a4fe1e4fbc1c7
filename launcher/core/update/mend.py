"""A clone whose move to another version was killed is made whole again: only what git itself wrote is touched."""

from __future__ import annotations

import contextlib
from pathlib import Path

from launcher.core.update.git_calls import Git


def make_whole(git: Git, old: str, new: str) -> bool:
    """True if the clone is on `new` already; else the files that `new` brought are `old`'s again, and False.

    A file is taken for git's work if it holds `new`'s bytes, or a beginning of them; any other is left alone.
    """
    # Ours: the lock of updates is held, and the journal says that a move was under way.
    with contextlib.suppress(OSError):
        (git.root / "".join(git.call("rev-parse", "--git-dir").out) / "index.lock").unlink()
    head = git.call("rev-parse", "HEAD").out
    if head == (new,):
        return True
    if head != (old,):
        return False
    before, after = _files(git, old), _files(git, new)
    git.call("read-tree", old)
    ours = [name for name in after if before.get(name) != after[name] and _is_from(git, name, after[name])]
    for name in ours:
        (git.root / name).unlink(missing_ok=True)
    gone = [name for name in before if not (git.root / name).exists() and (name in ours or name not in after)]
    for start in range(0, len(gone), 100):
        git.call("checkout-index", "--force", "--", *gone[start : start + 100])
    git.call("update-index", "-q", "--refresh")
    return False


def _files(git: Git, commit: str) -> dict[str, str]:
    """Blobs by path."""
    lines = git.call("ls-tree", "-r", "--full-tree", commit).out
    parted = (line.partition("\t") for line in lines)
    return {name: about.split()[2] for about, _, name in parted if about.split()[1:2] == ["blob"]}


def _is_from(git: Git, name: str, blob: str) -> bool:
    file = git.root / name
    if file.is_symlink() or not file.is_file():
        return False
    # with the filters that git applies when it writes (Windows' line ends)
    if git.call("hash-object", f"--path={name}", "--", str(file)).out == (blob,):
        return True
    return _begins(file, "\n".join(git.call("cat-file", "blob", blob).out).encode())


def _begins(file: Path, whole: bytes) -> bool:
    """A file that was cut off while it was written; compared without line ends, which reading lines bends."""
    try:
        found = file.read_bytes()
    except OSError:
        return False
    plain = found.replace(b"\r", b"").replace(b"\n", b"")
    return len(found) == 0 or whole.replace(b"\n", b"").startswith(plain)
