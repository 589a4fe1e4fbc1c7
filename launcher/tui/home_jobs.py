"""What the home screen asks of core."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from textual.dom import DOMNode

from launcher.core.events import Event
from launcher.tui.jobs import Cancel, Jobs
from launcher.tui.state import Survey

if TYPE_CHECKING:
    from launcher.core.diagnosis.advice import Advice
    from launcher.core.hardware.live import Figures

#: What was seen, and how to end the work early.
Work = Callable[[Survey, Cancel], Iterator[Event]]
#: what goes on beside everything else and keeps nothing waiting
ASIDE = frozenset({"survey", "figures", "explain"})


def _no_figures(_cancel: Cancel) -> Iterator[Figures]:
    return iter(())


@dataclass(frozen=True)
class Core:
    """The real one is wired in `wiring`, tests bring their own."""

    look: Callable[[], Survey]
    install: Work
    #: starts the runtime, or follows the one that runs; once cancelled it ends and leaves the runtime alone
    launch: Work
    stop: Callable[[], object]
    #: shows the page; False where there is no screen to show it on
    open_page: Callable[[str], bool]
    save_language: Callable[[str], None]
    #: keeps the choice of a run profile
    choose: Callable[[str], None] = lambda _profile: None
    figures: Callable[[Cancel], Iterator[Figures]] = _no_figures
    #: what is behind a failure, by what was said until then; None: nobody knows
    explain: Callable[[Sequence[str]], Advice | None] = lambda _lines: None


class HomeJobs(Jobs):
    """Done of "survey" has the Survey."""

    def __init__(self, core: Core, host: DOMNode) -> None:
        super().__init__(host)
        self._core = core

    @property
    def idle(self) -> bool:
        """Nothing is being done that somebody asked for."""
        return not self.running - ASIDE

    def survey(self) -> None:
        """Look around."""
        self.start("survey", lambda _: self._core.look())

    def choose(self, profile: str) -> None:
        """Keep this run profile and look around with it; Done of "choose" has the Survey."""
        self.start("choose", lambda _: self._choose(profile))

    def figures(self) -> None:
        """The figures of the moment, until cancelled."""
        self.start("figures", self._core.figures)

    def explain(self, lines: Sequence[str]) -> None:
        """Look for the cause of a failure; Done of "explain" has the Advice."""
        self.start("explain", lambda _: self._core.explain(lines))

    def install(self, survey: Survey) -> None:
        """Do what is missing; Done has the Survey afterwards, None if it was cancelled."""
        self.start("install", partial(self._install, survey))

    def launch(self, survey: Survey) -> None:
        """Start the runtime, or watch the one that runs."""
        self.start("launch", partial(self._core.launch, survey))

    def stop(self) -> None:
        """Stop the runtime."""
        self.start("stop", lambda _: self._core.stop())

    def _choose(self, profile: str) -> Survey:
        self._core.choose(profile)
        return self._core.look()

    def _install(self, survey: Survey, cancel: Cancel) -> Generator[Event, None, Survey | None]:
        yield from self._core.install(survey, cancel)
        return None if cancel.is_set() else self._core.look()
