"""The steps of an install, each of them events until it is done or a LauncherError."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from launcher.core.environments import Stamp, stamp, switch
from launcher.core.errors import LauncherError
from launcher.core.events import Event, Line, Notice
from launcher.core.gauge import Gauge
from launcher.core.paths import Workspace, checkout
from launcher.core.pins import check_wheel, pin, pinned
from launcher.core.pip_settings import PipSettings
from launcher.core.plan import Plan
from launcher.core.process import Exit, Output, python_in, run
from launcher.core.requirements import locked_names, read_requirements, written
from launcher.core.sources import sha256
from launcher.core.text import t
from launcher.core.torch_choice import torch_arguments, torch_environment
from launcher.core.uv import run_uv
from launcher.core.uv_settings import shown, uv_arguments, uv_environment

PROOF = ("-m", "runtime.prove")


@dataclass
class Work:
    """One run of install: what it was given, and what its steps hand on."""

    plan: Plan
    workspace: Workspace
    pip: PipSettings
    #: for children, before what a step adds
    variables: Mapping[str, str]
    cancel: threading.Event | None
    lock: Path
    proof: tuple[str, ...]
    #: the new environment
    folder: Path
    #: of torch: the SHA-256 that were allowed
    hashes: list[str] = field(default_factory=list)


def environment(work: Work) -> Iterator[Event]:
    """An empty environment, on the launcher's own Python if that is the one wanted, else on one that uv finds."""
    own = f"{sys.version_info[0]}.{sys.version_info[1]}" == work.plan.python
    python = sys.executable if own else work.plan.python
    arguments = ["venv", "--quiet", "--python", python, "--no-project", "--no-config", str(work.folder)]
    yield from _uv(work, "environment", arguments, uv_environment(work.pip, work.variables))


def torch(work: Work) -> Iterator[Event]:
    """torch from exactly one source, and the same bytes as the first time; a card's libraries come from its index."""
    choice = work.plan.torch
    variables = torch_environment(choice, work.pip, work.variables)
    *place, requirement = torch_arguments(choice)
    known = pinned(work.workspace, choice)
    wheel = Path(choice.wheel) if choice.wheel else None
    found: dict[str, list[str]] = {}
    if wheel:
        found[wheel.name] = work.hashes = [check_wheel(work.workspace, known, wheel)]
    if choice.index or not wheel:
        place = place or uv_arguments(work.pip)
        libraries = {name: hashes for name, hashes in known.items() if "==" in name}
        libraries = libraries or (yield from _resolve(work, requirement, place, variables))
        file = _scratch(work, "torch.txt", written(libraries))
        exactly = ["--no-deps", "--require-hashes", "-r", str(file)]
        yield from _uv(work, "torch", [*_pip_install(work), *place, *exactly], variables)
        work.hashes = work.hashes or next(each for name, each in libraries.items() if name.startswith("torch=="))
        found.update(libraries)
    if wheel:
        yield from _uv(work, "torch", [*_pip_install(work), "--no-deps", "--no-index", str(wheel)], variables)
    if found != known:
        pin(work.workspace, choice, found)
        yield _pinned(work)


def packages(work: Work) -> Iterator[Event]:
    """Everything else, from the lock: any mirror may serve it, the hashes say whether it is right."""
    exactly = ["--no-deps", "--require-hashes", "-r", str(work.lock)]
    variables = uv_environment(work.pip, work.variables)
    yield from _uv(work, "packages", [*_pip_install(work), *uv_arguments(work.pip), *exactly], variables)


def verify(work: Work) -> Iterator[Event]:
    """The environment proves itself by drawing; what does not is not used."""
    command = [str(python_in(work.folder)), *work.proof]
    answer: dict[str, Any] = {}
    last: list[str] = []
    for event in run(command, environment=work.variables, cwd=checkout(), cancel=work.cancel):
        if isinstance(event, Output) and event.channel == "out":
            answer = _object(event.text) or answer
        elif isinstance(event, Output):
            last = [*last[-4:], event.text]
            yield Line("proof", event.text)
        elif isinstance(event, Exit) and (event.code or not answer.get("ok")):
            raise _unproven(str(answer.get("error") or " / ".join(last) or f"exit code {event.code}"))
    torch_found = str(answer.get("torch") or work.plan.torch.build)
    if torch_found != work.plan.torch.build:
        raise _unproven(f"torch {torch_found} instead of {work.plan.torch.build}")
    stamp(work.folder, _stamp(work))


def put_to_use(work: Work) -> Iterator[Event]:
    """One rename makes the new environment the current one."""
    switch(work.workspace, work.folder)
    yield from ()


def _uv(work: Work, name: str, arguments: Sequence[str], more: Mapping[str, str]) -> Iterator[Event]:
    for event in _uv_answering(work, name, arguments, more):
        if not isinstance(event, Output):
            yield event


def _uv_answering(work: Work, name: str, arguments: Sequence[str], more: Mapping[str, str]) -> Iterator[Event | Output]:
    """What uv says to people as Line, what it answers on standard output as Output, and how far it is."""
    variables = {**work.variables, **more}
    size = next((step.bytes for step in work.plan.steps if step.name == name), None)
    gauge = Gauge(name, Path(variables["UV_CACHE_DIR"]), size)
    for event in run_uv(arguments, environment=variables, cwd=work.workspace.root, cancel=work.cancel):
        if isinstance(event, Output) and event.channel == "out":
            yield event
        elif isinstance(event, Output):
            gauge.hear(event.text)
            yield Line("uv", shown(event.text))
        if progress := gauge.measure():
            yield progress
    if progress := gauge.finish():
        yield progress


def _resolve(
    work: Work, requirement: str, place: Sequence[str], variables: Mapping[str, str]
) -> Generator[Event, None, dict[str, list[str]]]:
    """Ask the source which files torch and the libraries it brings are; what the lock already holds is left out.

    The file of a wheel on this computer is not among them.
    """
    wanted = _scratch(work, "torch.in", requirement + "\n")
    locked = _scratch(work, "locked.txt", "\n".join(locked_names(work.lock)) + "\n")
    arguments = ["pip", "compile", str(wanted), "--excludes", str(locked), "--python", str(python_in(work.folder))]
    arguments += ["--generate-hashes", "--no-header", "--no-annotate", *place]
    answer = []
    for event in _uv_answering(work, "torch", arguments, variables):
        if isinstance(event, Output):
            answer.append(event.text)
        else:
            yield event
    return read_requirements("\n".join(answer))


def _pip_install(work: Work) -> list[str]:
    return ["pip", "install", "--python", str(python_in(work.folder))]


def _scratch(work: Work, name: str, text: str) -> Path:
    """A file for uv to read, beside the temporary files of children."""
    file = Path(work.variables["TMPDIR"]) / name
    file.write_text(text, encoding="utf-8")
    return file


def _pinned(work: Work) -> Notice:
    return Notice(
        "torch-pinned",
        "info",
        t(
            "torch comes from {source}. Its SHA-256 is kept in {file}: from now on nothing else is taken from there.",
            source=shown(work.plan.torch.source or ""),
            file="state/pins.json",
        ),
    )


def _stamp(work: Work) -> Stamp:
    choice = work.plan.torch
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return Stamp(
        torch=choice.build or choice.version,
        tag=choice.tag or "",
        source=shown(choice.source or ""),
        sha256=tuple(work.hashes),
        lock_sha256=sha256(work.lock),
        python=work.plan.python,
        verified_at=now,
    )


def _unproven(why: str) -> LauncherError:
    return LauncherError(
        "environment-broken",
        t("The new environment does not work: {why}", why=why),
        t("It is not used; what was current still is. `gesso install` tries again; if it stays so, show these lines."),
    )


def _object(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
