"""The interface's questions, put to the real core, which is imported in the first job: the screen is painted before."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from launcher.core.events import Event
from launcher.core.paths import Workspace, checkout
from launcher.core.plan.options import Options
from launcher.language import save_language
from launcher.tui.browser import open_page
from launcher.tui.home_jobs import Core
from launcher.tui.state import Survey

if TYPE_CHECKING:
    from launcher.core.diagnosis.advice import Advice
    from launcher.core.hardware.live import Figures

CHECKPOINTS = (".safetensors", ".ckpt")
DEMO = Path("runtime") / "assets" / "demo"


def real_core(workspace: Workspace, options: Options) -> Core:
    """Everything about `workspace`, started with the options of the command line."""
    # The interface stays to watch, whatever the command line said.
    options = replace(options, detach=False)
    return Core(
        look=lambda: survey(workspace, options),
        install=lambda seen, cancel: _install(workspace, options, seen, cancel),
        launch=lambda seen, cancel: _launch(workspace, seen, cancel),
        stop=lambda: _stop(workspace),
        open_page=open_page,
        save_language=lambda language: save_language(workspace, language),
        choose=lambda name: _choose(workspace, name),
        figures=_figures,
        explain=lambda lines: _explain(workspace, lines),
    )


def _install(workspace: Workspace, options: Options, seen: Survey, cancel: threading.Event) -> Iterator[Event]:
    from launcher.core.pack.use import install_with

    yield from install_with(seen.plan, workspace, options.pack, cancel=cancel)


def _stop(workspace: Workspace) -> object:
    from launcher.core.running import stop

    return stop(workspace)


def _choose(workspace: Workspace, name: str) -> None:
    from launcher.core.profiles.chosen import keep_chosen

    keep_chosen(workspace, name)


def _figures(cancel: threading.Event) -> Iterator[Figures]:
    from launcher.core.hardware.live import live_figures

    yield from live_figures(cancel)


def _explain(workspace: Workspace, lines: Sequence[str]) -> Advice | None:
    from launcher.core.diagnosis.diagnose import diagnose_batches
    from launcher.core.diagnosis.reading import clean
    from launcher.core.serving.circumstances import circumstances_of

    found = diagnose_batches([clean("\n".join(lines))], circumstances_of(workspace))
    return next((each for each in found if each.slug != "unknown"), None)


def _launch(workspace: Workspace, seen: Survey, cancel: threading.Event) -> Iterator[Event]:
    """With the models of a pack, which a kill may have kept an earlier run from bringing."""
    from launcher.core.pack.use import bring_what_is_missing
    from launcher.core.serving.launch import launch

    yield from bring_what_is_missing(seen.options.pack, workspace, cancel)
    yield from launch(workspace, seen.options, seen.plan, cancel=cancel)


def survey(workspace: Workspace, options: Options) -> Survey:
    """Looks at everything once and changes nothing."""
    from launcher.core.environments import environments
    from launcher.core.pack.use import propose_with
    from launcher.core.profiles.chosen import chosen_profile
    from launcher.core.profiles.run_profiles import known_profiles
    from launcher.core.running import status as status_of

    installed = environments.installed(workspace)
    status = status_of(workspace)
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
    return tuple(sorted(file.stem for file in found if file.suffix in CHECKPOINTS and file.is_file()))
