"""All mirrors of a kind beside what was measured of them and which counts, as it is shown to people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from launcher.core.errors import LauncherError
from launcher.core.network.mirror_choice import Choice, Circumstances, chosen
from launcher.core.network.mirror_probe import Measurement
from launcher.core.network.mirrors import Kind, Mirror
from launcher.core.text import Text


@dataclass(frozen=True)
class MirrorTable:
    """One kind. The mirror that counts is among `mirrors` even where it is an address of the user's."""

    kind: Kind
    mirrors: tuple[Mirror, ...]
    #: None: none can be chosen, `wrong` says why
    choice: Choice | None
    wrong: Text | None
    #: the latest; torch may have been measured for several tags
    measured: Measurement | None

    @property
    def first(self) -> Mirror | None:
        """The one that counts."""
        return self.choice.first if self.choice else None


def mirror_table(around: Circumstances, kind: Kind) -> MirrorTable:
    """Never raises: what is wrong with the user's choice is said in the table."""
    measured = latest(around.memory.measurements, kind)
    listed = around.mirrors.of(kind)
    try:
        choice = chosen(around, kind, measured.key.partition(":")[2] or None if measured else None)
    except LauncherError as error:
        return MirrorTable(kind, listed, None, error.message, measured)
    mirrors = listed if choice.first in listed else (choice.first, *listed)
    return MirrorTable(kind, mirrors, choice, None, measured)


def latest(measurements: Iterable[Measurement], kind: Kind) -> Measurement | None:
    """The newest of `kind`, whatever its tag."""
    found = [each for each in measurements if each.key.partition(":")[0] == kind]
    return max(found, key=lambda each: each.at, default=None)
