"""Writes down how a start went while it is watched: the last result of its run profile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

from launcher.core.errors import LauncherError
from launcher.core.events import Event, ModelLoaded, Notice, Ready, Stopped
from launcher.core.paths import Workspace
from launcher.core.running import Running
from launcher.core.serving.results import RunResult, keep_result
from launcher.core.web_address import discreet


def recorded(
    workspace: Workspace, running: Running, command: tuple[str, ...], watched: Iterator[Event]
) -> Iterator[Event]:
    """`watched` as it comes; `command` without secrets. LauncherError passes, written down."""
    begun = time.monotonic()
    result = RunResult(running.since, command=command)
    keep_result(workspace, running.profile, result)
    try:
        for event in watched:
            after = _after(result, event, round(time.monotonic() - begun, 2))
            if after != result:
                result = after
                keep_result(workspace, running.profile, result)
            yield event
    except LauncherError as error:
        keep_result(workspace, running.profile, replace(result, failed=error.code, why=discreet(str(error.message))))
        raise


def _after(result: RunResult, event: Event, seconds: float) -> RunResult:
    match event:
        case Ready(page=page) if result.seconds is None or page:
            # the page is said once; the address may be said before it
            return replace(result, seconds=seconds)
        case ModelLoaded() if result.model_seconds is None:
            return replace(result, model_seconds=seconds)
        case Notice(slug="out-of-memory"):
            return replace(result, out_of_memory=True)
        case Notice(slug="model-failed", text=text) if result.model_seconds is None:
            return replace(result, why=discreet(str(text)))
        case Stopped(code=code) if code:
            return replace(result, failed="runtime-ended")
        case _:
            return result
