"""What a program says within a given time, on both channels, and how it ends."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from launcher.core.errors import LauncherError
from launcher.core.paths import checkout
from launcher.core.process import CancelledError, Exit, Output, run


@dataclass(frozen=True)
class Said:
    """`code` None: it was not done in time."""

    code: int | None
    out: tuple[str, ...] = ()
    err: tuple[str, ...] = ()

    @property
    def first(self) -> str:
        """Its answer."""
        return self.out[0].strip() if self.out else ""

    @property
    def last(self) -> str:
        """Why it failed, as far as it says."""
        return next((line.strip() for line in reversed((*self.out, *self.err)) if line.strip()), "?")


def ask(command: Sequence[str], seconds: float, environ: Mapping[str, str]) -> Said:
    """Run it for `seconds` at the most. A program that cannot be started ends with 127, as in a shell."""
    cancel = threading.Event()
    timer = threading.Timer(seconds, cancel.set)
    timer.daemon = True
    timer.start()
    heard: dict[str, list[str]] = {"out": [], "err": []}
    code: int | None = None
    try:
        for event in run(command, environment=environ, cwd=checkout(), cancel=cancel):
            if isinstance(event, Output):
                heard[event.channel].append(event.text)
            elif isinstance(event, Exit):
                code = event.code
    except CancelledError:
        code = None
    except LauncherError as error:
        return Said(127, (), (str(error.message),))
    finally:
        timer.cancel()
    return Said(code, tuple(heard["out"]), tuple(heard["err"]))
