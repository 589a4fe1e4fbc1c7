"""What the guided install asks of core, and what its screens hand on to each other."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from launcher.core.events import Credentials, Event
from launcher.core.models.other_installs import OtherInstall
from launcher.core.network.mirror_choice import Choice as Mirrored
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.plan.plan import Plan
from launcher.core.setup.course import Answers
from launcher.core.setup.expectations import Estimate
from launcher.core.setup.network import Network
from launcher.core.setup.picture import Picture
from launcher.core.setup.places import Place as Folder
from launcher.core.setup.question import Question
from launcher.tui.asks import Place
from launcher.tui.home_jobs import Core
from launcher.tui.jobs import Cancel
from launcher.tui.state import Survey


@dataclass(frozen=True)
class SetupAsks:
    """Each takes the workspace: the guided install may move it."""

    resumed: Callable[[Workspace], Answers]
    keep: Callable[[Workspace, Answers], None]
    save_language: Callable[[Workspace, str], None]
    look: Callable[[Workspace], Survey]
    proxies: Callable[[Workspace], Network]
    measure: Callable[[Workspace, Plan, Cancel], Generator[Event, None, tuple[Mirrored, ...]]]
    use_proxy: Callable[[Workspace, str], bool]
    places: Callable[[Workspace, int | None], tuple[Folder, ...]]
    #: what is to be said of a folder that the user wrote
    place_at: Callable[[Path, int | None], Folder]
    take_place: Callable[[Workspace, Path], Workspace]
    estimate: Callable[[Workspace, Plan], Estimate]
    install: Callable[[Workspace, Plan, Cancel], Iterator[Event]]
    other_installs: Callable[[Workspace], tuple[OtherInstall, ...]]
    models: Callable[[Workspace, int | None, tuple[OtherInstall, ...]], Question]
    take_model: Callable[[Workspace, str, Cancel], Iterator[Event]]
    launch: Callable[[Workspace, Survey, Cancel], Iterator[Event]]
    draw: Callable[[Workspace, str, str, Credentials | None], Picture]
    stop: Callable[[Workspace], object]
    open_page: Callable[[str], bool]
    #: the home screen's core, in the workspace that was chosen
    core: Callable[[Workspace], Core]

    @classmethod
    def real(cls, place: Place) -> SetupAsks:
        """Core itself."""
        from launcher.core.pack.use import install_with
        from launcher.core.serving import launch
        from launcher.core.setup import course, expectations, first_model, network, picture, places
        from launcher.language import save_language
        from launcher.tui.browser import open_page
        from launcher.tui.wiring import real_core, survey

        options = replace(place.options, detach=False)
        return cls(
            resumed=course.resumed,
            keep=course.keep,
            save_language=save_language,
            look=lambda there: survey(there, options),
            proxies=network.proxies_found,
            measure=network.measured,
            use_proxy=network.use_proxy,
            places=places.find_places,
            place_at=places.place_at,
            take_place=places.take_place,
            estimate=expectations.estimate,
            install=lambda there, plan, cancel: install_with(plan, there, options.pack, cancel=cancel),
            other_installs=first_model.other_installs,
            models=first_model.model_question,
            take_model=lambda there, choice, cancel: first_model.take_model(there, choice, cancel=cancel),
            launch=lambda there, seen, cancel: launch.launch(there, seen.options, seen.plan, cancel=cancel),
            draw=picture.draw,
            stop=launch.stop,
            open_page=open_page,
            core=lambda there: real_core(there, options),
        )


@dataclass(frozen=True)
class Course:
    """What one screen of the guided install hands on to the next."""

    workspace: Workspace
    options: Options
    answers: Answers
    survey: Survey | None = None
    url: str = ""
    #: said once by the runtime and kept nowhere
    credentials: Credentials | None = None
    picture: Picture | None = None

    def at(self, step: str) -> Course:
        """The same, to go on with `step`."""
        return replace(self, answers=replace(self.answers, step=step, finished=step == "done"))
