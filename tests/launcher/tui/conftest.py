"""A core that behaves like the real one without doing anything, and the app over it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

import pytest

from launcher.core.environments.installed import Installed
from launcher.core.errors import LauncherError
from launcher.core.events import Credentials, Event, Line, ModelLoaded, Notice, Phase, Progress, Ready, Step, Stopped
from launcher.core.hardware.live import Figures
from launcher.core.hardware.look import Gpu, Machine
from launcher.core.memory.choose import MemoryChoice
from launcher.core.plan.options import Options
from launcher.core.plan.plan import Download, Finding, Plan, PlanStep
from launcher.core.pytorch.choice import TorchChoice
from launcher.core.running import Status
from launcher.core.text import t
from launcher.tui.app import GessoApp
from launcher.tui.home_jobs import Core
from launcher.tui.jobs import Cancel
from launcher.tui.state import Survey

URL = "http://127.0.0.1:7860"


def a_step(name: str, state: Literal["missing", "done"]) -> PlanStep:
    # Titles are sentences that the catalogue has, so that the Chinese screen can be searched for English.
    return PlanStep(name, t("loading torch"), state, 200_000_000 if state == "missing" and name == "torch" else None)


def a_survey(*, missing: bool = False, running: bool = False, gpus: tuple[Gpu, ...] = ()) -> Survey:
    machine = Machine("linux", "x86_64", "3.11.7", 16000, 120000, None, gpus)
    state: Literal["missing", "done"] = "missing" if missing else "done"
    steps = tuple(a_step(name, state) for name in ("environment", "torch", "packages", "verify", "switch"))
    plan = Plan(
        torch=TorchChoice("2.13.0", "cu130" if gpus else "cpu", None, t("none: the processor draws")),
        memory=MemoryChoice("cpu", "sdp", (), t("none: the processor draws")),
        python="3.11",
        steps=steps,
        downloads=(Download("torch", 200_000_000, "a folder"),) if missing else (),
        disk_needed_mib=5000 if missing else 0,
        disk_free_mib=120000,
        findings=(),
    )
    done = Installed("torch-2.13.0-cpu-1", "2.13.0+cpu", "0" * 64, verified=True)
    status = Status("serving", URL) if running else Status("stopped")
    return Survey(machine, Installed() if missing else done, plan, status, Options(), ("gesso-demo",))


@dataclass
class FakeCore:
    """Yields what the real one yields, in its order; `calls` says what was asked of it."""

    survey: Survey = field(default_factory=a_survey)
    lines: tuple[str, ...] = ("hello from the runtime",)
    fails: LauncherError | None = None
    has_screen: bool = True
    slow: bool = False
    #: said once the page is there
    more: tuple[Event, ...] = ()
    figures: tuple[Figures, ...] = ()
    #: what `look` gives with another run profile
    profiles: dict[str, Survey] = field(default_factory=dict)
    launched: list[Survey] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def look(self) -> Survey:
        self.calls.append("look")
        return self.survey

    def install(self, survey: Survey, cancel: Cancel) -> Iterator[Event]:
        self.calls.append("install")
        for number, step in enumerate(survey.plan.missing, 1):
            yield Step(step.name, step.title, "started", number, len(survey.plan.missing))
            yield Line("uv", f"doing {step.name}")
            yield Progress(step.name, 50_000_000, 200_000_000)
            if self.slow and cancel.wait(5):
                raise LauncherError("interrupted", t("Not running."), t("Press Enter to start."))
            yield Step(step.name, step.title, "done", number, len(survey.plan.missing))
        self.survey = a_survey()

    def launch(self, survey: Survey, cancel: Cancel) -> Iterator[Event]:
        self.calls.append("launch")
        self.launched.append(survey)
        self._stopped.clear()
        yield Phase("server")
        yield from (Line("runtime", line) for line in self.lines)
        if self.fails:
            raise self.fails
        yield Ready(URL, 42)
        yield Credentials("gesso", "correct horse")
        yield ModelLoaded("gesso-demo", 1.0)
        yield Ready(URL, 42, page=True)
        yield Notice("x", "info", t("up to date"))
        yield from self.more
        end = time.monotonic() + 20
        while not cancel.wait(0.01) and time.monotonic() < end:
            if self._stopped.is_set():
                yield Stopped(0)
                return

    def stop(self) -> None:
        self.calls.append("stop")
        self._stopped.set()

    def open_page(self, url: str) -> bool:
        self.calls.append(f"open {url}")
        return self.has_screen

    def save_language(self, language: str) -> None:
        self.calls.append(f"language {language}")

    def choose(self, profile: str) -> None:
        self.calls.append(f"choose {profile}")
        self.survey = self.profiles.get(profile, self.survey)

    def tell_figures(self, _cancel: Cancel) -> Iterator[Figures]:
        yield from self.figures

    def core(self) -> Core:
        return Core(
            self.look, self.install, self.launch, self.stop, self.open_page, self.save_language, self.choose,
            self.tell_figures,
        )  # fmt: skip

    def app(self, language: str = "en") -> GessoApp:
        return GessoApp(self.core(), language)


@pytest.fixture
def fake() -> FakeCore:
    return FakeCore()


@pytest.fixture
def missing_fake() -> FakeCore:
    return FakeCore(survey=a_survey(missing=True))


@pytest.fixture
def blocked_fake() -> FakeCore:
    survey = a_survey(missing=True)
    finding = Finding("disk-full", "error", t("Look again"))
    return FakeCore(survey=replace(survey, plan=replace(survey.plan, findings=(finding,))))


@pytest.fixture
def running_fake() -> FakeCore:
    return FakeCore(survey=a_survey(running=True))


@pytest.fixture
def survey_of() -> Callable[..., Survey]:
    return a_survey
