"""What the runtime says while it is watched, in the launcher's own events, and when its start counts as failed."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from launcher.core import events
from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice, Ready, Stopped
from launcher.core.log_keeper import aside
from launcher.core.memory.choose import MemoryChoice, step_down_words
from launcher.core.memory.ground import gigabytes_down, gigabytes_up
from launcher.core.network.network_addresses import local_urls
from launcher.core.paths import Workspace
from launcher.core.running import LOG, Running, forget_credentials, read_running, stop, write_running
from launcher.core.text import Text, t
from runtime import protocol

#: seconds that a detaching launcher waits for the first word on a model that nobody named
_VERDICT = 300.0


@dataclass
class Watch:
    """What has been heard so far."""

    detach: bool
    #: the checkpoint was named by the user, so the start fails with it
    named: bool
    #: it answers other computers in the local network
    listens: bool = False
    url: str | None = None
    ready_at: float | None = None
    verdict: protocol.Model | protocol.ModelFailed | None = None
    fatal: protocol.Fatal | None = None
    #: what the runtime that was started here does with memory; None: offer no other way, or it was offered
    memory: MemoryChoice | None = None
    #: what was said last of what is drawn
    drawing: events.Drawing | None = None
    last: deque[str] = field(default_factory=lambda: deque(maxlen=20))

    @property
    def may_leave(self) -> bool:
        """Has a detaching launcher seen enough?"""
        if not self.detach or self.ready_at is None:
            return False
        if self.verdict is not None:
            return True
        return not self.named and time.monotonic() - self.ready_at > _VERDICT


def heard(workspace: Workspace, running: Running, watch: Watch, event: protocol.Event | None) -> Iterator[Event]:
    """What the runtime said, in the launcher's own events."""
    match event:
        case protocol.Phase(name):
            yield events.Phase(name)
        case protocol.Serving(url, page):
            yield from _serving(workspace, running, watch, url, page=page)
        case protocol.Credentials(user, password, token):
            forget_credentials(workspace)
            yield events.Credentials(user, password, token)
        case protocol.Model(title, seconds):
            watch.verdict = watch.verdict or event
            yield events.ModelLoaded(title, seconds)
        case protocol.ModelFailed():
            watch.verdict = watch.verdict or event
            yield Notice("model-failed", "error", _refusal(event))
        case protocol.Job() | protocol.Visitors():
            yield from _going_on(watch, event)
        case protocol.Shortage() | protocol.OnDisk():
            yield from _lacking(watch, event)
        case protocol.Fatal():
            watch.fatal = event
        case _:
            pass


def _lacking(watch: Watch, event: protocol.Shortage | protocol.OnDisk) -> Iterator[Event]:
    """Memory is short: on the card, where less can be asked of it, or in the computer."""
    if isinstance(event, protocol.OnDisk):
        said = t(
            "The computer's memory cannot hold {title} ({need} GB are needed, {free} GB are free): its weights are "
            "read from the disk while it draws, which is slow. Close other programs, or take a smaller model.",
            title=event.title,
            need=gigabytes_up(event.needed_mib),
            free=gigabytes_down(event.free_mib),
        )
        yield Notice("model-on-disk", "warning", said)
        return
    yield Notice("out-of-memory", "warning", t("Memory ran out: {message}", message=event.message))
    if watch.memory is not None:
        yield Notice("memory-step-down", "info", step_down_words(watch.memory))
        watch.memory = None


def judge(workspace: Workspace, watch: Watch) -> None:
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


def ended(
    workspace: Workspace, running: Running, child: subprocess.Popen[bytes] | None, watch: Watch
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
        from launcher.core.diagnosis.exit_codes import meaning

        line = watch.last[-1] if watch.last else ""
        said = meaning(code)
        ended = t("The runtime ended with code {code} before it served: {line}", code=code, line=line)
        raise LauncherError(
            "runtime-died",
            t("{ended} ({meaning})", ended=ended, meaning=said) if said else ended,
            _what_helps(workspace),
        )


def _what_helps(workspace: Workspace) -> Text:
    """What its log shows, and the first thing to do about it."""
    # the rules are read only where something failed
    from launcher.core.diagnosis.diagnose import diagnose_file
    from launcher.core.diagnosis.ranking import UNKNOWN
    from launcher.core.serving.circumstances import circumstances_of

    log = workspace.logs / LOG
    more = t("The log says more: {log}", log=log)
    for file in (log, aside(log)):
        with contextlib.suppress(LauncherError):
            for advice in diagnose_file(file, circumstances_of(workspace)):
                if advice.slug != UNKNOWN:
                    return t("{cause} {step} {more}", cause=advice.cause, step=advice.steps[0], more=more)
    return more


def _going_on(watch: Watch, event: protocol.Job | protocol.Visitors) -> Iterator[Event]:
    """What is drawn is said when it changes, how far it is each time."""
    if isinstance(event, protocol.Visitors):
        yield events.Visitors(tuple(map(str, event.addresses)))
        return
    if event.kind:
        now = events.Drawing(event.kind, event.width, event.height, event.part, event.parts, event.waiting)
        if now != watch.drawing or event.state == "started":
            watch.drawing = now
            yield now
    yield events.Progress(f"job-{event.state}", round(event.progress * 100), 100, "percent")


def _serving(workspace: Workspace, running: Running, watch: Watch, url: str, *, page: bool) -> Iterator[Event]:
    first = watch.url is None
    watch.url, watch.ready_at = url, watch.ready_at or time.monotonic()
    if read_running(workspace) == running:
        # It stands among the events too.
        with contextlib.suppress(OSError):
            write_running(workspace, replace(running, url=url))
    yield Ready(url, running.pid, page)
    if first and watch.listens:
        for address in local_urls(url):
            yield Notice("network-address", "info", t("In the local network: {url}", url=address))


def _refusal(failed: protocol.ModelFailed) -> Text:
    return t("The model {title} could not be loaded: {message}", title=failed.title, message=failed.message)
