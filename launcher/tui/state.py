"""What the home screen knows, as one frozen value, and how an event changes it; nothing here draws."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from launcher.core.errors import LauncherError
from launcher.core.events import (
    Credentials,
    Drawing,
    Event,
    ModelLoaded,
    Notice,
    Phase,
    Progress,
    Ready,
    Step,
    Stopped,
    Visitors,
)
from launcher.core.text import Text, t

if TYPE_CHECKING:
    # Nothing of these is needed before the first paint.
    from launcher.core.diagnosis.advice import Advice
    from launcher.core.environments.installed import Installed
    from launcher.core.hardware.machine import Machine
    from launcher.core.plan.options import Options
    from launcher.core.plan.plan import Plan
    from launcher.core.running import Status
    from launcher.core.serving.command_line import Login

Stage = Literal["looking", "ready", "asked", "installing", "starting", "serving", "stopping", "failed"]

# What the runtime says of a picture that is no longer being drawn.
_JOB_OVER = ("job-done", "job-interrupted", "job-failed")


@dataclass(frozen=True)
class Survey:
    """One look around: the machine, what is installed, what `up` would do, and whether the runtime is up."""

    machine: Machine
    installed: Installed
    plan: Plan
    status: Status
    # The user's, completed by the run profile.
    options: Options
    models: tuple[str, ...] = ()
    # The run profile's own title, an English key of the catalogues or the user's words.
    title: str = ""


@dataclass(frozen=True)
class Offer:
    """Another way that would do: what it is, and what to launch then."""

    words: Text
    survey: Survey


@dataclass(frozen=True)
class Home:
    """The whole state of the home screen."""

    stage: Stage = "looking"
    survey: Survey | None = None
    # The runtime was started from this interface, so leaving asks what becomes of it.
    ours: bool = False
    phase: str = ""
    url: str = ""
    # Where other computers in the network find it.
    network: tuple[str, ...] = ()
    page: bool = False
    model: str = ""
    # The last model that was asked for could not be loaded; the log says why.
    refused: bool = False
    # The computer's memory cannot hold the model that is loaded: it is read from the disk while it draws.
    from_disk: bool = False
    credentials: Credentials | None = None
    step: Step | None = None
    progress: Progress | None = None
    drawing: Drawing | None = None
    visitors: tuple[str, ...] = ()
    error: LauncherError | None = None
    # What is behind the error, as far as the log tells.
    advice: Advice | None = None
    offer: Offer | None = None
    # Once what runs has ended: what is to be launched, or the run profile to look around with and launch.
    then: Survey | str | None = None

    @property
    def missing(self) -> int:
        """How many steps of the plan are still to be done."""
        return len(self.survey.plan.missing) if self.survey else 0

    @property
    def blocked(self) -> bool:
        """The plan cannot be carried out: a finding says why."""
        plan = self.survey.plan if self.survey else None
        return plan is not None and any(finding.severity == "error" for finding in plan.findings)

    @property
    def login(self) -> Login | None:
        """What the page asks others for; None where none can reach it."""
        from launcher.core.serving.command_line import asks_for

        return asks_for(self.survey.options) if self.survey else None

    @property
    def busy(self) -> bool:
        """Something runs that can be stopped."""
        return self.stage in ("installing", "starting", "serving")


def surveyed(home: Home, survey: Survey) -> Home:
    """After a look around; in the middle of a job only the facts change."""
    home = replace(home, survey=survey)
    if home.stage == "installing" and not home.missing:
        return replace(home, stage="starting", step=None, progress=None)
    if home.stage != "looking":
        return home
    status = survey.status
    if status.state == "stopped":
        return replace(home, stage="ready")
    return replace(home, stage=status.state, url=status.url or "")


def after(home: Home, event: Event) -> Home:
    """The state once `event` has happened."""
    match event:
        case Step():
            return replace(home, step=event, progress=None)
        case Progress(name=name):
            over = name in _JOB_OVER
            return replace(home, progress=None if over else event, drawing=None if over else home.drawing)
        case Phase(name):
            return replace(home, phase=name, from_disk=home.from_disk and name != "model")
        case Ready(url=url, page=page):
            # word of it may come after the key that ends it
            stage: Stage = "stopping" if home.stage == "stopping" else "serving"
            return replace(home, stage=stage, url=url, page=page or home.page, step=None, progress=None)
        case Notice():
            return _noticed(home, event)
        case Stopped():
            return _stopped(home, event)
        case _:
            return _told(home, event)


def _told(home: Home, event: Event) -> Home:
    """What the runtime says of itself while it serves."""
    match event:
        case Credentials():
            return replace(home, credentials=event)
        case ModelLoaded(title=title):
            return replace(home, model=title, refused=False, offer=None)
        case Drawing():
            return replace(home, drawing=event)
        case Visitors(addresses=addresses):
            return replace(home, visitors=addresses)
        case _:
            return home


def _noticed(home: Home, notice: Notice) -> Home:
    match notice.slug:
        case "model-failed":
            return replace(home, refused=True)
        case "model-on-disk":
            return replace(home, from_disk=True)
        case "network-address":
            url = str(dict(notice.text.values).get("url", ""))
            return replace(home, network=tuple(dict.fromkeys((*home.network, url))) if url else home.network)
        case "memory-step-down":
            return replace(home, offer=_with_less_memory(home))
        case _:
            return home


def _stopped(home: Home, event: Stopped) -> Home:
    at_rest = Home(stage=home.stage, survey=home.survey, ours=home.ours, then=home.then)
    if home.stage == "stopping" or event.code == 0:
        return replace(at_rest, stage="ready", ours=False)
    message = t("The runtime has ended by itself with code {code}.", code=event.code)
    return failed(at_rest, LauncherError("runtime-ended", message, t("The last lines of the log say why.")))


def failed(home: Home, error: LauncherError) -> Home:
    """After a named failure: what runs no more is forgotten, the facts stay; a way round it is offered."""
    return Home(stage="failed", survey=home.survey, error=error, offer=_way_round(home, error))


def explained(home: Home, advice: Advice | None) -> Home:
    """Once the cause of the failure is known, if it still stands there."""
    return replace(home, advice=advice) if home.stage == "failed" else home


def _way_round(home: Home, error: LauncherError) -> Offer | None:
    if home.survey is None:
        return None
    from launcher.core.ports import PortTakenError

    if isinstance(error, PortTakenError) and error.free is not None:
        options = replace(home.survey.options, port=error.free)
        return Offer(t("Take port {port}", port=error.free), replace(home.survey, options=options))
    return _with_less_memory(home) if error.code == "out-of-memory" else None


def _with_less_memory(home: Home) -> Offer | None:
    """The next memory profile down, as `gesso up` offers it."""
    from launcher.core.memory.choose import next_step_down

    below = next_step_down(home.survey.plan.memory) if home.survey else None
    if below is None or home.survey is None:
        return None
    plan = replace(home.survey.plan, memory=below)
    return Offer(t("Start with {name}", name=below.profile), replace(home.survey, plan=plan))


def begun(home: Home, survey: Survey | None = None) -> Home:
    """After Enter: the way to the page begins (with `survey`, if another one is to be launched), and what the last run
    left is forgotten.
    """
    fresh = Home(survey=survey or home.survey, ours=True)
    return replace(fresh, stage="installing" if fresh.missing else "starting")


def stopping(home: Home, then: Survey | str | None = None) -> Home:
    """What runs is being ended, and afterwards `then` begins."""
    return replace(home, stage="stopping", then=then, offer=None)


def rested(home: Home) -> Home:
    """After a job has ended: nothing runs unless it failed, which stays to be read."""
    return home if home.stage == "failed" else Home(survey=home.survey, then=home.then)
