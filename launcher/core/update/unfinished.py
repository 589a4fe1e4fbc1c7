"""A change of version that was killed is ended before anything else of Gesso runs: standard library only.

launcher/bootstrap.py and launcher/__main__.py run it while files of two versions lie beside each other, and it may be
of either. So it imports nothing of Gesso, and what it reads keeps its form from one version to the next.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

#: in the checkout: what is changed lies there too, whichever workspace is used
FOLDER = Path(".launcher-tools") / "update"
LOCK, JOURNAL, RECORD = "update.lock", "update-under-way.json", "update.json"
#: the byte of the lock's file that is locked (launcher/core/file_lock.py)
LOCKED_BYTE = 4096
#: in the folder of what is kept: the SHA-256 of each file before ("old") and after ("new")
MANIFEST = "gesso-files.json"
#: what could point git at another repository than the one in the checkout
ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE",
             "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CEILING_DIRECTORIES")  # fmt: skip
#: for a journal that does not say how git was called
_GIT = ("git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false")
#: nothing that it does here takes a network, an answer to a question, or a program that a repository names
_ALONE = {"GIT_ALLOW_PROTOCOL": "", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def end_unfinished(root: Path, wait: Callable[[int], None]) -> bool:
    """True if a change had begun and is ended now, with one version whole; `wait` comes back with the lock held.

    OSError where a file cannot be put back: the next call goes on.
    """
    if not (root / FOLDER / JOURNAL).is_file():
        return False
    with (root / FOLDER / LOCK).open("a+b") as lock:
        lock.seek(LOCKED_BYTE)
        wait(lock.fileno())
        return mend(root)


def mend(root: Path) -> bool:
    """As `end_unfinished`, by one who holds the lock."""
    journal = root / FOLDER / JOURNAL
    moved = _read(journal)
    if moved is None or not all(isinstance(moved.get(key), str) for key in ("way", "kept", "commit", "commit_before")):
        return False
    if moved["way"] == "clone":
        whole = make_whole(moved.get("git") or _GIT, root, moved["commit_before"], moved["commit"])
        journal.replace(root / FOLDER / RECORD) if whole else journal.unlink()
        return True
    if Path(moved["kept"]).name != moved["kept"] or not moved["kept"]:
        return False
    # By its name: the whole checkout may have been moved since.
    kept = root / FOLDER / moved["kept"]
    left = put_back(root, kept)
    # A way back that was taken is no way back any more.
    if (_read(root / FOLDER / RECORD) or {}).get("kept") == moved["kept"]:
        (root / FOLDER / RECORD).unlink()
    journal.unlink()
    if not left:
        shutil.rmtree(kept, ignore_errors=True)
    return True


def put_back(root: Path, kept: Path) -> list[str]:
    """What `kept` holds is in its place again; the names of those that are of neither version, which stay."""
    versions = _read(kept / MANIFEST) or {}
    old, new = versions.get("old", {}), versions.get("new", {})
    left = []
    for name in sorted({*old, *new}):
        target = root / name
        with contextlib.suppress(OSError):
            _beside(target).unlink()
        if os.path.lexists(target) and digest(target) not in (old.get(name), new.get(name)):
            left.append(name)
        elif name in old:
            place(kept / "files" / name, target)
        else:
            target.unlink(missing_ok=True)
    return left


def place(source: Path, target: Path) -> None:
    """A copy of `source` takes the place of `target` by one rename; a link stays a link."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = _beside(target)
    try:
        beside.unlink(missing_ok=True)
        if source.is_symlink():
            beside.symlink_to(source.readlink())
        else:
            _copy(source, beside)
        beside.replace(target)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.gesso-new")


def _copy(source: Path, target: Path) -> None:
    """On the disk before it gets its name: a power cut must not leave an empty file there."""
    with source.open("rb") as given, target.open("wb") as taken:
        shutil.copyfileobj(given, taken)
        taken.flush()
        os.fsync(taken.fileno())
    shutil.copystat(source, target)


def digest(file: Path) -> str:
    """SHA-256 of what lies there, of a link that of where it leads; "" if it cannot be read."""
    try:
        content = os.fsencode(file.readlink()) if file.is_symlink() else file.read_bytes()
    except OSError:
        return ""
    return hashlib.sha256(content).hexdigest()


def make_whole(git: Sequence[str], root: Path, old: str, new: str) -> bool:
    """True if the clone is on `new` already; else the files that `new` brought are `old`'s again, and False.

    A file is taken for git's work if it holds either's bytes, or a beginning of them; any other is left alone. OSError
    where git cannot write one.
    `git`: the words that each call of it begins with.
    """

    def call(*words: str) -> bytes:
        kept = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
        done = subprocess.run([*git, *words], cwd=root, env={**kept, **_ALONE}, stdin=subprocess.DEVNULL,
                              capture_output=True, check=False)  # fmt: skip
        return done.stdout.rstrip(b"\n") if words[0] != "cat-file" else done.stdout

    # Ours: the lock of updates is held, and the journal says that a move was under way.
    own, common = (root / os.fsdecode(call("rev-parse", word)) for word in ("--git-dir", "--git-common-dir"))
    locks = [own / f"{name}.lock" for name in ("index", "HEAD", "ORIG_HEAD")]
    if branch := os.fsdecode(call("symbolic-ref", "--quiet", "HEAD")):
        locks.append(common / f"{branch}.lock")
    for lock in locks:
        with contextlib.suppress(OSError):
            lock.unlink()
    head = call("rev-parse", "HEAD").decode("ascii", "replace")
    if head == new:
        return True
    if head != old:
        return False
    before, after = (_blobs(call("ls-tree", "-r", "-z", "--full-tree", commit)) for commit in (old, new))
    call("read-tree", old)
    differ = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    ours = [name for name in differ if _is_gits_work(call, root, name, before.get(name), after.get(name))]
    for name in ours:
        (root / name).unlink(missing_ok=True)
    # git takes a file away before it writes the new one; all that were there when it began are to be there again.
    gone = [name for name in before if before[name] != after.get(name) and not os.path.lexists(root / name)]
    for start in range(0, len(gone), 100):
        call("checkout-index", "--force", "--", *gone[start : start + 100])
    left = next((name for name in gone if not _is_whole(call, root, name, before[name])), None)
    if left is not None:
        raise OSError(errno.EIO, "git could not write it", left)
    call("update-index", "-q", "--refresh")
    return False


def _blobs(listed: bytes) -> dict[str, str]:
    """The files of a commit: blobs by path."""
    parted = (os.fsdecode(line).partition("\t") for line in listed.split(b"\0"))
    return {name: about.split()[2] for about, _, name in parted if about.split()[1:2] == ["blob"]}


def _is_gits_work(call: Callable[..., bytes], root: Path, name: str, old: str | None, new: str | None) -> bool:
    """It holds all of the new blob, or a beginning of either; the whole old one may stay."""
    file = root / name
    if file.is_symlink() or not file.is_file() or (old and _is_whole(call, root, name, old)):
        return False
    if new and _is_whole(call, root, name, new):
        return True
    return any(_begins(file, call("cat-file", "blob", blob)) for blob in (old, new) if blob)


def _is_whole(call: Callable[..., bytes], root: Path, name: str, blob: str) -> bool:
    # with the filters that git applies when it writes (Windows' line ends)
    return (root / name).is_symlink() or call("hash-object", f"--path={name}", "--", name) == blob.encode()


def _begins(file: Path, whole: bytes) -> bool:
    """A file that was cut off while it was written; compared without line ends, which git may have changed."""
    try:
        found = file.read_bytes()
    except OSError:
        return False
    return _plain(whole).startswith(_plain(found))


def _plain(content: bytes) -> bytes:
    return content.replace(b"\r", b"").replace(b"\n", b"")


def _read(file: Path) -> dict[str, Any] | None:
    """None: there is none, or nothing that we wrote."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    # A RecursionError is a thousand brackets.
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
