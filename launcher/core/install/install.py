"""Carries out a plan: a new environment beside the old one, filled, proven, stamped, and only then made current."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from launcher.core.environments.changes import check_new_name
from launcher.core.environments.environments import chosen_by_hand, current, fresh_name, matching, sweep, switch
from launcher.core.environments.unproven import note_unproven
from launcher.core.errors import LauncherError, not_made
from launcher.core.events import Event, Notice, Step
from launcher.core.file_hash import sha256
from launcher.core.install.lock import install_lock
from launcher.core.install.proof import PROOF, TorchUnprovenError
from launcher.core.install.steps import environment, packages, torch, verify
from launcher.core.install.trial import INSTEAD, runs_nothing
from launcher.core.install.work import Work, uv
from launcher.core.packages.pip_settings import read_pip_settings
from launcher.core.packages.sources import ENGINE_LOCK
from launcher.core.paths import Workspace, child_environment
from launcher.core.plan.plan import Plan, with_torch
from launcher.core.text import t


@dataclass(frozen=True)
class Making:
    """What else is wished of the environment that is made."""

    #: of the new environment; None: named by its torch
    name: str | None = None
    #: make it the current one
    use: bool = True
    #: although a proven one holds the same already
    anew: bool = False
    #: packages whose files are broken: the files of an environment may be the very files of the cache, and what is
    #: broken there must not come back
    afresh: tuple[str, ...] = ()
    #: the user wishes this one, so later plans keep it
    by_hand: bool = False


USUAL = Making()
_STEPS: dict[str, Callable[[Work], Iterator[Event]]] = {
    "environment": environment,
    "torch": torch,
    "packages": packages,
    "verify": verify,
}


def install(
    plan: Plan,
    workspace: Workspace,
    *,
    environ: Mapping[str, str] = os.environ,
    cancel: threading.Event | None = None,
    lock: Path = ENGINE_LOCK,
    proof: Sequence[str] = PROOF,
    making: Making = USUAL,
) -> Iterator[Event]:
    """Do what `plan` says is missing. A run that failed or was killed is continued by the next one.

    Raises LauncherError (`disk-full`, `no-network`, `hash-mismatch`, `package-not-found`, `install-running` …), after
    which the environment that was current still is. `proof` follows the new environment's Python.
    """
    if not plan.missing:
        for number, step in enumerate(plan.steps, 1):
            yield Step(step.name, step.title, "skipped", number, len(plan.steps))
        if not plan.kept and chosen_by_hand(workspace) and (now := current(workspace)):
            with install_lock(workspace):
                switch(workspace, now)
        return
    _refuse_hopeless(plan, lock)
    _refuse_without_room(plan, workspace)
    variables = child_environment(workspace, environ)
    _make_folders(workspace, variables)
    _refuse_where_nothing_runs(plan, workspace)
    with install_lock(workspace):
        for name in sweep(workspace):
            yield Notice("swept", "info", t("Removed {name}, which an earlier run left unfinished.", name=name))
        pip = read_pip_settings(environ)
        work = Work(plan, workspace, pip, variables, cancel, lock, tuple(proof), workspace.environments, making.afresh)
        if work.afresh:
            yield from uv(work, "environment", ["cache", "clean", *work.afresh], {})
        yield from _until_proven(work, making)


def _until_proven(work: Work, making: Making) -> Iterator[Event]:
    """The plan's torch, and if its proof fails the next one that may serve the cards."""
    torch, python = work.plan.torch, work.plan.python
    following = [other for other in torch.others if not other.pythons or python in other.pythons]
    for other in [*following, None]:
        try:
            yield from _made(work, making)
            return
        except TorchUnprovenError as error:
            if other is None:
                raise
            note_unproven(work.workspace, work.plan.torch)
            text = t("{why} PyTorch {next} is tried instead.", why=error.message, next=other.build)
            yield Notice("torch-next", "warning", text)
        work = replace(work, plan=with_torch(work.plan, other), hashes=[], family={})
        _refuse_without_room(work.plan, work.workspace)


def _made(work: Work, making: Making) -> Iterator[Event]:
    """One environment from its beginning to its use."""
    plan, workspace = work.plan, work.workspace
    torch, lock = plan.torch, sha256(work.lock)
    xformers = torch.xformers if torch.with_xformers else None
    folder = None if making.anew else matching(workspace, torch.build, lock, plan.own_python, xformers)
    work = replace(work, folder=folder or _new_folder(workspace, plan, making))
    try:
        yield from _in_order(work, making, ready=folder is not None)
    finally:
        # What is not stamped is of no use to anybody; after a kill the next run does this.
        sweep(workspace)


def _new_folder(workspace: Workspace, plan: Plan, making: Making) -> Path:
    if making.name:
        return check_new_name(workspace, making.name)
    return fresh_name(workspace, plan.torch.version, plan.torch.tag or "any")


def _in_order(work: Work, making: Making, *, ready: bool) -> Iterator[Event]:
    """`ready`: the environment was proven but not switched to when the last run ended, so it is only switched to."""
    steps = [step for step in work.plan.steps if making.use or step.name != "switch"]
    count = len(steps)
    for number, step in enumerate(steps, 1):
        if ready and step.name != "switch":
            yield Step(step.name, step.title, "skipped", number, count)
            continue
        yield Step(step.name, step.title, "started", number, count)
        try:
            if step.name == "switch":
                switch(work.workspace, work.folder, by_hand=making.by_hand)
            else:
                yield from _STEPS[step.name](work)
        except LauncherError:
            yield Step(step.name, step.title, "failed", number, count)
            raise
        yield Step(step.name, step.title, "done", number, count)


def _refuse_hopeless(plan: Plan, lock: Path) -> None:
    """A finding that says that it cannot be done is said before anything is written."""
    for finding in plan.findings:
        if finding.severity == "error":
            raise LauncherError(
                finding.slug, finding.message, t("`gesso plan` shows everything that was decided, and why.")
            )
    if plan.torch.tag is None or plan.torch.build is None:
        raise LauncherError("no-torch", plan.torch.reason, t("`gesso plan` shows what was looked at."))
    if not lock.is_file():
        raise LauncherError(
            "lock-missing",
            t("The list of the engine's packages is missing: {file}", file=lock),
            t("Get a complete copy of Gesso."),
        )


def _refuse_without_room(plan: Plan, workspace: Workspace) -> None:
    needed, free = plan.disk_needed_mib, free_mib(workspace.root)
    if needed is None or free is None or free >= needed:
        return
    raise LauncherError(
        "disk-full",
        t("The disk has {free} MiB free, {needed} MiB are needed.", free=free, needed=needed),
        t("Nothing was written. Free some space, or choose a folder on another disk with --root."),
    )


def _refuse_where_nothing_runs(plan: Plan, workspace: Workspace) -> None:
    """By running something: disks, links and other programs may forbid what no table of mounts tells."""
    outside = plan.own_python is not None and plan.own_python.outside
    why = None if outside else runs_nothing(workspace.environments)
    if why:
        raise LauncherError("workspace-noexec", why, INSTEAD)


def free_mib(folder: Path) -> int | None:
    """Free space on the volume that holds `folder` or will hold it; None if the system does not say."""
    there = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    try:
        return shutil.disk_usage(there).free // 1024**2
    except OSError:
        return None


def _make_folders(workspace: Workspace, variables: Mapping[str, str]) -> None:
    """The workspace with the place for the user's checkpoints, and the folder for temporary files of children."""
    try:
        checkpoints = workspace.models / "Stable-diffusion"
        ours = (workspace.environments, workspace.state, workspace.logs, checkpoints)
        for folder in (*ours, Path(variables["TMPDIR"])):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_made(workspace.root, error, t("Choose a folder of your own with --root.")) from error
