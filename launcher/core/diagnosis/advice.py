"""What is said of a log: a kind of failure, the line that shows it, its cause and what helps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from launcher.core.text import Text


@dataclass(frozen=True)
class Advice:
    """One finding."""

    slug: str
    severity: Literal["error", "warning"]
    #: counted from 1
    line: int
    #: the line itself
    quote: str
    title: Text
    cause: Text
    steps: tuple[Text, ...]
    links: tuple[str, ...] = ()
    #: the name of the mend that can be done by one key
    mend: str | None = None
    #: what the log told: names and their values, for the mend
    values: tuple[tuple[str, str], ...] = ()
    #: more about this very case
    detail: Text | None = None

    def for_mend(self) -> dict[str, str]:
        """What a mend is told: what the log told, and which failure it is."""
        return {**dict(self.values), "slug": self.slug}
