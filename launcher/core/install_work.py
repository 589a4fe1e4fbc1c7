"""What the steps of an install are given and hand on, and how they call uv."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from launcher.core.download import Route, direct
from launcher.core.events import Event, Line
from launcher.core.gauge import Gauge
from launcher.core.package_sources import PackageSource
from launcher.core.paths import Workspace
from launcher.core.pip_settings import PipSettings
from launcher.core.plan import Plan
from launcher.core.process import Output, python_in
from launcher.core.uv import run_uv
from launcher.core.uv_settings import shown


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
    #: where else packages are to be had, after the user's own source
    mirrors: tuple[PackageSource, ...] = ()
    #: where else torch is to be had, after the source of the plan
    torch_mirrors: tuple[PackageSource, ...] = ()
    route: Route = direct
    #: bytes per second
    limit: int | None = None
    #: of torch: the SHA-256 that were allowed
    hashes: list[str] = field(default_factory=list)
    #: torch and what it brought: {"name==version": [SHA-256]}
    family: dict[str, list[str]] = field(default_factory=dict)

    @property
    def engine(self) -> Path:
        """The Python that packages are put into: the environment's, or the user's own outside."""
        own = self.plan.own_python
        return Path(own.engine) if own and own.engine else python_in(self.folder)


def uv(work: Work, step: str, arguments: Sequence[str], more: Mapping[str, str]) -> Iterator[Event]:
    """uv to its end: what it says as Line, and how far it is."""
    for event in uv_answering(work, step, arguments, more):
        if not isinstance(event, Output):
            yield event


def uv_answering(work: Work, step: str, arguments: Sequence[str], more: Mapping[str, str]) -> Iterator[Event | Output]:
    """As `uv`, with what it answers on standard output as Output."""
    variables = {**work.variables, **more}
    size = next((each.bytes for each in work.plan.steps if each.name == step), None)
    gauge = Gauge(step, Path(variables["UV_CACHE_DIR"]), size)
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


def pip_install(work: Work) -> list[str]:
    """The beginning of a command that puts packages into the new environment."""
    return ["pip", "install", "--python", str(work.engine)]


def scratch(work: Work, name: str, text: str | None = None) -> Path:
    """A file for uv beside the temporary files of children; without `text` uv is to write it, so it is not there."""
    file = Path(work.variables["TMPDIR"]) / name
    if text is None:
        file.unlink(missing_ok=True)
    else:
        file.write_text(text, encoding="utf-8")
    return file
