"""Hash models beside everything else: one file after the other, remembered at once, stopped at any moment."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from launcher.core.errors import LauncherError, NotWrittenError
from launcher.core.events import Event, Notice, Progress
from launcher.core.models.entry import Model, twins_by_size
from launcher.core.models.known import Hashes, read_known, runtime_hash, tell_runtime
from launcher.core.models.outline import open_plainly
from launcher.core.paths import Workspace
from launcher.core.process import CancelledError
from launcher.core.records import read_record
from launcher.core.text import t

_CHUNK = 4 * 1024 * 1024
_REPORT = 0.5
#: A1111's hash of 2022: 8 digits of the SHA-256 of 64 KiB at 1 MiB
_OLD_START, _OLD_LENGTH = 0x100000, 0x10000


class _ChangedError(Exception):
    """Somebody is writing to the file."""


def hash_models(
    workspace: Workspace, models: Sequence[Model], *, cancel: threading.Event | None = None
) -> Generator[Event, None, None]:
    """Every file without a hash: those of one size first (they may be duplicates), small before large.

    Yields Progress in bytes over everything, and a Notice for a file that cannot be read or changes under the hand.
    CancelledError once `cancel` is set; what was hashed is kept, and the next call goes on with the rest.
    """
    twins = twins_by_size(models)
    todo = [model for model in models if model.sha256 is None and model.facts.format != "diffusers"]
    todo.sort(key=lambda model: (model.path not in twins, model.size))
    total, before = sum(model.size for model in todo), 0
    cache = read_record(workspace.root / "cache.json") or {}
    shared = _runtime_names(models)
    for model in todo:
        try:
            known = _from_runtime(cache, model) if model.path in shared else None
            if known is None:
                for told in _hash(model, cancel):
                    if isinstance(told, Hashes):
                        known = told
                    else:
                        yield Progress("hashes", before + told, total)
            if known is not None:
                _remember(workspace, model, known, tell=model.path in shared)
        except _ChangedError:
            sentence = t("{name} is changing at this moment, so it was not hashed.", name=model.name)
            yield Notice("not-hashed", "warning", sentence)
        except OSError as refused:
            sentence = t("{name} could not be hashed: {why}.", name=model.name, why=refused.strerror or refused)
            yield Notice("not-hashed", "warning", sentence)
        before += model.size
    yield Progress("hashes", total, total)


def sha256_of(path: Path, cancel: threading.Event | None = None) -> Iterator[int | str]:
    """The bytes read so far, now and then, and at the end the digest. OSError; CancelledError."""
    digest, done, said = hashlib.sha256(), 0, time.monotonic()
    with open_plainly(path) as file:
        while chunk := file.read(_CHUNK):
            if cancel is not None and cancel.is_set():
                raise CancelledError
            digest.update(chunk)
            done += len(chunk)
            if time.monotonic() - said > _REPORT:
                said = time.monotonic()
                yield done
    yield digest.hexdigest()


def old_hash(path: Path) -> str:
    """A1111's of 2022; OSError."""
    with open_plainly(path) as file:
        return _old_hash(file)


def take_note(workspace: Workspace, path: Path, sha256: str) -> bool:
    """A file whose hash was computed on the way (a download) is not hashed again; a failure costs only that.

    Is it kept?
    """
    with contextlib.suppress(OSError, LauncherError):
        found = path.stat()
        hashes = Hashes(sha256, old_hash(path))
        read_known(workspace).remember(str(path), found.st_size, found.st_mtime_ns, hashes)
        shelf = workspace.models / "Stable-diffusion"
        if path.is_relative_to(shelf):
            name = path.relative_to(shelf).as_posix()
            tell_runtime(workspace, name, found.st_mtime, sha256)
        return True
    return False


def _runtime_names(models: Sequence[Model]) -> set[Path]:
    """The checkpoints that the runtime's cache can tell apart: it knows them by name, and two folders may share one."""
    checkpoints = [model for model in models if model.shelf == "checkpoint"]
    counts = Counter(model.name for model in checkpoints)
    return {model.path for model in checkpoints if counts[model.name] == 1}


def _hash(model: Model, cancel: threading.Event | None) -> Iterator[int | Hashes]:
    for told in sha256_of(model.path, cancel):
        if isinstance(told, int):
            yield told
            continue
        after = model.path.stat()
        if (after.st_size, after.st_mtime_ns) != (model.size, model.mtime_ns):
            raise _ChangedError
        yield Hashes(told, old_hash(model.path))


def _remember(workspace: Workspace, model: Model, hashes: Hashes, *, tell: bool) -> None:
    try:
        read_known(workspace).remember(str(model.path), model.size, model.mtime_ns, hashes)
        if tell:
            tell_runtime(workspace, model.name, model.path.stat().st_mtime, hashes.sha256)
    except NotWrittenError:
        raise
    except OSError as error:
        raise NotWrittenError(model.path, error) from error


def _from_runtime(cache: dict[str, object], model: Model) -> Hashes | None:
    """What the runtime has hashed already."""
    digest = runtime_hash(cache, model.name, model.path.stat().st_mtime)
    return Hashes(digest, old_hash(model.path)) if digest else None


def _old_hash(file: BinaryIO) -> str:
    file.seek(_OLD_START)
    return hashlib.sha256(file.read(_OLD_LENGTH)).hexdigest()[:8]
