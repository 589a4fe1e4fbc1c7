"""Puts the PyTorch in that fits the card and its driver, in an environment beside the one that has another."""

from __future__ import annotations

import threading
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from launcher.core.environments.environments import fresh_name, installed, packages_of, read_stamp
from launcher.core.errors import LauncherError
from launcher.core.events import Event
from launcher.core.install.install import Making, install
from launcher.core.install.proof import PROOF
from launcher.core.mends.mend import Change, Here, Mend, Preview, Record, Values
from launcher.core.mends.pointer import go_back, own_environment, pointed, way_back
from launcher.core.mends.rebuild_environment import CURRENT, own_plan
from launcher.core.packages.sources import ENGINE_LOCK
from launcher.core.plan.plan import Plan, with_torch
from launcher.core.text import Text, t

NAME, TITLE = "right-torch", t("Install the PyTorch that fits the card")


def _wanted(here: Here) -> Plan:
    """As Gesso itself decides, also where the user went to the present environment by hand.

    LauncherError `no-torch` where none fits, with the reason, `environment-outside`.
    """
    plan = own_plan(here, replace(installed(here.workspace), wished=False))
    if plan.torch.tag is None or plan.torch.build is None:
        raise LauncherError("no-torch", plan.torch.reason, t("`gesso plan` shows what was looked at."))
    return plan


def torch_in(folder: Path) -> str | None:
    """The torch that is really there: an add-on may have replaced the one that the environment was made with."""
    return next((each.version for each in packages_of(folder) if each.name == "torch"), None)


def _is_right(folder: Path, plan: Plan) -> bool:
    stamp = read_stamp(folder)
    return stamp is not None and stamp.torch == plan.torch.build == torch_in(folder)


def _preview(here: Here, values: Values) -> Preview | None:  # noqa: ARG001 - a preview like any other
    folder = own_environment(here.workspace)
    if folder is None:
        return None
    plan = _wanted(here)
    if _is_right(folder, plan):
        return None
    torch = plan.torch
    again = _there_already(folder, plan) or fresh_name(here.workspace, torch.version, torch.tag or "any").name
    changes = (Change(t("PyTorch"), torch_in(folder), torch.build), Change(CURRENT, folder.name, again))
    return Preview(NAME, TITLE, changes, t("{reason} The old environment stays beside it.", reason=torch.reason))


def _there_already(folder: Path, plan: Plan) -> str | None:
    """Another environment that holds all this; the present one only says so."""
    return plan.environment if plan.environment != folder.name else None


def _apply(here: Here, values: Values, cancel: threading.Event | None) -> Generator[Event, None, Record]:  # noqa: ARG001
    workspace, before, plan = here.workspace, pointed(here.workspace), _wanted(here)
    folder = own_environment(workspace)
    stamp = read_stamp(folder) if folder else None
    # what the stamp says is no longer true, so nothing that is said to be there counts
    swapped = stamp is not None and stamp.torch == plan.torch.build
    plan = with_torch(plan, plan.torch) if swapped else plan
    here.begin({"before": before})
    yield from install(
        plan, workspace, environ=here.environ, cancel=cancel, lock=ENGINE_LOCK, proof=PROOF, making=Making(anew=swapped)
    )
    return way_back(workspace, before)


def _verify(here: Here, values: Values) -> Text | None:  # noqa: ARG001 - a verification like any other
    folder, plan = own_environment(here.workspace), _wanted(here)
    if folder is not None and _is_right(folder, plan):
        return None
    there = torch_in(folder) if folder else None
    return t("PyTorch is {found}, and {wanted} fits.", found=there or "-", wanted=plan.torch.build)


MEND = Mend(NAME, TITLE, _preview, _apply, _verify, go_back)
