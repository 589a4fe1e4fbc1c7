"""The interface's questions, put to the real core."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from launcher.core.environments import environments
from launcher.core.events import Event
from launcher.core.hardware.live import live_figures
from launcher.core.pack.use import bring_what_is_missing, install_with, propose_with
from launcher.core.paths import Workspace, checkout
from launcher.core.plan.plan import Options
from launcher.core.profiles.chosen import chosen_profile, keep_chosen
from launcher.core.profiles.run_profiles import known_profiles
from launcher.core.serving import launch
from launcher.language import save_language
from launcher.tui.browser import open_page
from launcher.tui.home_jobs import Core
from launcher.tui.state import Survey

CHECKPOINTS = (".safetensors", ".ckpt")
DEMO = Path("runtime") / "assets" / "demo"


def real_core(workspace: Workspace, options: Options) -> Core:
    """Everything about `workspace`, started with the options of the command line."""
    # The interface stays to watch, whatever the command line said.
    options = replace(options, detach=False)
    return Core(
        look=lambda: survey(workspace, options),
        install=lambda seen, cancel: install_with(seen.plan, workspace, options.pack, cancel=cancel),
        launch=lambda seen, cancel: _launch(workspace, seen, cancel),
        stop=lambda: launch.stop(workspace),
        open_page=open_page,
        save_language=lambda language: save_language(workspace, language),
        choose=lambda name: keep_chosen(workspace, name),
        figures=live_figures,
    )


def _launch(workspace: Workspace, seen: Survey, cancel: threading.Event) -> Iterator[Event]:
    """With the models of a pack, which a kill may have kept an earlier run from bringing."""
    yield from bring_what_is_missing(seen.options.pack, workspace, cancel)
    yield from launch.launch(workspace, seen.options, seen.plan, cancel=cancel)


def survey(workspace: Workspace, options: Options) -> Survey:
    """Looks at everything once and changes nothing."""
    installed = environments.installed(workspace)
    status = launch.status(workspace)
    # What runs is shown as it was started; otherwise the profile that was chosen here last is taken again.
    chosen = chosen_profile(workspace, options.profile)
    known = {each.name: each for each in known_profiles(workspace.root / "profiles")}
    name = status.profile if status.profile in known else chosen
    proposal = propose_with(workspace, replace(options, profile=name), installed)
    profile = known[name].profile
    title = profile.title if profile else ""
    return Survey(proposal.machine, installed, proposal.plan, status, proposal.options, models(workspace), title)


def models(workspace: Workspace) -> tuple[str, ...]:
    """The names of the checkpoints that can be drawn with: the user's, and the one that comes with Gesso."""
    folders = (workspace.models / "Stable-diffusion", checkout() / DEMO)
    found = (file for folder in folders if folder.is_dir() for file in folder.rglob("*"))
    return tuple(sorted(file.stem for file in found if file.suffix in CHECKPOINTS))
