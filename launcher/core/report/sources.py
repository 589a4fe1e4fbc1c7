"""What a report is made of: each source is read by itself, and one that cannot be read says so in its place."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from threading import Event as Cancel
from typing import Any, TypeVar

from launcher.core.diagnosis.diagnose import diagnose_batches
from launcher.core.diagnosis.reading import read_lines
from launcher.core.doctor.check import Checked
from launcher.core.environments.environments import current, everything, installed, packages_of, previous, read_stamp
from launcher.core.hardware.look import Machine, look
from launcher.core.paths import CACHES, FOREIGN, PROXIES, Workspace, checkout
from launcher.core.plan.options import Options
from launcher.core.process import CancelledError
from launcher.core.project import version_in
from launcher.core.proposal import propose
from launcher.core.records import read_record
from launcher.core.report.tails import last_lines
from launcher.core.running import EVENTS, status
from launcher.core.serving.results import read_results
from launcher.core.text import Text, t

#: variables whose names are told: they change what is installed or how it runs
_MATTERING = (
    "CUDA_", "HIP_", "HSA_", "ROCM_", "ROCR_", "NVIDIA_", "PYTORCH_", "TORCH_", "HF_", "HUGGINGFACE_", "PIP_", "UV_",
    "CONDA_", "GIT_", "SSL_", "REQUESTS_", "CURL_", "GRADIO_", "GESSO_", "XFORMERS_", "LD_", "DYLD_", "OMP_", "MKL_",
    "PYTHON",
)  # fmt: skip
_MATTERING_ALONE = {
    "COMMANDLINE_ARGS", "VENV_DIR", "TORCH_COMMAND", "PATH", "NO_PROXY", "LANG", "LC_ALL", "TERM", "TMPDIR", "TEMP",
    "TMP", "WSL_DISTRO_NAME", "DISPLAY", "VIRTUAL_ENV", *CACHES, *FOREIGN, *(name.upper() for name in PROXIES),
}  # fmt: skip


Each = TypeVar("Each")


@dataclass(frozen=True)
class Ground:
    """Where a report is made, and what has been found there already."""

    workspace: Workspace
    options: Options
    environ: Mapping[str, str]
    checks: tuple[Checked, ...] = ()
    cancel: Cancel | None = None

    @cached_property
    def machine(self) -> Machine:
        """Looked at once for all sources."""
        return look(self.workspace.root)


@dataclass(frozen=True)
class Source:
    """`read` gives text, the lines of a log as a list, or what JSON can hold; None: there is nothing of it."""

    #: in the bundle
    name: str
    what: Text
    read: Callable[[Ground], Any]


def uncancelled(cancel: Cancel | None, items: Iterable[Each]) -> Iterator[Each]:
    """`items`, as long as nobody cancels. CancelledError."""
    for each in items:
        if cancel is not None and cancel.is_set():
            raise CancelledError
        yield each


def sources(workspace: Workspace) -> tuple[Source, ...]:
    """All of them, the most telling first; each log and each file of settings is one of its own."""
    return (
        Source("versions.json", t("versions of Gesso, Python and the system"), _versions),
        Source("findings.json", t("what the logs show"), _findings),
        Source("checks.json", t("what `gesso doctor` says"), _checks),
        Source("hardware.json", t("this computer; `gesso plan --simulate` takes it"), _hardware),
        Source("plan.json", t("what `gesso up` would do"), _plan),
        Source("state.json", t("what runs, and how the last starts went"), _state),
        Source("environments.txt", t("the environments and their packages"), _environments),
        Source("variables.txt", t("names of environment variables that matter, not their values"), _variables),
        *_settings(workspace),
        *_logs(workspace),
    )


def _versions(ground: Ground) -> dict[str, Any]:
    names = ("textual", "uv", "requests", "psutil", "nvidia-ml-py", "gitpython")
    return {
        "gesso": version_in(checkout()),
        "commit": _commit(checkout()),
        "python": sys.version,
        "system": platform.platform(),
        "terminal": ground.environ.get("TERM"),
        **{name: _version(name) for name in names},
    }


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit(folder: Path) -> str | None:
    """Read from git's files, for git itself may be what is broken."""
    try:
        head = (folder / ".git" / "HEAD").read_text(encoding="ascii").strip()
        name = head.removeprefix("ref: ")
        return head if name == head else (folder / ".git" / name).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None


def _findings(ground: Ground) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for file in log_files(ground.workspace):
        found[file.name] = [
            {"slug": each.slug, "severity": each.severity, "line": each.line, "quote": each.quote,
             "cause": str(each.cause), "steps": [str(step) for step in each.steps], "mend": each.mend}
            for each in diagnose_batches(uncancelled(ground.cancel, read_lines(file)))
        ]  # fmt: skip
    return found


def _checks(ground: Ground) -> list[dict[str, Any]] | None:
    return [
        {"name": each.name, "ok": each.ok, "detail": str(each.detail), "fix": str(each.fix) if each.fix else None}
        for each in ground.checks
    ] or None


def _hardware(ground: Ground) -> dict[str, Any]:
    return ground.machine.to_json()


def _plan(ground: Ground) -> dict[str, Any]:
    proposal = propose(
        ground.workspace, ground.options, installed(ground.workspace), ground.environ, machine=ground.machine
    )
    command = proposal.command if proposal.plan.torch.tag else None
    return proposal.plan.to_json(str) | {"command": list(command.shown) if command else []}


def _state(ground: Ground) -> dict[str, Any]:
    return {
        "status": asdict(status(ground.workspace)),
        "results": {name: asdict(each) for name, each in read_results(ground.workspace).items()},
        "mends": _mends(ground),
    }


def _mends(ground: Ground) -> list[dict[str, Any]]:
    """What was changed, without what the way back needs: that may hold passwords."""
    found = (read_record(ground.workspace.state / "mends.json") or {}).get("mends")
    kept = found if isinstance(found, list) else []
    return [{name: each[name] for name in each if name != "record"} for each in kept if isinstance(each, dict)]


def _environments(ground: Ground) -> str | None:
    now, before = current(ground.workspace), previous(ground.workspace)
    found = []
    for folder in everything(ground.workspace):
        mark = " (current)" if folder == now else " (the one before)" if folder == before else ""
        stamp = read_stamp(folder)
        found.append(f"[{folder.name}]{mark} {f'torch {stamp.torch}, Python {stamp.python}' if stamp else 'unproven'}")
        if folder in (now, before):
            found += [f"{package.name}=={package.version}" for package in packages_of(folder)]
    return "\n".join(found) or None


def _variables(ground: Ground) -> str:
    return "\n".join(sorted(name for name in ground.environ if _matters(name)))


def _matters(name: str) -> bool:
    name = name.upper()
    return name in _MATTERING_ALONE or name.startswith(_MATTERING)


def _settings(workspace: Workspace) -> Iterable[Source]:
    """As they are written: a slip of the pen in them may be what is wrong."""
    root = workspace.root
    yield Source("settings/config.toml", t("what was chosen"), partial(_text_of, root / "config.toml"))
    yield Source("settings/config.json", t("the settings of the page"), lambda _: read_record(root / "config.json"))
    for file in sorted((root / "profiles").glob("*.toml")):
        yield Source(f"settings/profiles/{file.name}", t("a run profile"), partial(_text_of, file))


def _text_of(file: Path, _ground: Ground) -> str | None:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def _end_of(file: Path, _ground: Ground) -> list[str]:
    return last_lines(file)


def log_files(workspace: Workspace) -> tuple[Path, ...]:
    """Every log, the newest first."""
    found = [file for file in workspace.logs.glob("*") if file.is_file() and not file.is_symlink()]
    return tuple(sorted(found, key=lambda file: -file.stat().st_mtime))


def _logs(workspace: Workspace) -> Iterable[Source]:
    for file in log_files(workspace):
        yield Source(f"logs/{file.name}", t("the end of a log"), partial(_end_of, file))
    events = workspace.state / EVENTS
    if events.is_file():
        yield Source("logs/" + EVENTS, t("what the runtime told Gesso"), partial(_end_of, events))
