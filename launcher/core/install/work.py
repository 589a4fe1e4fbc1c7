"""What the steps of an install are given and hand on, and how they call uv."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from launcher.core.errors import writing
from launcher.core.events import Event, Line
from launcher.core.file_hash import sha256
from launcher.core.install.gauge import Gauge
from launcher.core.network.mirrors import read_mirrors
from launcher.core.network.routes import Router, find_route, variables_for
from launcher.core.packages.pip_settings import PipSettings
from launcher.core.packages.uv import run_uv
from launcher.core.paths import Workspace
from launcher.core.plan.plan import Plan
from launcher.core.process import Output, python_in
from launcher.core.settings import read_settings
from launcher.core.web_address import shown


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
    #: packages whose files are put there anew, whatever is there
    afresh: tuple[str, ...] = ()
    #: of torch: the SHA-256 that were allowed
    hashes: list[str] = field(default_factory=list)
    #: torch and what it brought: {"name==version": [SHA-256]}
    family: dict[str, list[str]] = field(default_factory=dict)
    #: which way each address is asked; looked for once, at the first need
    _router: Router | None = None
    #: of the lock as it was when the install began: an update may replace it meanwhile
    lock_sha256: str = ""

    def __post_init__(self) -> None:
        self.lock_sha256 = sha256(self.lock)

    @property
    def router(self) -> Router:
        """Proxies as they are set and as they work."""
        if self._router is None:
            mirrors, settings = read_mirrors(workspace=self.workspace), read_settings(self.workspace)
            self._router = find_route(mirrors, settings.proxy, self.variables, pip=self.pip)
        return self._router

    @property
    def limit(self) -> int | None:
        """Bytes per second, if the user set a limit."""
        kib = read_settings(self.workspace).downloads.limit_kib
        return kib * 1024 if kib else None

    @property
    def engine(self) -> Path:
        """The Python that packages are put into: the environment's, or the user's own outside."""
        own = self.plan.own_python
        return Path(own.engine) if own and own.engine else python_in(self.folder)


def uv(
    work: Work, step: str, arguments: Sequence[str], more: Mapping[str, str], towards: str | None = None
) -> Iterator[Event]:
    """uv to its end: what it says as Line, and how far it is. `towards`: the address that it will ask; None: none."""
    for event in uv_answering(work, step, arguments, more, towards):
        if not isinstance(event, Output):
            yield event


def uv_answering(
    work: Work, step: str, arguments: Sequence[str], more: Mapping[str, str], towards: str | None = None
) -> Iterator[Event | Output]:
    """As `uv`, with what it answers on standard output as Output."""
    # The router knows pip's proxy too, and whether it lives.
    variables = {**work.variables, **more, **(variables_for(work.router, towards) if towards else {})}
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
    again = [word for name in work.afresh for word in ("--reinstall-package", name)]
    return ["pip", "install", "--python", str(work.engine), *again]


def scratch(work: Work, name: str, text: str | None = None) -> Path:
    """A file for uv beside the temporary files of children; without `text` uv is to write it, so it is not there."""
    file = Path(work.variables["TMPDIR"]) / name
    with writing(file):
        if text is None:
            file.unlink(missing_ok=True)
        else:
            file.write_text(text, encoding="utf-8")
    return file
