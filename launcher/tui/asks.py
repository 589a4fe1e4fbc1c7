"""What the screens ask of core, and how a test brings its own answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from launcher.core.paths import Workspace
from launcher.core.plan.options import Options


@dataclass(frozen=True)
class Place:
    """Where the interface was opened, and with which options of the command line."""

    workspace: Workspace
    options: Options


class Asks(Protocol):
    """A frozen dataclass of functions: what one screen asks of core."""

    @classmethod
    def real(cls, place: Place) -> Any:
        """Core itself."""


A = TypeVar("A", bound=Asks)


@dataclass(frozen=True)
class Wiring:
    """Core behind the screens; `instead` has a test's stand-ins by their class."""

    place: Place
    instead: Mapping[type, object] = field(default_factory=dict)

    def ask(self, kind: type[A]) -> A:
        """The functions of `kind`."""
        found: A = self.instead.get(kind) or kind.real(self.place)  # type: ignore[assignment]
        return found
