"""Mends an environment: names what is broken in it, and builds the same one again beside it."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from launcher.core.environments.environments import current, interpreter, read_stamp
from launcher.core.environments.recipes import LOCK, read_recipe
from launcher.core.environments.site_packages import Broken, check_files, site_packages
from launcher.core.errors import LauncherError
from launcher.core.events import Event, Line, Progress
from launcher.core.install.install import Making, install
from launcher.core.install.proof import PROOF
from launcher.core.packages.own_python import OwnPython
from launcher.core.packages.uv import run_uv
from launcher.core.paths import Workspace, child_environment
from launcher.core.plan.plan import Plan
from launcher.core.process import Output
from launcher.core.text import t


@dataclass(frozen=True)
class Health:
    """What a look at every file gave."""

    #: None: its Python is there
    python_gone: str | None
    broken: tuple[Broken, ...]

    @property
    def whole(self) -> bool:
        return not self.broken and self.python_gone is None


def examine(folder: Path, cancelled: Callable[[], bool] = lambda: False) -> Iterator[Progress | Health]:
    """Progress in bytes, at last Health."""
    python = interpreter(folder)
    site = site_packages(folder) or site_packages(python.parent.parent)
    broken: list[Broken] = []
    for found in check_files(site) if site else ():
        if cancelled():
            return
        if isinstance(found, Broken):
            broken.append(found)
        else:
            yield found
    yield Health(None if python.exists() else str(python), tuple(broken))


def rebuild(
    workspace: Workspace,
    folder: Path,
    plan: Plan,
    broken: Sequence[Broken] = (),
    *,
    environ: Mapping[str, str] = os.environ,
    cancel: threading.Event | None = None,
    proof: Sequence[str] = PROOF,
) -> Iterator[Event]:
    """The same versions again, in a new environment beside `folder`, which takes its place if that was the current
    one. `plan` is the present one: it knows where torch is to be had. Raises LauncherError `recipe-missing`, and what
    `install` raises.
    """
    again = plan_again(folder, plan)
    if names := sorted({each.package for each in broken}):
        # The files of an environment may be the very files of the cache: what is broken there must not come back.
        yield from _forget(workspace, names, environ, cancel)
    making = Making(_next_name(workspace, folder.name), use=current(workspace) in (folder, None), anew=True)
    yield from install(again, workspace, environ=environ, cancel=cancel, lock=folder / LOCK, proof=proof, making=making)


def plan_again(folder: Path, plan: Plan) -> Plan:
    """`plan` for the torch, the Python and the packages that `folder` has. LauncherError `recipe-missing`."""
    recipe, stamp = read_recipe(folder), read_stamp(folder)
    if recipe is None or stamp is None:
        raise LauncherError(
            "recipe-missing",
            t(
                "What {name} was made from is not known: it is unfinished, damaged, or older than that.",
                name=folder.name,
            ),
            t("`gesso install` makes the environment that this Gesso wants."),
        )
    torch = plan.torch if plan.torch.build == recipe.build else recipe.choice()
    python = OwnPython(stamp.python, stamp.interpreter, itself=stamp.interpreter is not None)
    steps = tuple(replace(step, state="missing") for step in plan.steps)
    return replace(plan, torch=torch, python=stamp.python, own_python=python, steps=steps)


def _forget(
    workspace: Workspace, names: Sequence[str], environ: Mapping[str, str], cancel: threading.Event | None
) -> Iterator[Event]:
    variables = child_environment(workspace, environ)
    for event in run_uv(["cache", "clean", *names], environment=variables, cwd=workspace.root, cancel=cancel):
        if isinstance(event, Output) and event.channel == "err":
            yield Line("uv", event.text)


def _next_name(workspace: Workspace, name: str) -> str:
    """mine -> mine-2 -> mine-3."""
    base = re.sub(r"-\d+$", "", name)
    number = 2
    while os.path.lexists(workspace.environments / f"{base}-{number}"):
        number += 1
    return f"{base}-{number}"
