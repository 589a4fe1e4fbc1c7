"""What the environments' screen asks of core."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from launcher.core.events import Event
from launcher.tui.asks import Place
from launcher.tui.jobs import Cancel

if TYPE_CHECKING:
    from pathlib import Path

    from launcher.core.environments.drift import Drift
    from launcher.core.environments.listing import Listed
    from launcher.core.install.repair import Health


@dataclass(frozen=True)
class EnvironmentsSeen:
    """One look: every environment, and what has changed since the engine last started well."""

    listed: tuple[Listed, ...]
    drift: Drift | None


@dataclass(frozen=True)
class EnvironmentsAsks:
    """Each changes something only where its name says so."""

    look: Callable[[], EnvironmentsSeen]
    #: what is broken in one; None: it was cancelled
    check: Callable[[Path, Cancel], Health | None]
    #: builds the same again beside it
    repair: Callable[[Path, Health, Cancel], Generator[Event, None, None]]
    #: makes one as the plan of today says, beside the others
    create: Callable[[Cancel], Generator[Event, None, None]]
    switch: Callable[[Path], None]
    #: the one that is current now
    rollback: Callable[[], Path]
    remove: Callable[[Path], None]

    @classmethod
    def real(cls, place: Place) -> EnvironmentsAsks:
        """Core itself."""
        return cls(
            look=lambda: _look(place),
            check=_check,
            repair=lambda folder, health, cancel: _repair(place, folder, health, cancel),
            create=lambda cancel: _create(place, cancel),
            switch=lambda folder: _switch(place, folder),
            rollback=lambda: _rollback(place),
            remove=lambda folder: _remove(place, folder),
        )


def _look(place: Place) -> EnvironmentsSeen:
    from launcher.core.environments.drift import since_last_good
    from launcher.core.environments.listing import environments_there
    from launcher.core.hardware.look import look

    found = environments_there(place.workspace)
    return EnvironmentsSeen(found, since_last_good(place.workspace, look(place.workspace.root)) if found else None)


def _check(folder: Path, cancel: Cancel) -> Health | None:
    from launcher.core.install.repair import Health, examine

    return next((found for found in examine(folder, cancel.is_set) if isinstance(found, Health)), None)


def _repair(place: Place, folder: Path, health: Health, cancel: Cancel) -> Generator[Event, None, None]:
    from launcher.core.environments.installed import Installed
    from launcher.core.install.repair import rebuild
    from launcher.core.proposal import propose

    plan = propose(place.workspace, place.options, Installed()).plan
    yield from rebuild(place.workspace, folder, plan, health.broken, cancel=cancel)


def _create(place: Place, cancel: Cancel) -> Generator[Event, None, None]:
    from launcher.core.environments.installed import Installed
    from launcher.core.install.install import Making, install
    from launcher.core.proposal import propose

    plan = propose(place.workspace, place.options, Installed()).plan
    yield from install(plan, place.workspace, cancel=cancel, making=Making(use=False, anew=True))


def _switch(place: Place, folder: Path) -> None:
    from launcher.core.environments import environments
    from launcher.core.install.lock import install_lock

    with install_lock(place.workspace):
        environments.switch(place.workspace, folder)


def _rollback(place: Place) -> Path:
    from launcher.core.environments.changes import rollback
    from launcher.core.install.lock import install_lock

    with install_lock(place.workspace):
        return rollback(place.workspace)


def _remove(place: Place, folder: Path) -> None:
    from launcher.core.environments import environments
    from launcher.core.environments.changes import remove
    from launcher.core.environments.freeze import needed_files
    from launcher.core.install.lock import install_lock
    from launcher.core.install.wheelhouse import prune, wheelhouse
    from launcher.core.packages.sources import ENGINE_LOCK

    with install_lock(place.workspace):
        remove(place.workspace, folder)
        prune(wheelhouse(place.workspace), needed_files(environments.everything(place.workspace), ENGINE_LOCK))
