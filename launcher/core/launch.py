"""Starts the runtime in a session of its own and follows what it writes: attached, detached or as a second onlooker."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from urllib.parse import urlsplit

from launcher.core import events
from launcher.core.command_line import CommandLine, command_line, flags_of, listens
from launcher.core.environments import current
from launcher.core.errors import LauncherError
from launcher.core.events import Event, Line, Notice, Ready, Stopped
from launcher.core.file_lock import only_one
from launcher.core.flag_words import has, last_value, masked
from launcher.core.paths import Workspace, checkout, child_environment
from launcher.core.plan import Options, Plan
from launcher.core.ports import check_port
from launcher.core.process import alive, created, python_in, start_detached
from launcher.core.running import (
    EVENTS,
    LOG,
    Running,
    Status,
    Tail,
    find_running,
    forget_credentials,
    read_running,
    status,
    stop,
    write_running,
)
from launcher.core.text import Text, t
from runtime import protocol

__all__ = ["Status", "launch", "status", "stop"]

_POLL = 0.1
#: of the log of a runtime that runs already: the part that an onlooker is shown
_PAST = 65536
#: seconds that a detaching launcher waits for the first word on a model that nobody named
_VERDICT = 300.0


@dataclass
class _Watch:
    """What has been heard so far."""

    detach: bool
    #: the checkpoint was named by the user, so the start fails with it
    named: bool
    url: str | None = None
    ready_at: float | None = None
    verdict: protocol.Model | protocol.ModelFailed | None = None
    fatal: protocol.Fatal | None = None
    last: deque[str] = field(default_factory=lambda: deque(maxlen=20))


def launch(
    workspace: Workspace,
    options: Options,
    plan: Plan,
    *,
    environ: Mapping[str, str] = os.environ,
    cancel: threading.Event | None = None,
) -> Iterator[Event]:
    """Start the runtime, or follow the one that runs, until it ends (Stopped), `cancel` is set, or with
    `options.detach` until it serves. Cancelling leaves the runtime alone; `stop` ends it.

    A runtime that runs already is announced by Notice `already-running`, or `already-running-otherwise` when it was
    started with other flags. Raises LauncherError: `not-installed`, `port-taken`, `runtime-died`, or the code with
    which the model was refused (one named with --ckpt: the runtime is ended; else, when detaching: it stays up).
    """
    child: subprocess.Popen[bytes] | None = None
    with only_one(workspace.state / "launch.lock", _launching, patience=10.0):
        running = find_running(workspace)
        if running is None:
            running, child = _start(workspace, options, plan, environ)
    if child:
        yield Notice("started", "info", t("The runtime has been started (process {pid}).", pid=running.pid))
    else:
        yield _already(running, options, plan)
    watch = _Watch(options.detach, _names_checkpoint(options) and child is not None)
    yield from _follow(workspace, running, child, watch, cancel)


def _start(
    workspace: Workspace, options: Options, plan: Plan, environ: Mapping[str, str]
) -> tuple[Running, subprocess.Popen[bytes]]:
    environment = current(workspace)
    if environment is None:
        raise LauncherError(
            "not-installed",
            t("There is no engine environment yet."),
            t("Run `gesso install`, or `gesso up`, which does both."),
        )
    _keep_last_log(workspace)
    port = _wanted_port(options)
    if port is not None:
        check_port(port, "0.0.0.0" if listens(options) else "127.0.0.1")  # noqa: S104 - asked for
    command = command_line(workspace, python_in(environment), options, plan)
    child = start_detached(
        command.words,
        environment=_variables(workspace, command, environ),
        cwd=checkout(),
        out=workspace.state / EVENTS,
        err=workspace.logs / LOG,
    )
    since = datetime.now(timezone.utc).isoformat(timespec="seconds")
    running = Running(child.pid, created(child.pid) or time.time(), options.profile, since, _flags(options, plan), port)
    write_running(workspace, running)
    return running, child


def _keep_last_log(workspace: Workspace) -> None:
    """The log of the run before stays readable: it may say why that one ended."""
    log = workspace.logs / LOG
    with contextlib.suppress(OSError):
        log.replace(log.with_suffix(".previous.log"))


def _flags(options: Options, plan: Plan) -> tuple[str, ...]:
    """What a second start is compared with; it is kept in a file, so without secrets."""
    return masked(flags_of(options, plan))


def _variables(workspace: Workspace, command: CommandLine, environ: Mapping[str, str]) -> dict[str, str]:
    """The run profile's variables count before the caches are placed and the proxies' exceptions completed."""
    (workspace.cache / "tmp").mkdir(parents=True, exist_ok=True)
    variables = child_environment(workspace, {**environ, **command.variables})
    return {name: value for name, value in variables.items() if value or command.variables.get(name) != ""}


def _follow(
    workspace: Workspace,
    running: Running,
    child: subprocess.Popen[bytes] | None,
    watch: _Watch,
    cancel: threading.Event | None,
) -> Iterator[Event]:
    said, log = Tail(workspace.state / EVENTS), Tail(workspace.logs / LOG, last=None if child else _PAST)
    while True:
        ended = child.poll() is not None if child else not alive(running.pid, running.created)
        for line in filter(str.strip, log.lines(final=ended)):
            watch.last.append(line)
            yield Line("runtime", line)
        for line in said.lines():
            yield from _heard(workspace, running, watch, protocol.from_line(line))
            _judge(workspace, watch)
        if ended:
            yield from _ended(workspace, running, child, watch)
            return
        _judge(workspace, watch)
        if (cancel and cancel.is_set()) or _may_leave(watch):
            return
        time.sleep(_POLL)


def _heard(workspace: Workspace, running: Running, watch: _Watch, event: protocol.Event | None) -> Iterator[Event]:
    """What the runtime said, in the launcher's own events."""
    match event:
        case protocol.Phase(name):
            yield events.Phase(name)
        case protocol.Serving(url, page):
            watch.url, watch.ready_at = url, watch.ready_at or time.monotonic()
            if read_running(workspace) == running:
                write_running(workspace, replace(running, url=url))
            yield Ready(url, running.pid, page)
        case protocol.Credentials(user, password):
            forget_credentials(workspace)
            yield events.Credentials(user, password)
        case protocol.Model(title, seconds):
            watch.verdict = watch.verdict or event
            yield events.ModelLoaded(title, seconds)
        case protocol.ModelFailed():
            watch.verdict = watch.verdict or event
            yield Notice("model-failed", "error", _refusal(event))
        case protocol.Job(state, progress):
            yield events.Progress(f"job-{state}", round(progress * 100), 100, "percent")
        case protocol.Fatal():
            watch.fatal = event
        case None:
            pass


def _judge(workspace: Workspace, watch: _Watch) -> None:
    """The first word on a model decides: a checkpoint that was named and is refused is a start that failed."""
    failed = watch.verdict
    if not isinstance(failed, protocol.ModelFailed):
        return
    if watch.named:
        stop(workspace)
        hint = t("Name another file with --ckpt, or none. The server has been stopped.")
        raise LauncherError(failed.code, _refusal(failed), hint)
    if watch.detach and watch.url:
        hint = t("The server stays up at {url}: choose another model there.", url=watch.url)
        raise LauncherError(failed.code, _refusal(failed), hint)


def _may_leave(watch: _Watch) -> bool:
    if not watch.detach or watch.ready_at is None:
        return False
    if watch.verdict is not None:
        return True
    return not watch.named and time.monotonic() - watch.ready_at > _VERDICT


def _ended(
    workspace: Workspace, running: Running, child: subprocess.Popen[bytes] | None, watch: _Watch
) -> Iterator[Event]:
    """An end that was asked for is well; one before the address answered is a failed start."""
    now = read_running(workspace)
    asked = now is not None and now.pid == running.pid and now.stopping
    code = 0 if asked else child.returncode if child else 1
    yield Stopped(code, tuple(watch.last))
    if asked:
        return
    if watch.fatal:
        raise LauncherError(
            watch.fatal.code, t("{message}", message=watch.fatal.message), t("The log: {log}", log=workspace.logs / LOG)
        )
    if watch.url is None:
        line = watch.last[-1] if watch.last else ""
        raise LauncherError(
            "runtime-died",
            t("The runtime ended with code {code} before it served: {line}", code=code, line=line),
            t("The log says more: {log}", log=workspace.logs / LOG),
        )


def _already(running: Running, options: Options, plan: Plan) -> Notice:
    port = _wanted_port(options)
    same = _flags(options, plan) == running.flags and port in (None, _port_of(running))
    if same:
        return Notice("already-running", "info", t("It runs already (process {pid}).", pid=running.pid))
    return Notice(
        "already-running-otherwise",
        "warning",
        t("It runs already (process {pid}), started with other options.", pid=running.pid),
    )


def _port_of(running: Running) -> int | None:
    return running.port or (urlsplit(running.url).port if running.url else None)


def _refusal(failed: protocol.ModelFailed) -> Text:
    return t("The model {title} could not be loaded: {message}", title=failed.title, message=failed.message)


def _names_checkpoint(options: Options) -> bool:
    return has(options.runtime_flags, "--ckpt")


def _wanted_port(options: Options) -> int | None:
    """--port, also among the runtime's own flags."""
    named = last_value(options.runtime_flags, "--port")
    return int(named) if named and named.isdecimal() else options.port


def _launching(pid: object) -> LauncherError:
    return LauncherError(
        "launch-running",
        t("Another start is under way in this folder (process {pid}).", pid=pid),
        t("Look with `gesso status` in a moment."),
    )
