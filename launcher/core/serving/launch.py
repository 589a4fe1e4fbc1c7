"""Starts the runtime in a session of its own and follows what it writes: attached, detached or as a second onlooker."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import NamedTuple
from urllib.parse import urlsplit

from launcher.core.environments.environments import current, interpreter
from launcher.core.environments.recipes import constraining
from launcher.core.errors import LauncherError, writing
from launcher.core.events import Event, Notice
from launcher.core.file_lock import only_one
from launcher.core.log_keeper import join_aside, keep_end
from launcher.core.memory.choose import MEMORY_FLAGS
from launcher.core.network.mirror_choice import chosen, look_around
from launcher.core.network.mirror_words import hugging_face_variables, package_variables
from launcher.core.network.routes import engine_variables
from launcher.core.paths import Workspace, checkout, engine_environment
from launcher.core.plan.options import Options
from launcher.core.plan.plan import Plan
from launcher.core.ports import check_port
from launcher.core.process import alive, created, end_group, end_tree, kept_log, start_detached
from launcher.core.profiles.flag_words import has, last_value, masked, without
from launcher.core.running import (
    EVENTS,
    LOG,
    Running,
    Status,
    Tail,
    find_running,
    forget_start,
    log_lines,
    status,
    stop,
    write_running,
    write_start,
)
from launcher.core.serving.command_line import UNPROTECTED, CommandLine, asks_for, command_line, flags_of, listens
from launcher.core.serving.diary import recorded
from launcher.core.serving.drift import compared
from launcher.core.serving.results import settle_last
from launcher.core.serving.watch import Watch, ended, heard, judge
from launcher.core.settings import read_settings
from launcher.core.text import t
from runtime import protocol

__all__ = ["Status", "launch", "status", "stop"]

#: seconds between two looks at what it says, and after one that found something: a flood comes in small portions
_POLL, _SHORT_POLL = 0.1, 0.02
#: seconds that the last lines of a runtime that has ended take to the log; and that they are waited for where somebody
#: else holds its channel
_LAST_LINES, _PATIENCE = 0.2, 3.0
#: of the log of a runtime that runs already: the part that an onlooker is shown
_PAST = 65536


class Started(NamedTuple):
    """The runtime, and the process that keeps its log."""

    child: subprocess.Popen[bytes]
    keeper: subprocess.Popen[bytes]


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
    started: Started | None = None
    command: CommandLine | None = None
    with only_one(workspace.state / "launch.lock", _launching, patience=10.0):
        running = find_running(workspace)
        if running is None:
            running, started, command = _start(workspace, options, plan, environ)
    named = started is not None and has(options.runtime_flags, "--ckpt")
    watch = Watch(options.detach, named, listens(options), memory=plan.memory if started else None)
    watched = _follow(workspace, running, started, watch, cancel)
    if command is None:
        yield _already(running, options, plan)
        yield from watched
        return
    yield Notice("started", "info", t("The runtime has been started (process {pid}).", pid=running.pid))
    yield Notice("command", "info", t("{command}", command=command.line()))
    if asks_for(options) == "nobody":
        yield Notice("unprotected-remote", "error", UNPROTECTED)
    yield from compared(workspace, running.flags, recorded(workspace, running, command.shown, watched))


def _start(
    workspace: Workspace, options: Options, plan: Plan, environ: Mapping[str, str]
) -> tuple[Running, Started, CommandLine]:
    environment = current(workspace)
    if environment is None:
        raise LauncherError(
            "not-installed",
            t("There is no engine environment yet."),
            t("Run `gesso install`, or `gesso up`, which does both."),
        )
    _keep_last(workspace)
    port = _wanted_port(options)
    if port is not None:
        check_port(port, "0.0.0.0" if listens(options) else "127.0.0.1")  # noqa: S104 - asked for
    command = command_line(workspace, interpreter(environment), options, plan)
    variables = _variables(workspace, command, environ)
    since = datetime.now(timezone.utc).isoformat(timespec="seconds")
    meant = Running(os.getpid(), 0.0, options.profile, since, _flags(options, plan), port, environment=environment.name,
                    wish=_digest(options, plan, secrets.token_hex(8)), card=_card(plan))  # fmt: skip
    write_start(workspace, meant)
    with kept_log(workspace.logs / LOG, interpreter(environment)) as (channel, keeper):
        child = start_detached(
            command.words,
            environment={**variables, **constraining(environment, variables)},
            cwd=checkout(),
            out=workspace.state / EVENTS,
            err=channel,
        )
    running = replace(meant, pid=child.pid, created=created(child.pid) or time.time())
    try:
        write_running(workspace, running)
    except BaseException:
        # Nobody would find it again.
        end_tree(child.pid, grace=1.0, child=child)
        raise
    forget_start(workspace)
    return running, Started(child, keeper), command


def _digest(options: Options, plan: Plan, salt: str) -> str:
    """What was asked for, so that it can be compared and not read. How memory is used is compared by its flags."""
    said = json.dumps([salt, without(flags_of(options, plan), *MEMORY_FLAGS), sorted(options.variables)])
    return f"{salt}:{hashlib.sha256(said.encode()).hexdigest()}"


def _card(plan: Plan) -> tuple[str, ...]:
    return tuple(f"{name}={value}" for name, value in plan.torch.visible)


def _keep_last(workspace: Workspace) -> None:
    """The log of the run before stays readable: it may say why that one ended. So does how it went."""
    settle_last(workspace)
    log = workspace.logs / LOG
    with contextlib.suppress(OSError):
        join_aside(log)
    with contextlib.suppress(OSError):
        keep_end(log.replace(log.with_suffix(".previous.log")))


def _flags(options: Options, plan: Plan) -> tuple[str, ...]:
    """What a second start is compared with; it is kept in a file, so without secrets."""
    return masked(flags_of(options, plan))


def _variables(workspace: Workspace, command: CommandLine, environ: Mapping[str, str]) -> dict[str, str]:
    """The run profile's variables count before the caches are placed and the proxies' exceptions completed."""
    with writing(workspace.cache / "tmp"):
        (workspace.cache / "tmp").mkdir(parents=True, exist_ok=True)
    wished = {**environ, **command.variables}
    variables = engine_environment(workspace, wished) | engine_variables(wished, read_settings(workspace).proxy)
    around = look_around(workspace, wished, ("huggingface", "packages"))
    variables |= hugging_face_variables(chosen(around, "huggingface"), wished)
    variables |= package_variables(chosen(around, "packages"))
    return {name: value for name, value in variables.items() if value or command.variables.get(name) != ""}


def _follow(
    workspace: Workspace,
    running: Running,
    started: Started | None,
    watch: Watch,
    cancel: threading.Event | None,
) -> Iterator[Event]:
    child = started.child if started else None
    said, log = Tail(workspace.state / EVENTS), Tail(workspace.logs / LOG, last=None if child else _PAST)
    while True:
        pause = _POLL
        gone = child.poll() is not None if child else not alive(running.pid, running.created)
        if gone:
            _settle(running, started)
        for lines in log_lines(log, final=gone):
            pause = _SHORT_POLL
            watch.last.extend(lines.texts)
            yield lines
        for line in said.lines():
            yield from heard(workspace, running, watch, protocol.from_line(line))
            judge(workspace, watch)
        if gone:
            yield from ended(workspace, running, child, watch)
            return
        judge(workspace, watch)
        if (cancel and cancel.is_set()) or watch.may_leave:
            return
        time.sleep(pause)


def _settle(running: Running, started: Started | None) -> None:
    """Once it has ended: ends what it has started and could not end itself, and waits for the last lines of its log."""
    end_group(running.pid)
    if started is None:
        time.sleep(_LAST_LINES)
        return
    with contextlib.suppress(subprocess.TimeoutExpired):
        started.keeper.wait(_PATIENCE)


def _already(running: Running, options: Options, plan: Plan) -> Notice:
    port = _wanted_port(options)
    given, there = _flags(options, plan), running.flags
    if options.memory is None and not any(has(options.runtime_flags, name) for name in MEMORY_FLAGS):
        # What was chosen by what was free then is no other wish now that the runtime has its memory.
        given, there = without(given, *MEMORY_FLAGS), without(there, *MEMORY_FLAGS)
    wished = running.wish is None or running.wish == _digest(options, plan, running.wish.partition(":")[0])
    card = options.gpu is None or running.card == _card(plan)
    same = given == there and wished and card and port in (None, _port_of(running))
    if same:
        return Notice("already-running", "info", t("It runs already (process {pid}).", pid=running.pid))
    return Notice(
        "already-running-otherwise",
        "warning",
        t("It runs already (process {pid}), started with other options.", pid=running.pid),
    )


def _port_of(running: Running) -> int | None:
    return running.port or (urlsplit(running.url).port if running.url else None)


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
