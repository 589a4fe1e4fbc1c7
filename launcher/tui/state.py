"""What the home screen knows, as one frozen value, and how an event changes it; nothing here draws."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from launcher.core.environments.installed import Installed
from launcher.core.errors import LauncherError
from launcher.core.events import Credentials, Event, ModelLoaded, Notice, Phase, Progress, Ready, Step, Stopped
from launcher.core.hardware.look import Machine
from launcher.core.plan.plan import Options, Plan
from launcher.core.running import Status
from launcher.core.text import t

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


@dataclass(frozen=True)
class Home:
    """The whole state of the home screen."""

    stage: Stage = "looking"
    survey: Survey | None = None
    # The runtime was started from this interface, so leaving asks what becomes of it.
    ours: bool = False
    phase: str = ""
    url: str = ""
    page: bool = False
    model: str = ""
    # The last model that was asked for could not be loaded; the log says why.
    refused: bool = False
    credentials: Credentials | None = None
    step: Step | None = None
    progress: Progress | None = None
    error: LauncherError | None = None

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
            return replace(home, progress=None if name in _JOB_OVER else event)
        case Phase(name):
            return replace(home, phase=name)
        case Ready(url=url, page=page):
            return replace(home, stage="serving", url=url, page=page or home.page, step=None, progress=None)
        case Credentials():
            return replace(home, credentials=event)
        case ModelLoaded(title=title):
            return replace(home, model=title, refused=False)
        case Notice(slug="model-failed"):
            return replace(home, refused=True)
        case Stopped():
            return _stopped(home, event)
        case _:
            return home


def _stopped(home: Home, event: Stopped) -> Home:
    at_rest = replace(home, url="", page=False, phase="", model="", credentials=None, step=None, progress=None)
    if home.stage == "stopping" or event.code == 0:
        return replace(at_rest, stage="ready", ours=False)
    message = t("The runtime has ended by itself with code {code}.", code=event.code)
    return failed(at_rest, LauncherError("runtime-ended", message, t("The last lines of the log say why.")))


def failed(home: Home, error: LauncherError) -> Home:
    """After a named failure: what runs no more is forgotten, the facts stay."""
    return replace(home, stage="failed", error=error, ours=False, step=None, progress=None, phase="")


def begun(home: Home) -> Home:
    """After Enter: the way to the page begins, and what the last run left is forgotten."""
    stage: Stage = "installing" if home.missing else "starting"
    return replace(
        home,
        stage=stage,
        ours=True,
        error=None,
        credentials=None,
        url="",
        page=False,
        phase="",
        model="",
        refused=False,
    )


def rested(home: Home) -> Home:
    """After a job has ended: nothing runs unless it failed, which stays to be read."""
    return home if home.stage == "failed" else Home(survey=home.survey)
