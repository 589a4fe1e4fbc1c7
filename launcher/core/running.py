"""The runtime that runs: its record on disk, its state, its end; the same whoever started it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Literal

import psutil

from launcher.core.errors import LauncherError
from launcher.core.events import Lines
from launcher.core.log_keeper import aside
from launcher.core.paths import Workspace
from launcher.core.process import alive, end_tree
from launcher.core.records import read_record, write_record
from launcher.core.text import t
from launcher.core.web_address import discreet_lines, is_address
from runtime import protocol

RECORD = "runtime.json"
EVENTS = "runtime-events.jsonl"
LOG = "runtime.log"
#: what is about to be started: if the start is cut off, this tells who it is
STARTING = "runtime-starting.json"
#: seconds that a runtime has to end by itself before it is made to
_GRACE = 10.0
#: bytes of a log that are read at once, and what a line may hold before it is cut
_PORTION, _LONGEST_LINE = 1 << 20, 1 << 16
#: lines that are handed on together
_TOGETHER = 500


@dataclass(frozen=True)
class Running:
    """A runtime that was started in this workspace."""

    pid: int
    #: when the process was made: a pid may be used again
    created: float
    #: the run profile
    profile: str
    #: ISO 8601 in UTC
    since: str
    #: its flags, without the port
    flags: tuple[str, ...]
    #: the one that was asked for; None: the runtime takes the first free one
    port: int | None
    url: str | None = None
    #: somebody has asked it to end
    stopping: bool = False
    #: name of the environment that it draws with
    environment: str | None = None
    #: salt and digest of what was asked for, secrets and variables too: a second start is compared with it
    wish: str | None = None
    #: the variables that choose its card
    card: tuple[str, ...] = ()


@dataclass(frozen=True)
class Status:
    """`state` is stopped, starting or serving."""

    state: Literal["stopped", "starting", "serving"]
    url: str | None = None
    pid: int | None = None
    profile: str | None = None
    since: str | None = None


def status(workspace: Workspace) -> Status:
    """What runs in this workspace. Read from the runtime's own words, so it does not matter who started it."""
    running = find_running(workspace)
    if running is None:
        return Status("stopped")
    url = running.url or _served(workspace)
    return Status("serving" if url else "starting", url, running.pid, running.profile, running.since)


def stop(workspace: Workspace) -> bool:
    """End the runtime with everything it started: asked, and after ten seconds made to. False if none runs.

    LauncherError `not-stopped` if it lives even then.
    """
    running = find_running(workspace)
    if running is None:
        return False
    # It ends whether or not that can be written down: on a full disk too.
    with contextlib.suppress(OSError):
        write_running(workspace, replace(running, stopping=True))
        forget_start(workspace)
    end_tree(running.pid, grace=_GRACE)
    if alive(running.pid, running.created):
        raise LauncherError(
            "not-stopped",
            t("The runtime (process {pid}) has not ended, though it was made to.", pid=running.pid),
            t("A driver may hold it: try again in a moment; if it stays, restart the computer."),
        )
    return True


def find_running(workspace: Workspace) -> Running | None:
    """The living runtime, else None."""
    running = read_running(workspace)
    return running if running and alive(running.pid, running.created) else _unrecorded(workspace)


def _unrecorded(workspace: Workspace) -> Running | None:
    """One whose start was cut off before its number was written down."""
    meant = read_record(workspace.state / STARTING)
    if meant is None:
        return None
    words = ["-m", "runtime", "--data-dir", str(workspace.root)]
    found: list[tuple[float, int]] = []
    for process in psutil.process_iter(["pid", "cmdline", "create_time"]):
        line = process.info["cmdline"] or []
        if any(line[at : at + len(words)] == words for at in range(len(line))):
            found.append((process.info["create_time"], process.info["pid"]))
    # The first one has started the others.
    return _read({**meant, "pid": min(found)[1], "created": min(found)[0]}) if found else None


def forget_start(workspace: Workspace) -> None:
    """What was about to be started has its record."""
    with contextlib.suppress(OSError):
        (workspace.state / STARTING).unlink()


def write_start(workspace: Workspace, meant: Running) -> None:
    """Before the process is there: whoever is asked finds it, if nobody comes to write its record."""
    write_record(workspace.state / STARTING, _record(meant))


def read_running(workspace: Workspace) -> Running | None:
    """The runtime that was started last, alive or not."""
    record = read_record(workspace.state / RECORD)
    return None if record is None else _read(record)


def _read(record: dict[str, Any]) -> Running | None:
    known = {name: value for name, value in record.items() if name in Running.__dataclass_fields__}
    try:
        running = Running(**{**known, "flags": tuple(known["flags"]), "card": tuple(known.get("card", ()))})
        if not _sound(running):
            return None
    except (KeyError, TypeError):
        return None
    return running if running.url is None or is_address(running.url) else replace(running, url=None)


def _sound(running: Running) -> bool:
    """Is everything of its kind? The file may have been written by another version, or by hand."""
    words: tuple[object, ...] = (
        running.profile,
        running.since,
        *running.flags,
        *running.card,
        running.url or "",
        running.environment or "",
        running.wish or "",
    )
    numbers: tuple[object, ...] = (running.pid, running.port or 0)
    return (
        all(isinstance(word, str) for word in words)
        and all(type(number) is int for number in numbers)
        and type(running.created) in (int, float)
        and running.pid > 0
    )


def write_running(workspace: Workspace, running: Running) -> None:
    """Keep who runs; others find it by this."""
    write_record(workspace.state / RECORD, _record(running))


def _record(running: Running) -> dict[str, Any]:
    return {**vars(running), "flags": list(running.flags), "card": list(running.card)}


def _served(workspace: Workspace) -> str | None:
    with contextlib.suppress(OSError):
        for line in (workspace.state / EVENTS).read_text(encoding="utf-8", errors="replace").splitlines():
            event = protocol.from_line(line)
            if isinstance(event, protocol.Serving):
                return event.url
    return None


def log_lines(log: Tail, *, final: bool) -> Iterator[Lines]:
    """What the runtime has printed since the last call, without blank lines and without the passwords of proxies:
    it is kept, shown, copied and quoted.
    """
    for portion in log.portions(final=final):
        told = tuple(discreet_lines([line for line in portion if line and not line.isspace()]))
        if told:
            yield Lines("runtime", told)


class Tail:
    """The lines that are added to a file, read as they come; a line that has not ended yet waits."""

    def __init__(self, path: Path, *, last: int | None = None) -> None:
        """`last`: begin at most so many bytes before the end, with a whole line."""
        self._path, self._rest = path, b""
        #: the file that was read last: another may have taken its name
        self._file: int | None = None
        self._offset = 0
        if last is not None and path.exists():
            self._offset = max(0, path.stat().st_size - last)
        self._halved = self._offset > 0

    def lines(self, *, final: bool = False) -> Iterator[str]:
        """What has come since the last call; `final`: the rest counts as a line."""
        for portion in self.portions(final=final):
            yield from portion

    def portions(self, *, final: bool = False) -> Iterator[list[str]]:
        """The same, some hundred lines at a time: whoever follows a flood handles them together."""
        try:
            with self._path.open("rb") as file:
                now = os.fstat(file.fileno()).st_ino
                # some file systems give a file another number while it stays the same
                if self._file not in (None, now) and self._is_aside():
                    yield from self._set_aside()
                    self._offset = 0
                self._file = now
                yield from self._added(file)
        except OSError:
            return
        if final and self._rest:
            rest, self._rest = self._rest, b""
            yield [rest.decode("utf-8", "replace")]

    def _is_aside(self) -> bool:
        try:
            return aside(self._path).stat().st_ino == self._file
        except OSError:
            return False

    def _set_aside(self) -> Iterator[list[str]]:
        """What had come to the file when its keeper set it aside, and was not read yet."""
        with contextlib.suppress(OSError), aside(self._path).open("rb") as file:
            yield from self._added(file)

    def _added(self, file: IO[bytes]) -> Iterator[list[str]]:
        # What is written while we read waits for the next call, so that this one ends.
        end = file.seek(0, os.SEEK_END)
        if end < self._offset:
            self._offset = 0
        file.seek(self._offset)
        while self._offset < end and (found := file.read(min(_PORTION, end - self._offset))):
            self._offset += len(found)
            whole = self._whole(found)
            for start in range(0, len(whole), _TOGETHER):
                yield whole[start : start + _TOGETHER]

    def _whole(self, found: bytes) -> list[str]:
        *whole, self._rest = (self._rest + found).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        if self._halved and whole:
            del whole[0]
            self._halved = False
        if len(self._rest) > _LONGEST_LINE:
            # A runtime that never ends a line must not fill the memory.
            whole, self._rest = [*whole, self._rest], b""
        return [line.decode("utf-8", "replace") for line in whole]


def forget_credentials(workspace: Workspace) -> None:
    """Overwrite the password in the file of events, in place: the runtime still appends to it."""
    path = workspace.state / EVENTS
    with contextlib.suppress(OSError), path.open("r+b") as file:
        start = 0
        for line in file.read().split(b"\n"):
            # One that begins with a blank was overwritten in part by a launcher that was ended meanwhile.
            half = line.startswith(b" ") and not line.isspace()
            if half or isinstance(protocol.from_line(line.decode("utf-8", "replace")), protocol.Credentials):
                file.seek(start)
                file.write(b" " * len(line))
                file.flush()
                os.fsync(file.fileno())
            start += len(line) + 1
