"""What a pack is good for on another computer: a plan from it alone, the install, the models that it brings."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from launcher.core.environments.installed import Installed
from launcher.core.events import Event
from launcher.core.hardware.machine import Machine
from launcher.core.install.install import USUAL, Making, install
from launcher.core.pack.manifest import SUMS, bring_models, check_fits, closed_to_the_network, read_pack, verify
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.plan.plan import Plan
from launcher.core.proposal import Proposal, propose


def propose_with(
    workspace: Workspace,
    options: Options,
    installed: Installed,
    environ: Mapping[str, str] = os.environ,
    *,
    machine: Machine | None = None,
) -> Proposal:
    """As `propose`; where `options` name a pack, from that alone. LauncherError `pack-missing`, `pack-unfit`."""
    if options.pack is None:
        return propose(workspace, options, installed, environ, machine=machine)
    pack = read_pack(options.pack)
    proposal = propose(workspace, options, installed, closed_to_the_network(options.pack, environ), machine=machine)
    if proposal.plan.missing:
        check_fits(pack, proposal.machine, proposal.sources.lock_sha256, proposal.plan)
    return proposal


def install_with(
    plan: Plan,
    workspace: Workspace,
    pack: Path | None,
    *,
    environ: Mapping[str, str] = os.environ,
    cancel: threading.Event | None = None,
    making: Making = USUAL,
) -> Iterator[Event]:
    """As `install`; with a pack from that alone, once it is known to be whole, and then its models."""
    if pack is None:
        yield from install(plan, workspace, environ=environ, cancel=cancel, making=making)
        return
    if plan.missing:
        yield from verify(pack, cancel)
    yield from install(plan, workspace, environ=closed_to_the_network(pack, environ), cancel=cancel, making=making)
    yield from bring_models(pack, workspace, cancel)


def bring_what_is_missing(
    pack: Path | None, workspace: Workspace, cancel: threading.Event | None = None
) -> Iterator[Event]:
    """The models that an interrupted install did not bring, as long as the pack is there."""
    if pack is not None and (pack / SUMS).is_file():
        yield from bring_models(pack, workspace, cancel)
