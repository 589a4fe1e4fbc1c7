"""What is to be had without the network: the wheels in the user's own sources, and the engine's lock file."""

from __future__ import annotations

from dataclasses import dataclass

from launcher.core.pip_settings import PipSettings


@dataclass(frozen=True)
class Wheel:
    """A wheel that lies on this computer, in a folder or index that the user's pip configuration names."""

    #: absolute path
    path: str
    #: the find-links folder or the file:// index, as the user wrote it
    source: str
    #: None where it cannot be read
    size: int | None = None


@dataclass(frozen=True)
class Sources:
    """What the doors found for the plan."""

    #: torch wheels only
    wheels: tuple[Wheel, ...] = ()
    #: of launcher/data/locks/engine.txt; None if there is no such file
    lock_sha256: str | None = None


def find_sources(pip: PipSettings) -> Sources:
    """Lists local folders and file:// indexes for torch wheels, and hashes the lock. No network."""
    raise NotImplementedError
