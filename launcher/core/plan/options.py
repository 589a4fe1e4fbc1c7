"""What the user asked for; light, for the command line and the first paint need nothing else of the plan."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """What the user asked for on the command line or on a screen."""

    profile: str = "local"
    #: name of a memory profile; None lets the card decide
    memory: str | None = None
    #: of the model that the memory is planned for: sd1, sd2 or sdxl; None: what lies in the models folder
    family: str | None = None
    #: (width, height) of the picture that the memory is planned for, in pixels; None: the family's native size
    size: tuple[int, int] | None = None
    #: index or UUID
    gpu: str | None = None
    port: int | None = None
    listen: bool = False
    share: bool = False
    detach: bool = False
    #: A1111's flags, handed on as they are
    runtime_flags: tuple[str, ...] = ()
    #: for the runtime's environment, by name; "" takes one away
    variables: tuple[tuple[str, str], ...] = ()
    #: for the engine: a version ("3.12") or an interpreter
    python: str | None = None
    #: a folder with everything, from which alone is installed
    pack: Path | None = None
