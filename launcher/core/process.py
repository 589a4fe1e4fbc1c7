"""The one door for children: argument lists, never a shell; two channels; told to end, the whole tree ends."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil

from launcher.core.errors import LauncherError, writing
from launcher.core.text import t

_POLL = 0.05
_KEEPER = Path(__file__).with_name("log_keeper.py")
#: what a line may hold before it is cut: a child that never ends a line must not fill the memory
_LONGEST_LINE = 65536


@dataclass(frozen=True)
class Output:
    """One line of the child; `channel` is "out" or "err". A carriage return ends a line too (progress bars)."""

    channel: str
    text: str


@dataclass(frozen=True)
class Quiet:
    """Nothing was said for a while: the time to measure something."""


@dataclass(frozen=True)
class Exit:
    """The child has ended; negative: the signal that ended it."""

    code: int


class CancelledError(LauncherError):
    """The user stopped the work; what ran has been ended."""

    def __init__(self) -> None:
        super().__init__(
            "interrupted", t("Stopped at your wish."), t("The same command continues where this one ended.")
        )


def run(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    cwd: Path,
    cancel: threading.Event | None = None,
    grace: float = 0.3,
    held: int | None = None,
) -> Iterator[Output | Quiet | Exit]:
    """Run `command` to its end, yielding its lines, then Exit. `held`: the handle of a lock that it holds too, so that
    it is not free while a child works on whose launcher was killed (not on Windows).

    `cancel` may be set from any thread: the whole tree ends (asked, and after `grace` seconds made to) and
    CancelledError is raised. Closing the iterator early ends the tree too. Raises LauncherError `cannot-start`.
    """
    child = _start(command, environment, cwd, subprocess.PIPE, subprocess.PIPE, held)
    lines: queue.Queue[Output | None] = queue.Queue(maxsize=1000)
    done = threading.Event()
    for channel, pipe in (("out", child.stdout), ("err", child.stderr)):
        threading.Thread(target=_read, args=(channel, pipe, lines, done), daemon=True).start()
    try:
        yield from _lines(child, lines, cancel)
        yield from _end(child, cancel)
    finally:
        done.set()
        end_tree(child.pid, grace=grace, child=child)
        for pipe in (child.stdout, child.stderr):
            _close(pipe)


def start_detached(
    command: Sequence[str], *, environment: Mapping[str, str], cwd: Path, out: Path, err: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, its standard output into the file `out` (private, emptied).

    Raises NotWrittenError, LauncherError `cannot-start`.
    """
    with _private(out) as out_file:
        return _start(command, environment, cwd, out_file, err)


@contextlib.contextmanager
def kept_log(log: Path, python: Path) -> Iterator[tuple[IO[bytes], subprocess.Popen[bytes]]]:
    """What can be handed to children that write to `log` (private, emptied), which stays bounded; and the process that
    sees to it in a session of its own, and ends after the last of them (log_keeper.py). `python` is held as long: on
    Windows it cannot be deleted meanwhile.

    Raises NotWrittenError, LauncherError `cannot-start`.
    """
    _private(log).close()
    words = [str(python), "-I", "-S", str(_KEEPER), str(log.absolute())]
    variables = {name: os.environ[name] for name in ("SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}
    keeper = _start(
        words, variables, log.absolute().parent, subprocess.DEVNULL, subprocess.DEVNULL, stdin=subprocess.PIPE
    )
    assert keeper.stdin is not None  # noqa: S101 - a pipe, see above
    with keeper.stdin as channel:
        yield channel, keeper


def end_tree(pid: int, *, grace: float, child: subprocess.Popen[bytes] | None = None) -> None:
    """End `pid`, its group and its descendants: asked first, killed after `grace` seconds. Gone already is well too.

    The caller has made sure that `pid` is still the process it means (`alive`). `child` is reaped.
    """
    if child is not None and child.poll() is not None and not _group_alive(pid):
        return
    members = _members(pid)
    _ask(members)
    _wait(members[:1], grace, child)
    _wait(members, min(grace, 0.3), child)
    members += [late for late in _members(pid) if late not in members]
    _kill(pid, members)
    _wait(members, 2.0, child)
    if child is not None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(1.0)


def end_group(pid: int) -> None:
    """Kill what is left of the group whose head `pid` has ended by itself; Windows remembers no such group."""
    # while a group lives nobody else is given its number, so a process of this number is another's
    if sys.platform != "win32" and not psutil.pid_exists(pid) and _group_alive(pid):
        _kill(pid, [])


def tree(pid: int) -> frozenset[int]:
    """The process and all that it has started, as far as they live."""
    return frozenset(member.pid for member in _members(pid))


def python_in(environment: Path) -> Path:
    """The interpreter of a virtual environment; one of conda's has it at its root on Windows."""
    if sys.platform != "win32":
        return environment / "bin/python"
    return environment / ("python.exe" if (environment / "conda-meta").is_dir() else "Scripts/python.exe")


def created(pid: int) -> float | None:
    """When `pid` was started (seconds since 1970), None when there is no such process: a number may be used twice."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return None


def alive(pid: int, since: float) -> bool:
    """Is `pid` still the process that was created at `since`?"""
    found = created(pid)
    return found is not None and abs(found - since) < 1.0


def _start(
    command: Sequence[str], environment: Mapping[str, str], cwd: Path, out: int | IO[bytes], err: int | IO[bytes],
    held: int | None = None, stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:  # fmt: skip
    try:
        return subprocess.Popen(
            list(command),
            env=dict(environment),
            cwd=cwd,
            stdin=stdin,
            stdout=out,
            stderr=err,
            pass_fds=() if held is None or sys.platform == "win32" else (held,),
            **_own_group(),
        )
    except OSError as error:
        raise LauncherError(
            "cannot-start",
            t("The program {program} could not be started: {why}.", program=command[0], why=error.strerror or error),
            t("Look whether the file is there and may be run."),
        ) from error


def _own_group() -> dict[str, Any]:
    """What makes the child the head of a group, so that a Ctrl-C at the terminal reaches the launcher alone."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def _private(path: Path) -> IO[bytes]:
    """`path` emptied, for appending; only its owner may read it."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
    return os.fdopen(handle, "ab", buffering=0)


def _lines(
    child: subprocess.Popen[bytes], lines: queue.Queue[Output | None], cancel: threading.Event | None
) -> Iterator[Output | Quiet]:
    """The lines until both channels close, or shortly after the child ended (a grandchild may hold them)."""
    open_channels = 2
    ended: float | None = None
    while open_channels:
        if cancel is not None and cancel.is_set():
            raise CancelledError
        try:
            line = lines.get(timeout=_POLL)
        except queue.Empty:
            if child.poll() is not None:
                ended = ended or time.monotonic()
                if time.monotonic() - ended > 0.3:
                    return
            yield Quiet()
            continue
        if line is None:
            open_channels -= 1
        else:
            yield line


def _end(child: subprocess.Popen[bytes], cancel: threading.Event | None) -> Iterator[Quiet | Exit]:
    """Exit once the child ends: it may close its channels and work on in silence."""
    while (code := child.poll()) is None:
        if cancel is not None and cancel.is_set():
            raise CancelledError
        try:
            child.wait(_POLL)
        except subprocess.TimeoutExpired:
            yield Quiet()
    yield Exit(code)


def _read(channel: str, pipe: IO[bytes], lines: queue.Queue[Output | None], done: threading.Event) -> None:
    """Reader thread: bytes -> lines. Ends with the channel, or when nobody listens any more."""
    rest = b""
    while not done.is_set():
        try:
            chunk = os.read(pipe.fileno(), 65536)
        except (OSError, ValueError):
            break
        if not chunk:
            break
        *whole, rest = (rest + chunk).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        if len(rest) > _LONGEST_LINE:
            whole, rest = [*whole, rest], b""
        for line in whole:
            if line:
                _put(lines, Output(channel, line.decode("utf-8", "replace")), done)
    if rest:
        _put(lines, Output(channel, rest.decode("utf-8", "replace")), done)
    _put(lines, None, done)


def _put(lines: queue.Queue[Output | None], line: Output | None, done: threading.Event) -> None:
    while not done.is_set():
        with contextlib.suppress(queue.Full):
            lines.put(line, timeout=0.2)
            return


def _members(pid: int) -> list[psutil.Process]:
    """`pid` and everything it started, as far as the system still tells."""
    try:
        head = psutil.Process(pid)
        return [head, *head.children(recursive=True)]
    except psutil.Error:
        return []


def _ask(members: list[psutil.Process]) -> None:
    """Only the head is asked, so that it can end its own children in its own order; Windows knows no asking."""
    for process in members[:1]:
        with contextlib.suppress(psutil.Error):
            process.terminate()


def _kill(pid: int, members: list[psutil.Process]) -> None:
    if sys.platform != "win32":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
    for process in members:
        with contextlib.suppress(psutil.Error):
            process.kill()


def _wait(members: list[psutil.Process], seconds: float, child: subprocess.Popen[bytes] | None) -> None:
    deadline = time.monotonic() + seconds
    while any(_runs(process) for process in members) and time.monotonic() < deadline:
        if child is not None:
            child.poll()
        time.sleep(0.02)


def _group_alive(pid: int) -> bool:
    if sys.platform == "win32":
        return False
    try:
        os.killpg(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _close(pipe: IO[bytes] | None) -> None:
    if pipe is not None:
        with contextlib.suppress(OSError):
            pipe.close()
