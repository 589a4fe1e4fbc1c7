"""The plan for this computer, or a simulated one, with everything the plan was made from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from launcher.core.hardware import Machine, look
from launcher.core.paths import Workspace
from launcher.core.pip_settings import PipSettings, read_pip_settings
from launcher.core.plan import Installed, Options, Plan, make_plan, with_profile
from launcher.core.profiles import read_run_profile
from launcher.core.sources import Sources, find_sources


@dataclass(frozen=True)
class Proposal:
    """`options` are the user's, completed by the run profile."""

    machine: Machine
    options: Options
    pip: PipSettings
    sources: Sources
    plan: Plan


def propose(
    workspace: Workspace,
    options: Options,
    installed: Installed,
    environ: Mapping[str, str] = os.environ,
    *,
    machine: Machine | None = None,
) -> Proposal:
    """Looks, then decides; changes nothing. `machine` replaces the look at this computer (`--simulate`)."""
    machine = machine or look(workspace.root)
    complete = with_profile(options, read_run_profile(options.profile, workspace.root / "profiles"))
    pip = read_pip_settings(environ)
    sources = find_sources(pip)
    plan = make_plan(machine, complete, installed, pip, sources, workspace.root)
    return Proposal(machine, complete, pip, sources, plan)
