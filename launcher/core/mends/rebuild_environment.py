"""Builds the current environment again beside the old one: where its files are broken, or its packages are others."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from pathlib import Path

from launcher.core.environments.changes import next_name
from launcher.core.environments.environments import current, fresh_name, packages_of
from launcher.core.environments.freeze import allowed, differing
from launcher.core.environments.installed import Installed
from launcher.core.environments.recipes import read_recipe
from launcher.core.events import Event
from launcher.core.install.install import Making, install
from launcher.core.install.proof import PROOF
from launcher.core.install.repair import Health, examine, rebuild
from launcher.core.mends.mend import Change, Here, Mend, Preview, Record, Values, nothing_to_mend
from launcher.core.mends.pointer import go_back, outside, own_environment, pointed, way_back
from launcher.core.mends.run_profile import profile_in_use
from launcher.core.packages.sources import ENGINE_LOCK
from launcher.core.plan.options import Options
from launcher.core.plan.plan import Plan
from launcher.core.process import CancelledError
from launcher.core.proposal import propose
from launcher.core.text import Text, t

REBUILD, PINS = "rebuild-environment", "restore-pins"
CURRENT = t("the current environment")
_TITLES: dict[str, Text] = {
    REBUILD: t("Build the environment again"),
    PINS: t("Put back the versions of the packages"),
}


def _preview(here: Here, values: Values) -> Preview | None:  # noqa: ARG001 - a preview like any other
    folder = own_environment(here.workspace)
    if folder is None:
        return None
    if read_recipe(folder) is not None:
        return _shown(here, REBUILD, folder)
    torch = own_plan(here).torch
    again = fresh_name(here.workspace, torch.version, torch.tag or "any").name
    remark = t("What it was made from is not known, so one is made as this Gesso wants it. The old one stays.")
    return Preview(REBUILD, _TITLES[REBUILD], (Change(CURRENT, folder.name, again),), remark)


def _preview_pins(here: Here, values: Values) -> Preview | None:  # noqa: ARG001 - a preview like any other
    folder = own_environment(here.workspace)
    return None if folder is None or not differing(folder) else _shown(here, PINS, folder)


def _shown(here: Here, mend: str, folder: Path) -> Preview:
    again = next_name(here.workspace, folder.name)
    changes = (Change(CURRENT, folder.name, again), *_versions(folder), *_added(folder))
    remark = t(
        "The new one is made beside the old one, with the versions that Gesso chose, from what lies here as far as it "
        "is whole, and drawn with before it is used. The old one stays."
    )
    return Preview(mend, _TITLES[mend], changes, remark)


def _versions(folder: Path) -> Iterator[Change]:
    for each in differing(folder):
        yield Change(t("the package {name}", name=each.name), each.found, ", ".join(each.wanted))


def _added(folder: Path) -> Iterator[Change]:
    """What somebody has put in besides is not in the new one."""
    names = {name for name, _ in allowed(folder)}
    for package in packages_of(folder):
        if package.name not in names:
            yield Change(t("the package {name}", name=package.name), package.version, None)


def own_plan(here: Here, installed: Installed | None = None) -> Plan:
    """As `plan_of`; LauncherError `environment-outside` where VENV_DIR names a Python that is not Gesso's own."""
    plan = plan_of(here, installed)
    if plan.own_python is not None and plan.own_python.outside:
        raise outside(plan.own_python.venv or plan.own_python.interpreter)
    return plan


def plan_of(here: Here, installed: Installed | None = None) -> Plan:
    """The plan for the run profile that is in use; without `installed` everything is to be made."""
    options = Options(profile=profile_in_use(here, {}))
    return propose(here.workspace, options, installed or Installed(), here.environ).plan


def _apply(here: Here, values: Values, cancel: threading.Event | None) -> Generator[Event, None, Record]:  # noqa: ARG001
    workspace, before = here.workspace, pointed(here.workspace)
    folder = own_environment(workspace)
    if folder is None:
        raise nothing_to_mend(_TITLES[REBUILD])
    here.begin({"before": before})
    if read_recipe(folder) is None:
        making = Making(anew=True)
        yield from install(
            own_plan(here), workspace, environ=here.environ, cancel=cancel, proof=PROOF, making=making, lock=ENGINE_LOCK
        )
        return way_back(workspace, before)
    health = yield from _health(folder, cancel)
    yield from rebuild(
        workspace, folder, plan_of(here), health.broken, environ=here.environ, cancel=cancel, proof=PROOF
    )
    return way_back(workspace, before)


def _health(folder: Path, cancel: threading.Event | None) -> Generator[Event, None, Health]:
    """What is broken must not come back out of the cache."""
    for found in examine(folder, cancel.is_set if cancel else lambda: False):
        if isinstance(found, Health):
            return found
        yield found
    raise CancelledError


def _verify(here: Here, values: Values) -> Text | None:  # noqa: ARG001 - a verification like any other
    folder = current(here.workspace)
    if folder is None:
        return t("There is no environment that can be used.")
    others = differing(folder)
    return t("These packages still differ: {names}", names=", ".join(each.name for each in others)) if others else None


MEND = Mend(REBUILD, _TITLES[REBUILD], _preview, _apply, _verify, go_back)
RESTORE = Mend(PINS, _TITLES[PINS], _preview_pins, _apply, _verify, go_back)
