"""What the readings of all mirrors mean together: who has the right bytes, and how fast; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from launcher.core.network.mirror_reading import Reading
from launcher.core.network.mirror_samples import Sample
from launcher.core.text import Text, t

T = TypeVar("T")

#: slug -> what it says of a mirror, to follow its name
SENTENCES: dict[str, Text] = {
    "ok": t("has the right file"),
    "slow": t("has the right file, and is slow"),
    "stalled": t("did not answer in time"),
    "unreachable": t("cannot be reached"),
    "certificate": t("has a certificate that this computer does not trust"),
    "refused": t("refuses this computer (403); mirrors do so for a while after too many requests"),
    "busy": t("asks for patience (429 or 503)"),
    "unauthorized": t("asks for a name and password or a token"),
    "not-found": t("does not have this file"),
    "lacks-file": t("does not list this file"),
    "unlisted": t("does not say where this file lies"),
    "broken": t("is out of order"),
    "login-page": t("sent a web page instead of the file"),
    "wrong-size": t("has a file of another size"),
    "wrong-bytes": t("has other bytes than the others"),
    "wrong-range": t("sends other parts of a file than asked for"),
    "cut": t("breaks off before the end"),
    "redirects": t("redirects in a circle or out of an encrypted connection"),
    "proxy": t("is not let through by the proxy"),
    "bad-address": t("has an address that cannot be used"),
    "unknown-address": t("has an address that nobody told"),
}
USABLE = ("ok", "slow")
#: what may have passed when everything else has failed
PASSING = ("stalled", "unreachable", "busy", "broken", "cut", "proxy", "refused")


@dataclass(frozen=True)
class Verdict:
    """How one mirror fared; None is unknown."""

    name: str
    group: str
    #: a key of SENTENCES
    slug: str
    #: bytes per second
    rate: float | None = None
    #: seconds to the first byte
    latency: float | None = None
    #: of the whole file
    size: int | None = None
    #: who sent the bytes in the end
    host: str | None = None

    @property
    def usable(self) -> bool:
        return self.slug in USABLE

    @property
    def may_pass(self) -> bool:
        """It did not give the file now and may do so later."""
        return self.slug in PASSING

    @property
    def sentence(self) -> Text:
        """What was right or wrong, to follow the mirror's name."""
        return SENTENCES.get(self.slug, t("did not give the file"))


def verdicts(readings: Sequence[Reading], sample: Sample) -> tuple[Verdict, ...]:
    """One for each reading, in their order.

    What the file should be is known from the plan, else from the official place, else from what most mirrors say; a
    mirror that alone says something else has not the right bytes.
    """
    fine = [reading for reading in readings if reading.trouble is None]
    size = sample.size or _agreed([(reading, reading.size) for reading in fine])
    beginning = _agreed([(reading, reading.beginning) for reading in fine])
    etag = next(iter(sample.hashes), None) or _agreed([(reading, _digest(reading.etag)) for reading in fine])
    return tuple(
        Verdict(
            reading.mirror.name,
            reading.mirror.group,
            _slug(reading, size, beginning, etag if sample.kind == "huggingface" else None),
            reading.rate,
            reading.latency,
            reading.size,
            reading.host,
        )
        for reading in readings
    )


def _slug(reading: Reading, size: int | None, beginning: str | None, etag: str | None) -> str:
    if reading.trouble is not None:
        return reading.trouble
    if _differs(reading.size, size) or (size is not None and reading.read > size):
        return "wrong-size"
    if not reading.read:
        return "stalled" if reading.timed_out else "cut"
    if reading.ended and size is not None and reading.read < size:
        return "cut"
    if _differs(reading.beginning, beginning) or _differs(_digest(reading.etag), etag):
        return "wrong-bytes"
    if not reading.timed_out:
        return "ok"
    return "stalled" if reading.fell_silent else "slow"


def _differs(found: T | None, expected: T | None) -> bool:
    return found is not None and expected is not None and found != expected


def _agreed(said: Sequence[tuple[Reading, T | None]]) -> T | None:
    """What the official place says, else what more mirrors say than anything else; None: nobody knows."""
    known = [(reading, value) for reading, value in said if value is not None]
    for reading, value in known:
        if reading.mirror.official:
            return value
    votes = Counter(value for _, value in known).most_common(2)
    if not votes or (len(votes) > 1 and votes[0][1] == votes[1][1]):
        return None
    return votes[0][0]


def _digest(etag: str | None) -> str | None:
    """The hub's ETag of a large file is its SHA-256; another says nothing that mirrors would repeat."""
    bare = (etag or "").removeprefix("W/").strip('"').lower()
    return bare if len(bare) == 64 and all(letter in "0123456789abcdef" for letter in bare) else None
