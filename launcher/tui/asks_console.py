"""What the console asks of core."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from launcher.core.events import Event
from launcher.tui.asks import Place
from launcher.tui.jobs import Cancel
from launcher.tui.log_reading import Known


@dataclass(frozen=True)
class ConsoleAsks:
    """Knowing lines, following the runtime that others have started, saving."""

    #: reads the rules, which takes seconds; what comes of it marks lines as they come, and is quick
    rules: Callable[[], Known]
    #: the log of the runtime that runs here, whoever has started it, until it is cancelled
    follow: Callable[[Cancel], Iterator[Event]]
    #: a path at which nothing lies yet
    free_path: Callable[[], str]
    #: writes the lines into a new file and gives its path; LauncherError if there is one already
    save: Callable[[str, Sequence[str]], str]

    @classmethod
    def real(cls, place: Place) -> ConsoleAsks:
        """Core itself."""
        from launcher.core.log_file import free_path, save
        from launcher.core.serving.onlooker import follow

        return cls(
            rules=lambda: _rules(place),
            follow=partial(follow, place.workspace),
            free_path=lambda: str(free_path(place.workspace.logs)),
            save=save,
        )


def _rules(place: Place) -> Known:
    from launcher.core.diagnosis.live import LiveDiagnosis
    from launcher.core.serving.circumstances import circumstances_of
    from launcher.tui.live_marks import LiveMarks

    return LiveMarks(LiveDiagnosis(circumstances_of(place.workspace)))
