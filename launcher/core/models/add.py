"""Put a model from a file or an address into its folder: judged by its content, never over another file."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from launcher.core.download.disk import check_space, disk_error
from launcher.core.download.door import Wanted
from launcher.core.download.part import beside, put_beside
from launcher.core.errors import LauncherError
from launcher.core.events import Downloaded, Event, Progress, Step
from launcher.core.file_lock import only_one
from launcher.core.models.addresses import OnlineFile, Ways, file_address, measured_ways, name_in, typed_first
from launcher.core.models.facts import Facts, describe
from launcher.core.models.fetch import fetch_one
from launcher.core.models.hashing import take_note
from launcher.core.models.kind import KINDS, Kind
from launcher.core.models.names import file_name
from launcher.core.models.outline import BrokenError, read_outline
from launcher.core.models.problems import Problem
from launcher.core.models.shelves import HOMES
from launcher.core.models.told import ask_publisher
from launcher.core.paths import Workspace, written_path
from launcher.core.process import CancelledError
from launcher.core.text import t

How = Literal["there", "linked", "copied", "downloaded"]
_CHUNK = 4 * 1024 * 1024
#: the ending of a copy that is not whole yet
_COPY = ".gesso-copy"
#: seconds for which a download that ended early is kept
_KEPT = 14 * 24 * 3600


@dataclass(frozen=True)
class Added:
    """`how`: it was there already, shares its bytes with the original (hard link), was copied, or downloaded."""

    path: Path
    kind: Kind
    facts: Facts
    how: How
    #: of what was downloaded
    sha256: str | None = None
    #: was it compared with a hash that somebody had told before?
    verified: bool = False


def add_file(
    workspace: Workspace,
    source: Path,
    *,
    kind: Kind | None = None,
    name: str | None = None,
    copy: bool = False,
    cancel: threading.Event | None = None,
) -> Generator[Event, None, Added]:
    """A file of this computer; the original stays. Raises LauncherError `no-such-file`, `not-a-model`,
    `dangerous-pickle`, `kind-unknown`, `kind-unsupported`, `already-there`, `disk-full`, `no-permission`.
    """
    given = written_path(source)
    source = Path(os.path.realpath(given))
    # A link may lead to a name that says nothing: Hugging Face's cache calls a file by its hash.
    facts = _judged(source, given.name)
    kind = _kind(facts, kind)
    target = _target(workspace, kind, name or given.name, facts)
    yield Step(target.name, t("add {name}", name=target.name), "started", 1, 1)
    if target.exists():
        _same_or_refuse(source, target)
        _sweep_copy(target)
        how: How = "there"
    elif not copy and _linked(source, target):
        how = "linked"
    else:
        with only_one(beside(target, f"{_COPY}.lock"), _busy, remove=True):
            yield from _copied(source, target, cancel)
        how = "copied"
    yield Step(target.name, t("add {name}", name=target.name), "done", 1, 1)
    return Added(target, kind, facts, how)


def add_url(
    workspace: Workspace,
    url: str,
    ways: Ways,
    *,
    kind: Kind | None = None,
    name: str | None = None,
    sha256: str | None = None,
    cancel: threading.Event | None = None,
) -> Generator[Event, None, Added]:
    """A file of the network: fetched beside, judged, then put into its folder. `sha256` is what the user knows.

    LauncherError as in `add_file`, as `download` raises them, `not-an-address`, `page-address`, `name-needed`.
    """
    official = file_address(url, ways.around.mirrors)
    _sweep(workspace.cache / "incoming")
    incoming = workspace.cache / "incoming" / hashlib.sha256(official.encode()).hexdigest()[:12]
    # A second one that waited would find nothing there any more, and fetch it all again.
    with only_one(_lock(incoming), _busy, remove=True):
        return (yield from _fetched(workspace, url, official, incoming, ways, kind, name, sha256, cancel))


def _fetched(
    workspace: Workspace, url: str, official: str, incoming: Path, ways: Ways, kind: Kind | None, name: str | None,
    sha256: str | None, cancel: threading.Event | None,
) -> Generator[Event, None, Added]:  # fmt: skip
    # A mirror's address that somebody gives is a choice: nobody is measured.
    chosen = urlsplit(url).hostname != urlsplit(official).hostname
    told = ask_publisher(official, ways, workspace.cache / "incoming", cancel)
    files = [] if chosen else [OnlineFile(official, told.size, told.sha256)]
    ways = yield from measured_ways(workspace, ways, files, cancel)
    shown = file_name(name or told.name or name_in(official))
    if not shown:
        raise LauncherError(
            "name-needed",
            t("The address does not say what the file is called."),
            t("Add --name, as in `--name dream.safetensors`."),
        )
    addresses = typed_first(ways.of((official,)), url, official)
    wanted = Wanted(shown, incoming / "model", addresses, sha256 or told.sha256, told.size)
    yield Step(shown, t("download {name}", name=shown), "started", 1, 1)
    try:
        done = yield from _downloaded(wanted, ways, cancel)
        facts = _judged_or_gone(wanted.target, shown)
        kind = _kind(facts, kind)
        target = _target(workspace, kind, shown, facts)
        if target.exists():
            _same_or_refuse(wanted.target, target)
            wanted.target.unlink()
        else:
            _put(wanted.target, target)
    finally:
        # Not empty where a download is to go on, or where --kind or --name is all that the file still needs.
        with contextlib.suppress(OSError):
            incoming.rmdir()
    take_note(workspace, target, done.sha256)
    yield Step(shown, t("download {name}", name=shown), "done", 1, 1)
    return Added(target, kind, facts, "downloaded", done.sha256, done.verified)


def _lock(incoming: Path) -> Path:
    return incoming.with_name(f"{incoming.name}.lock")


def _busy(holder: object) -> LauncherError:
    return LauncherError(
        "add-busy",
        t("Another Gesso (process {pid}) is fetching this file.", pid=holder),
        t("Wait until it is done."),
    )


def _sweep(place: Path) -> None:
    """What nobody has gone on with for weeks: a model's size, which the user finds nowhere."""
    for folder in (each for each in place.glob("*") if each.is_dir() and not each.is_symlink()):
        with contextlib.suppress(OSError, LauncherError):
            latest = max(each.stat().st_mtime for each in (folder, *folder.iterdir()))
            if time.time() - latest > _KEPT:
                with only_one(_lock(folder), _busy, remove=True):
                    shutil.rmtree(folder)


def _downloaded(wanted: Wanted, ways: Ways, cancel: threading.Event | None) -> Generator[Event, None, Downloaded]:
    done = Downloaded(wanted.name, str(wanted.target), 0, "", False, "")
    for event in fetch_one(wanted, ways, cancel, replace=True):
        done = event if isinstance(event, Downloaded) else done
        yield event
    return done


def _judged_or_gone(path: Path, name: str) -> Facts:
    """As `_judged`; what no folder should hold is not kept either, so that the next call fetches anew."""
    try:
        return _judged(path, name)
    except LauncherError:
        path.unlink(missing_ok=True)
        raise


def _judged(path: Path, name: str) -> Facts:
    """What the file says of itself; LauncherError for what no folder of models should hold."""
    try:
        # The file gets the ending of its content, whatever it is called now.
        facts = describe(read_outline(path), "")
    except BrokenError as broken:
        problem = Problem(broken.code, broken.detail)
        raise LauncherError(
            "not-a-model", t("{name} was not added. {what}", name=name, what=problem.message), problem.hint
        ) from None
    except OSError as refused:
        raise LauncherError(
            "no-such-file",
            t("The file {file} cannot be read: {reason}.", file=path, reason=refused.strerror or refused),
            t("Check that it is there and that you may read it."),
        ) from None
    danger = next((one for one in facts.problems if one.code == "dangerous"), None)
    if danger is not None:
        raise LauncherError(
            "dangerous-pickle", t("{name} was not added. {what}", name=name, what=danger.message), danger.hint
        )
    return facts


def _kind(facts: Facts, wanted: Kind | None) -> Kind:
    kind = wanted or facts.kind
    known = ", ".join(one for one in KINDS if one in HOMES)
    if kind is None:
        raise LauncherError(
            "kind-unknown",
            t("What kind of model this is cannot be told from its content."),
            t("Say it with --kind: {kinds}.", kinds=known),
        )
    if kind not in HOMES:
        raise LauncherError(
            "kind-unsupported",
            t('Gesso has no folder for a model of the kind "{kind}".', kind=kind),
            t("If it is another, say so with --kind: {kinds}.", kinds=known),
        )
    return kind


def _target(workspace: Workspace, kind: Kind, wanted: str, facts: Facts) -> Path:
    # AUTOMATIC1111 lists no checkpoint under another of torch's endings.
    torch_s = (".ckpt",) if kind == "checkpoint" else (".pt", ".ckpt", ".pth", ".bin")
    fitting = {"safetensors": (".safetensors", ".sft"), "gguf": (".gguf",)}.get(facts.format or "", torch_s)
    name = file_name(wanted, fitting[0], only=fitting)
    return workspace.root / HOMES[kind] / (name or "model.safetensors")


def _same_or_refuse(source: Path, target: Path) -> None:
    with contextlib.suppress(OSError):
        if source.samefile(target) or (source.stat().st_size == target.stat().st_size and _equal(source, target)):
            return
    raise LauncherError(
        "already-there",
        t("Another file lies at {file}.", file=target),
        t("Give this one another name with --name."),
    )


def _equal(one: Path, other: Path) -> bool:
    with one.open("rb") as first, other.open("rb") as second:
        while chunk := first.read(_CHUNK):
            if chunk != second.read(_CHUNK):
                return False
        return not second.read(1)


def _linked(source: Path, target: Path) -> bool:
    """One file under two names, where the filesystem proves that it made one; else nothing is left behind."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        before = source.stat()
        os.link(source, target)
    except OSError:
        return False
    with contextlib.suppress(OSError):
        after = target.stat()
        if after.st_nlink > before.st_nlink and (after.st_dev, after.st_ino) == (before.st_dev, before.st_ino):
            return True
    with contextlib.suppress(OSError):
        target.unlink()
    return False


def _copied(source: Path, target: Path, cancel: threading.Event | None) -> Generator[Event, None, None]:
    part = beside(target, _COPY)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # What one who was ended has left: as large as the model.
        part.unlink(missing_ok=True)
        total, done = source.stat().st_size, 0
        check_space(target, total)
        with source.open("rb") as taken, part.open("xb") as given:
            while chunk := taken.read(_CHUNK):
                if cancel is not None and cancel.is_set():
                    raise CancelledError
                given.write(chunk)
                done += len(chunk)
                yield Progress(target.name, done, total)
            given.flush()
            os.fsync(given.fileno())
        _put(part, target)
    except OSError as error:
        raise disk_error(target, error) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _sweep_copy(target: Path) -> None:
    """One who was ended when the file had its name may have left the other, and the lock."""
    part, lock = beside(target, _COPY), beside(target, f"{_COPY}.lock")
    if not part.exists() and not lock.exists():
        return
    with contextlib.suppress(OSError, LauncherError), only_one(lock, _busy, remove=True):
        part.unlink(missing_ok=True)


def _put(source: Path, target: Path) -> None:
    """`source` becomes `target`, which must not be there."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(target, error) from error
    try:
        put_beside(source, target)
    except FileExistsError:
        raise LauncherError(
            "already-there",
            t("Another file lies at {file}.", file=target),
            t("Give this one another name with --name."),
        ) from None
    except OSError as error:
        raise disk_error(target, error) from error
