"""Mends an environment: names what is broken in it, and builds the same one again beside it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from launcher.core.environments.changes import next_name
from launcher.core.environments.environments import chosen_by_hand, current, interpreter, read_stamp, site_of
from launcher.core.environments.freeze import Differing, differing
from launcher.core.environments.recipes import LOCK, read_recipe
from launcher.core.environments.site_packages import Broken, check_files
from launcher.core.errors import LauncherError
from launcher.core.events import Event, Progress
from launcher.core.install.install import Making, install
from launcher.core.install.proof import PROOF
from launcher.core.packages.own_python import OwnPython
from launcher.core.paths import Workspace, checkout
from launcher.core.plan.plan import Plan, with_torch
from launcher.core.process import Output, run
from launcher.core.text import t

_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


@dataclass(frozen=True)
class Health:
    """What a look at every file gave."""

    #: None: its Python is there
    python_gone: str | None
    broken: tuple[Broken, ...]
    differing: tuple[Differing, ...] = ()

    @property
    def whole(self) -> bool:
        return not self.broken and not self.differing and self.python_gone is None


def examine(folder: Path, cancelled: Callable[[], bool] = lambda: False) -> Iterator[Progress | Health]:
    """Progress in bytes, at last Health."""
    python, site = interpreter(folder), site_of(folder)
    broken = list(_python_broken(folder, python))
    for found in check_files(site) if site else ():
        if cancelled():
            return
        if isinstance(found, Broken):
            broken.append(found)
        else:
            yield found
    yield Health(None if python.exists() else str(python), tuple(broken), differing(folder))


def _python_broken(folder: Path, python: Path) -> Iterator[Broken]:
    """Whether its Python still is the one that it was made with: the system's may have been replaced since."""
    stamp = read_stamp(folder)
    if stamp is None or not python.exists():
        return
    if stamp.interpreter is None and not (folder / "pyvenv.cfg").is_file():
        yield Broken("python", "pyvenv.cfg", "missing")
        return
    said = ""
    try:
        for event in run([str(python), "-I", "-c", _VERSION], environment=dict(os.environ), cwd=checkout()):
            said = event.text if isinstance(event, Output) and event.channel == "out" else said
    except LauncherError:
        said = ""
    site = site_of(folder)
    lies = f"python{said}" if site and site.parent.name.startswith("python") else None
    if said != stamp.python or (lies and site and site.parent.name != lies):
        yield Broken("python", python.name, "changed")


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
    one. `plan` is the present one: it knows where torch is to be had. What lies outside is mended in its place.

    Raises LauncherError `recipe-missing`, `python-not-found`, and what `install` raises.
    """
    again = plan_again(folder, plan)
    python = interpreter(folder)
    if is_outside(folder) and not python.exists():
        raise LauncherError(
            "python-not-found",
            t("Its Python is gone: {python}", python=python),
            t("It is not Gesso's own. Put it back, or make a new environment with `gesso env create`."),
        )
    names = tuple(sorted({each.package for each in broken}))
    use = current(workspace) in (folder, None)
    by_hand = use and chosen_by_hand(workspace)
    making = Making(next_name(workspace, folder.name), use=use, anew=True, afresh=names, by_hand=by_hand)
    yield from install(again, workspace, environ=environ, cancel=cancel, lock=folder / LOCK, proof=proof, making=making)


def is_outside(folder: Path) -> bool:
    """Whether its packages lie with a Python that the user named: there they can only be replaced in their place."""
    stamp = read_stamp(folder)
    return stamp is not None and stamp.interpreter is not None


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
    had = recipe.xformers
    # the same again or nothing: no other torch is tried
    torch = replace(torch, xformers=had or torch.xformers, with_xformers=had is not None, others=())
    again = with_torch(plan, torch)
    python = OwnPython(stamp.python, stamp.interpreter, itself=stamp.interpreter is not None)
    return replace(again, python=stamp.python, own_python=python, disk_needed_mib=plan.disk_needed_mib)
