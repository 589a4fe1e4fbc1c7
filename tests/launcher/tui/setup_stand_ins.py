"""A core for the guided install that behaves like the real one without doing anything; `calls` says what was asked."""

from __future__ import annotations

import base64
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.events import Credentials, Event, Line, ModelLoaded, Notice, Phase, Probed, Progress, Ready, Step
from launcher.core.network.mirror_choice import Choice as Mirrored
from launcher.core.network.mirrors import Mirror
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.plan.plan import Plan
from launcher.core.setup import course
from launcher.core.setup.course import Answers
from launcher.core.setup.expectations import Estimate
from launcher.core.setup.network import Network
from launcher.core.setup.picture import Picture
from launcher.core.setup.places import Place as Folder
from launcher.core.setup.places import place_at
from launcher.core.setup.question import Choice, Question
from launcher.core.text import t
from launcher.tui.app import GessoApp
from launcher.tui.asks import Place, Wiring
from launcher.tui.asks_setup import SetupAsks
from launcher.tui.home_jobs import Core
from launcher.tui.state import Survey

URL = "http://127.0.0.1:7860"
#: 2 x 2, red over blue
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR4nGP8z8DAwMDAyMDwn4GBAQAREgIBsncoGQAAAABJRU5ErkJggg=="
)
OFFICIAL = Mirror("official", "official", None, official=True)


@dataclass
class FakeSetup:
    """Everything works, and is over at once, unless told otherwise."""

    root: Path
    survey: Survey
    before: Survey
    network: Network = field(default_factory=Network)
    elsewhere: tuple[Folder, ...] = ()
    fails: dict[str, LauncherError] = field(default_factory=dict)
    #: parts that wait until they are cancelled
    waits: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    installed: bool = False
    running: threading.Event = field(default_factory=threading.Event)

    @property
    def workspace(self) -> Workspace:
        return Workspace(self.root)

    def _does(self, name: str, cancel: threading.Event | None = None) -> None:
        self.calls.append(name)
        if error := self.fails.pop(name.split()[0], None):
            raise error
        if name.split()[0] in self.waits and cancel is not None and cancel.wait(20):
            raise LauncherError("interrupted", t("Not running."), t("Press Enter to start."))

    def resumed(self, workspace: Workspace) -> Answers:
        return course.read_answers(workspace) if self.installed else course.resumed(workspace)

    def look(self, workspace: Workspace) -> Survey:
        self._does("look")
        return self.survey if self.installed else self.before

    def proxies(self, workspace: Workspace) -> Network:
        self._does("proxies")
        return self.network

    def measure(
        self, workspace: Workspace, plan: Plan, cancel: threading.Event
    ) -> Generator[Event, None, tuple[Mirrored, ...]]:
        yield Notice("measuring", "info", t("Looking …"))
        yield Probed("packages", "official", 262144, 1048576, 2_000_000.0)
        yield Probed("packages", "tuna", 1048576, 1048576, 8_000_000.0, over=True)
        self._does("measure", cancel)
        return (Mirrored("packages", (OFFICIAL,), "measured", t("up to date")),)

    def use_proxy(self, workspace: Workspace, choice: str) -> bool:
        self._does(f"proxy {choice}")
        return True

    def places(self, workspace: Workspace, needed: int | None) -> tuple[Folder, ...]:
        self._does("places")
        return (Folder(workspace.root, "/", 120_000), *self.elsewhere)

    def take_place(self, workspace: Workspace, folder: Path) -> Workspace:
        self._does(f"place {folder}")
        return Workspace(folder)

    def estimate(self, workspace: Workspace, plan: Plan) -> Estimate:
        return Estimate({"torch": 200_000_000}, 4_000_000.0, {step.name: 60.0 for step in plan.missing})

    def install(self, workspace: Workspace, plan: Plan, cancel: threading.Event) -> Iterator[Event]:
        count = len(plan.missing)
        for number, step in enumerate(plan.missing, 1):
            yield Step(step.name, step.title, "started", number, count)
            yield Line("uv", f"doing {step.name}")
            if step.name == "torch":
                yield Progress("torch", 50_000_000, 200_000_000, rate=4_000_000.0)
                self._does("install", cancel)
            yield Step(step.name, step.title, "done", number, count)
        self.installed = True

    def models(self, workspace: Workspace, vram: int | None, installs: tuple[object, ...]) -> Question:
        choices = (
            Choice("demo", t("The demo model, now")),
            Choice("big.safetensors", t("{size} to fetch", size="2.0 GB"), (t("fits this card"),)),
            Choice("other.safetensors", t("any card"), refused=t("nothing can be written there")),
        )
        return Question(t("Which model shall draw first? Others can be added at any time."), choices, "demo")

    def take_model(self, workspace: Workspace, choice: str, cancel: threading.Event) -> Iterator[Event]:
        yield Progress(choice, 500_000_000, 2_000_000_000, rate=5_000_000.0, seconds_left=300.0)
        self._does(f"model {choice}", cancel)

    def launch(self, workspace: Workspace, survey: Survey, cancel: threading.Event) -> Iterator[Event]:
        self._does("launch")
        self.running.set()
        yield Phase("server")
        yield Credentials("gesso", "correct horse")
        yield Ready(URL, 42)
        yield ModelLoaded("gesso-demo", 1.0)
        yield Progress("job-running", 40, 100, "percent")
        cancel.wait(20)

    def draw(self, workspace: Workspace, url: str, model: str, credentials: Credentials | None) -> Picture:
        assert credentials is not None
        self._does(f"draw {url} {model}")
        file = self.root / "first.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(PNG)
        return Picture(file, "a red circle", 3.0)

    def stop(self, workspace: Workspace) -> None:
        self._does("stop")
        self.running.clear()

    def open_page(self, url: str) -> bool:
        self._does(f"open {url}")
        return True

    def asks(self, home: Core) -> SetupAsks:
        return SetupAsks(
            resumed=self.resumed,
            keep=course.keep,
            save_language=lambda _, language: self._does(f"language {language}"),
            look=self.look,
            proxies=self.proxies,
            measure=self.measure,
            use_proxy=self.use_proxy,
            places=self.places,
            place_at=place_at,
            take_place=self.take_place,
            estimate=self.estimate,
            install=self.install,
            other_installs=lambda _: (),
            models=self.models,
            take_model=self.take_model,
            launch=self.launch,
            draw=self.draw,
            stop=self.stop,
            open_page=self.open_page,
            core=lambda _: home,
        )

    def app(self, home: Core, language: str = "en", step: str | None = None) -> GessoApp:
        """`step`: where an earlier run has ended."""
        if step:
            course.keep(self.workspace, Answers(step=step))
        wiring = Wiring(Place(self.workspace, Options()), {SetupAsks: self.asks(home)})
        return GessoApp(home, language, wiring, first="setup")
