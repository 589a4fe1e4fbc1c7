"""What is wished for and what is chosen: a memory profile with its flags, its reason and the predicted ladder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from launcher.core.memory_need import Mode, Picture
from launcher.core.text import Text


@dataclass(frozen=True)
class MemoryWish:
    """What is to be drawn and how, as far as it was said."""

    #: name of a memory profile; None lets the formula decide
    profile: str | None = None
    #: sd1, sd2 or sdxl; None: the largest of `families`, else sd1
    family: str | None = None
    #: (width, height) in pixels; None: the family's native size
    size: tuple[int, int] | None = None
    #: of the checkpoints in the models folder
    families: tuple[str, ...] = ()
    #: AUTOMATIC1111's flags that the user gives
    flags: tuple[str, ...] = ()
    #: there is an xFormers for this torch in the environment
    xformers: bool = False


@dataclass(frozen=True)
class Peak:
    """What a memory profile is predicted to need, in MiB."""

    profile: str
    mode: Mode
    need_mib: int


@dataclass(frozen=True)
class MemoryChoice:
    """`mode` is full, medvram, lowvram or cpu; `flags` are A1111's, to put before the user's own."""

    mode: Mode
    attention: str
    flags: tuple[str, ...]
    reason: Text
    #: name of the memory profile, as --memory takes it
    profile: str = ""
    picture: Picture | None = None
    #: free on the device (the least of several), as far as it is known
    free_mib: int | None = None
    #: of every profile that the device can run, the highest first: the ladder
    peaks: tuple[Peak, ...] = ()

    def to_json(self, reason: str) -> dict[str, Any]:
        """The `memory` of `gesso plan --json`; the peaks are predictions."""
        picture = self.picture
        return {
            "mode": self.mode,
            "attention": self.attention,
            "flags": list(self.flags),
            "reason": reason,
            "profile": self.profile or self.mode,
            "family": picture and picture.family,
            "size": picture and [picture.width, picture.height],
            "free_mib": self.free_mib,
            "predicted_peaks_mib": {peak.profile: peak.need_mib for peak in self.peaks},
        }
