"""Fetch a model of the catalogue into its folder: from whichever host gives the right bytes."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from launcher.core.download.disk import check_space
from launcher.core.download.door import Wanted, download
from launcher.core.download.part import PART, beside
from launcher.core.errors import LauncherError
from launcher.core.events import Downloaded, Event, Notice, Step
from launcher.core.models.addresses import TOKENS, OnlineFile, Ways, measured_ways
from launcher.core.models.catalogue import Entry, read_catalogue
from launcher.core.models.entry import Library
from launcher.core.models.hashing import hash_models, take_note
from launcher.core.models.known import read_known
from launcher.core.paths import Workspace
from launcher.core.text import t

#: how an address says that it wants to know who asks
_GATED = ("download-unauthorized", "download-refused")


def fetch(
    workspace: Workspace, entries: Sequence[Entry], ways: Ways, *, cancel: threading.Event | None = None
) -> Generator[Event, None, None]:
    """One after the other; what is there already is checked and left. A partial file is continued by the next call.

    LauncherError as `download` raises them, `model-gated` where the publisher wants a token or an agreement first.
    """
    absent = [entry for entry in entries if not os.path.lexists(target_of(workspace, entry))]
    files = [
        OnlineFile(place.address, entry.bytes, entry.sha256, entry.bytes - remaining(workspace, [entry]))
        for entry in absent
        for place in entry.locations
    ]
    ways = yield from measured_ways(workspace, ways, files, cancel)
    for number, entry in enumerate(entries, 1):
        title = t("download {name}", name=entry.name)
        yield Step(entry.name, title, "started", number, len(entries))
        target = target_of(workspace, entry)
        for event in fetch_one(wanted_of(entry, target, ways), ways, cancel):
            if isinstance(event, Downloaded):
                take_note(workspace, target, event.sha256)
            yield event
        yield Step(entry.name, title, "done", number, len(entries))


def present(
    workspace: Workspace, library: Library, entries: Sequence[Entry], *, cancel: threading.Event | None = None
) -> Generator[Event, None, dict[str, Path]]:
    """Where the bytes of `entries` lie already, in the workspace or in a linked install, by their SHA-256.

    What has the size of one and no hash yet is hashed: seconds, against hours for fetching it again. CancelledError.
    """
    sizes = {entry.bytes for entry in entries}
    likely = [model for model in library.models if model.size in sizes]
    if any(model.sha256 is None for model in likely):
        yield from hash_models(workspace, likely, cancel=cancel)
    known = read_known(workspace)
    found: dict[str, Path] = {}
    for model in likely:
        hashes = known.of(str(model.path), model.size, model.mtime_ns)
        if digest := model.sha256 or (hashes and hashes.sha256):
            found.setdefault(digest, model.path)
    return {entry.sha256: found[entry.sha256] for entry in entries if entry.sha256 in found}


def target_of(workspace: Workspace, entry: Entry) -> Path:
    """Where the file lies, or will."""
    return workspace.root / entry.folder / entry.name


def there(workspace: Workspace, library: Library) -> frozenset[str]:
    """SHA-256 of the catalogue's files that lie here: by known hashes, and by name and size where none is known."""
    known = {model.sha256 for model in library.models if model.sha256}
    sizes = {(model.path, model.size) for model in library.models if model.sha256 is None}
    return frozenset(
        entry.sha256 for entry in read_catalogue().file
        if entry.sha256 in known or (target_of(workspace, entry), entry.bytes) in sizes
    )  # fmt: skip


def remaining(workspace: Workspace, entries: Sequence[Entry]) -> int:
    """Bytes that are still to be fetched, as far as sizes tell."""
    return sum(max(0, entry.bytes - _there(target_of(workspace, entry))) for entry in entries)


def check_room(workspace: Workspace, entries: Sequence[Entry]) -> None:
    """LauncherError `disk-full` where a disk has no room for what is to lie on it; a folder may have its own disk."""
    disks: dict[int, tuple[Path, list[Entry]]] = {}
    for entry in entries:
        folder = next(filter(Path.is_dir, target_of(workspace, entry).parents))
        disks.setdefault(folder.stat().st_dev, (folder, []))[1].append(entry)
    for folder, there in disks.values():
        check_space(folder / there[0].name, remaining(workspace, there))


def _there(target: Path) -> int:
    for file in (target, beside(target, PART)):
        with contextlib.suppress(OSError):
            return file.stat().st_size
    return 0


def wanted_of(entry: Entry, target: Path, ways: Ways) -> Wanted:
    """The entry's file at `target`, from wherever it lies: places that may have other bytes are asked last."""
    known = ways.of(location.address for location in entry.locations if location.backed)
    guessed = ways.of(location.address for location in entry.locations if not location.backed)
    addresses = (*known, *(dataclasses.replace(each, sure=False) for each in guessed if each not in known))
    return Wanted(entry.name, target, addresses, entry.sha256, entry.bytes)


def fetch_one(wanted: Wanted, ways: Ways, cancel: threading.Event | None, *, replace: bool = False) -> Iterator[Event]:
    """As `download`, and LauncherError `model-gated` says what to do where the publisher wants to know who asks."""
    work = download(wanted, route=ways.route, limit=ways.limit, cancel=cancel, replace=replace, patience=ways.patience)
    try:
        yield from work
        return
    except LauncherError as error:
        if not _is_gate(error, wanted):
            raise
        if not any(address.authorization for address in wanted.addresses):
            raise _gated(wanted) from error
    # A token that has expired is refused where nobody needs one.
    sentence = t("{host} does not take your token, so it is asked without it.", host=_token_hosts(wanted)[0])
    yield Notice("token-refused", "warning", sentence)
    bare = tuple(dataclasses.replace(address, authorization=None) for address in wanted.addresses)
    yield from fetch_one(dataclasses.replace(wanted, addresses=bare), ways, cancel, replace=replace)


def _is_gate(error: LauncherError, wanted: Wanted) -> bool:
    """Civitai sends strangers to its page to sign in; elsewhere such a page is a network's own."""
    hosts = _token_hosts(wanted)
    return bool(hosts) and (error.code in _GATED or ("civitai.com" in hosts and error.code == "download-login-page"))


def _token_hosts(wanted: Wanted) -> list[str]:
    """Of the hosts that give the file, those that take a token."""
    return [host for address in wanted.addresses if (host := urlsplit(address.url).hostname or "") in TOKENS]


def _gated(wanted: Wanted) -> LauncherError:
    return LauncherError(
        "model-gated",
        t("{host} gives {name} only to people it knows.", host=_token_hosts(wanted)[0], name=wanted.name),
        t(
            "Sign in there, accept the terms on the model's page, make a token, and set it as HF_TOKEN (Hugging Face) "
            "or CIVITAI_API_TOKEN (Civitai). Or fetch the file with a browser and use `gesso models add FILE`."
        ),
    )
