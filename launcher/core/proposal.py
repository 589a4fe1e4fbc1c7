"""The plan for this computer, or a simulated one, with everything the plan was made from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from launcher.core.environments.environments import fresh_name, interpreter
from launcher.core.environments.installed import Installed
from launcher.core.environments.unproven import unproven
from launcher.core.errors import Finding
from launcher.core.hardware.look import Machine, look
from launcher.core.memory.families import families_in
from launcher.core.memory.free import without_own
from launcher.core.memory.profiles import read_learnt
from launcher.core.models.links import all_shelves, read_links
from launcher.core.network.mirror_choice import chosen as chosen_mirrors
from launcher.core.network.mirror_choice import look_around
from launcher.core.network.proxies import find_proxies
from launcher.core.network.proxy_findings import about_proxies
from launcher.core.packages.own_python import OwnPython, own_python
from launcher.core.packages.pip_settings import PipSettings, read_pip_settings
from launcher.core.packages.sources import Sources, find_sources
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.plan.places import kinds_needed, with_places
from launcher.core.plan.plan import Plan, make_plan
from launcher.core.process import tree
from launcher.core.profiles.run_profiles import RunProfile, read_run_profile
from launcher.core.running import find_running
from launcher.core.serving.command_line import CommandLine, command_line, complete, with_command_line
from launcher.core.settings import read_settings
from launcher.core.text import t


@dataclass(frozen=True)
class Proposal:
    """`options` are the user's, completed by the run profile and COMMANDLINE_ARGS."""

    machine: Machine
    options: Options
    pip: PipSettings
    sources: Sources
    plan: Plan
    #: how the runtime will be started
    command: CommandLine


def propose(
    workspace: Workspace,
    options: Options,
    installed: Installed,
    environ: Mapping[str, str] = os.environ,
    *,
    machine: Machine | None = None,
    looked: Machine | None = None,
    profile: RunProfile | None = None,
) -> Proposal:
    """Looks, then decides; changes nothing. `machine` replaces the look at this computer (`--simulate`), `looked` is a
    look that was taken already, `profile` replaces the one that `options` name.
    """
    simulated = machine is not None
    machine = machine or looked or look(workspace.root)
    profile = profile or read_run_profile(options.profile, workspace.root / "profiles")
    chosen = complete(options, profile, environ, workspace)
    pip = read_pip_settings(environ)
    sources = find_sources(pip)
    own = None if simulated else _own_python(workspace, chosen, environ)
    if not simulated:
        installed = replace(installed, unproven=unproven(workspace, machine.driver))
    families = () if simulated else families_in(all_shelves(workspace, read_links(workspace)))
    then = machine if simulated else _without_runtime(machine, workspace)
    learnt = {} if simulated else read_learnt(workspace.root)
    made = make_plan(then, chosen, installed, pip, sources, workspace.root, own, families=families, learnt=learnt)
    if not simulated:
        made = replace(made, findings=(*made.findings, *_strangers(workspace)))
    plan = with_command_line(made if simulated else _placed(made, workspace, environ, pip), chosen)
    return Proposal(
        machine, chosen, pip, sources, plan, command_line(workspace, _python(workspace, plan), chosen, plan)
    )


def _without_runtime(machine: Machine, workspace: Workspace) -> Machine:
    """What the runtime holds that runs now is free for the next one."""
    running = find_running(workspace)
    return without_own(machine, tree(running.pid)) if running else machine


def _strangers(workspace: Workspace) -> tuple[Finding, ...]:
    """Keys of config.toml that nobody knows, most often a slip of the pen."""
    unknown = read_settings(workspace).unknown
    if not unknown:
        return ()
    message = t("{file} has {keys}, which Gesso does not know; it stays there and does nothing.",
                file=workspace.config_file.name, keys=", ".join(unknown))  # fmt: skip
    return (Finding("unknown-setting", "warning", message),)


def _placed(plan: Plan, workspace: Workspace, environ: Mapping[str, str], pip: PipSettings) -> Plan:
    """With what was measured in this network, and its proxies; a simulated computer is in none."""
    kinds = kinds_needed(plan)
    if not kinds:
        return plan
    proxies = find_proxies(environ, settings=read_settings(workspace).proxy, pip=pip)
    plan = replace(plan, findings=(*plan.findings, *about_proxies(proxies)))
    around = look_around(workspace, environ, kinds, pip=pip)
    tag = plan.torch.tag
    return with_places(plan, {kind: chosen_mirrors(around, kind, tag if kind == "torch" else None) for kind in kinds})


def _own_python(workspace: Workspace, options: Options, environ: Mapping[str, str]) -> OwnPython | None:
    # a run profile may name PYTHON and VENV_DIR, as an old install's webui-user does
    environ = {**environ, **dict(options.variables)}
    return own_python(workspace, environ, wanted=options.python, setting=read_settings(workspace).python)


def _python(workspace: Workspace, plan: Plan) -> Path:
    """The engine's interpreter: the present environment's, or that of the one that would be made."""
    if plan.environment:
        return interpreter(workspace.environments / plan.environment)
    if plan.own_python and plan.own_python.engine:
        return Path(plan.own_python.engine)
    return interpreter(fresh_name(workspace, plan.torch.version, plan.torch.tag or "any"))
