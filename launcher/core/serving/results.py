"""How the last start with each run profile went: when, how soon it was ready, how much of the card it took."""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from launcher.core.errors import LauncherError
from launcher.core.facts import as_facts
from launcher.core.paths import Workspace
from launcher.core.records import read_record, write_record
from launcher.core.running import EVENTS, read_running
from runtime import protocol

RECORD = "run-results.json"


@dataclass(frozen=True)
class RunResult:
    """The last start with one profile."""

    #: ISO 8601 in UTC
    started: str
    #: until the address, and the page where there is one, answered; None: it never did
    seconds: float | None = None
    #: until the model could draw
    model_seconds: float | None = None
    #: the most of the card's memory that it held, in MiB; None is unknown or no card
    peak_vram_mib: int | None = None
    #: memory ran out, while loading or drawing
    out_of_memory: bool = False
    #: the code of the error that it ended with
    failed: str | None = None
    #: the sentence that came with it, in English
    why: str | None = None
    #: how it was started, without secrets
    command: tuple[str, ...] = ()


def read_results(workspace: Workspace) -> dict[str, RunResult]:
    """By profile; what the last runtime has said since its start is among it, whoever watched it."""
    file = workspace.state / RECORD
    stored = read_record(file) or {}
    results = {name: found for name, record in stored.items() if (found := _result(record, file))}
    last = read_running(workspace)
    if last and last.profile in results and results[last.profile].started == last.since:
        results[last.profile] = _heard(workspace, results[last.profile])
    return results


def keep_result(workspace: Workspace, profile: str, result: RunResult) -> None:
    """Remember it in place of the one before."""
    _keep(workspace, {**read_results(workspace), profile: result})


def settle_last(workspace: Workspace) -> None:
    """Keep what the last runtime said: its file of events is about to be emptied."""
    if results := read_results(workspace):
        _keep(workspace, results)


def _keep(workspace: Workspace, results: dict[str, RunResult]) -> None:
    # That it cannot be written down is no reason to end what runs, nor to start nothing.
    with contextlib.suppress(OSError):
        write_record(workspace.state / RECORD, {name: asdict(each) for name, each in results.items()})


def _heard(workspace: Workspace, result: RunResult) -> RunResult:
    try:
        lines = (workspace.state / EVENTS).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return result
    for event in map(protocol.from_line, lines):
        if isinstance(event, protocol.Memory):
            result = replace(result, peak_vram_mib=max(event.peak_mib, result.peak_vram_mib or 0))
        elif isinstance(event, protocol.Shortage):
            result = replace(result, out_of_memory=True)
    return result


def _result(record: Any, file: Path) -> RunResult | None:
    """None for what another version wrote, or somebody by hand."""
    known = {field.name for field in fields(RunResult)}
    with contextlib.suppress(LauncherError, AttributeError):
        return as_facts({name: value for name, value in record.items() if name in known}, RunResult, file)
    return None
