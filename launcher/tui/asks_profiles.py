"""What the screens of the run profiles ask of core."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from launcher.core.errors import Finding, LauncherError
from launcher.core.hardware.machine import Gpu
from launcher.core.paths import Workspace
from launcher.core.profiles.run_profiles import Known, RunProfile
from launcher.core.serving.results import RunResult
from launcher.core.text import t
from launcher.tui.asks import Place

#: what is said of the flags; everything else about a plan stands on the home screen
_ABOUT_FLAGS = ("flags-contradict", "flags-refused", "password-made", "unprotected-remote", "xformers-missing")


@dataclass(frozen=True)
class ProfilesSeen:
    """All profiles, how the last start with each went, which is the one that Enter at home starts, and what runs."""

    profiles: tuple[Known, ...]
    results: Mapping[str, RunResult]
    chosen: str
    running: str | None = None


@dataclass(frozen=True)
class FormSeen:
    """What a form is filled with and chooses from."""

    #: the profile's own file, without what it is built on
    own: RunProfile
    #: with all that it is built on, by the names of what it could be built on
    parents: Mapping[str, RunProfile]
    cards: tuple[Gpu, ...]
    memory: tuple[str, ...]
    models: tuple[str, ...]


@dataclass(frozen=True)
class Preview:
    """What a profile would mean: the command line without secrets, what is wrong with it, what is to be said."""

    line: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()
    error: LauncherError | None = None


@dataclass(frozen=True)
class ProfilesAsks:
    """Names are profiles' names."""

    look: Callable[[], ProfilesSeen]
    #: what a form for this profile shows
    form: Callable[[str], FormSeen]
    #: what it would mean under this name; looks at the computer, so it takes a moment
    preview: Callable[[str, RunProfile], Preview]
    #: in place of what the file says now
    save: Callable[[str, RunProfile], Path]
    delete: Callable[[str], Path]
    #: LauncherError for a name that no file can bear
    check_name: Callable[[str], object]

    @classmethod
    def real(cls, place: Place) -> ProfilesAsks:
        """The user's folder of profiles, and this computer."""
        from launcher.core.profiles.files import delete_profile, draft_profile, write_draft
        from launcher.core.profiles.run_profiles import check_name

        workspace = place.workspace
        folder = workspace.root / "profiles"
        return cls(
            look=partial(_look, workspace, place.options.profile),
            form=partial(_form, workspace),
            preview=partial(_preview, workspace),
            save=lambda name, given: write_draft(draft_profile(folder, name, given, afresh=True)),
            delete=partial(delete_profile, folder),
            check_name=check_name,
        )


def _look(workspace: Workspace, otherwise: str) -> ProfilesSeen:
    from launcher.core.profiles.chosen import chosen_profile
    from launcher.core.profiles.run_profiles import known_profiles
    from launcher.core.running import status
    from launcher.core.serving.results import read_results

    now = status(workspace)
    return ProfilesSeen(
        known_profiles(workspace.root / "profiles"),
        read_results(workspace),
        chosen_profile(workspace, otherwise),
        None if now.state == "stopped" else now.profile,
    )


def _form(workspace: Workspace, name: str) -> FormSeen:
    from launcher.core.hardware.look import look
    from launcher.core.memory.profiles import read_memory_profiles
    from launcher.core.profiles.run_profiles import known_profiles, own_settings

    folder = workspace.root / "profiles"
    known = known_profiles(folder)
    checkpoints = workspace.models / "Stable-diffusion"
    models = sorted(
        file.relative_to(checkpoints).as_posix()
        for file in (checkpoints.rglob("*") if checkpoints.is_dir() else ())
        if file.suffix in (".safetensors", ".ckpt")
    )
    return FormSeen(
        own_settings(name, folder),
        {each.name: each.profile for each in known if each.profile},
        look(workspace.root).gpus,
        tuple(read_memory_profiles()),
        tuple(models),
    )


def _preview(workspace: Workspace, name: str, given: RunProfile) -> Preview:
    from launcher.core.environments.environments import installed
    from launcher.core.plan.options import Options
    from launcher.core.profiles.files import draft_profile
    from launcher.core.proposal import propose

    try:
        draft = draft_profile(workspace.root / "profiles", name, given, afresh=True)
        proposal = propose(workspace, Options(profile=name), installed(workspace), os.environ, profile=draft.profile)
    except LauncherError as error:
        return Preview(error=error)
    said = tuple(each for each in proposal.plan.findings if each.slug in _ABOUT_FLAGS)
    missing = _missing_model(workspace, draft.profile.model)
    return Preview(proposal.command.line(), tuple(proposal.command.shown_variables.items()), (*missing, *said))


def _missing_model(workspace: Workspace, model: str | None) -> tuple[Finding, ...]:
    from launcher.core.paths import written_path

    if not model or (workspace.models / "Stable-diffusion" / written_path(model)).is_file():
        return ()
    message = t('There is no file "{name}" among the checkpoints: it could not be loaded.', name=model)
    return (Finding("model-missing", "warning", message),)
