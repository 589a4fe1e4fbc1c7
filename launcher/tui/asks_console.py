"""What the console asks of core."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from launcher.core.events import Event
from launcher.core.text import Text
from launcher.tui.asks import Place
from launcher.tui.jobs import Cancel


@dataclass(frozen=True)
class ConsoleAsks:
    """Knowing a line, following the runtime that others have started, saving."""

    #: what is known about a line of the log; asked for every line as it comes, so it must be quick
    known: Callable[[str], Text | None]
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
            known=unknown,
            follow=partial(follow, place.workspace),
            free_path=lambda: str(free_path(place.workspace.logs)),
            save=save,
        )


def unknown(_line: str) -> Text | None:
    """Nothing is known about any line."""
    return None
