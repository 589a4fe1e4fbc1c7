"""What long work tells the front ends while it runs; frozen, so that they can cross threads."""

from __future__ import annotations

from dataclasses import dataclass

from launcher.core.text import Text


@dataclass(frozen=True)
class Step:
    """Step `number` of `count` of a plan: `state` is started, skipped, done or failed."""

    name: str
    title: Text
    state: str
    number: int
    count: int


@dataclass(frozen=True)
class Progress:
    """How far the running step is, in bytes where they are known; `total` None is unknown."""

    name: str
    done: int
    total: int | None
    unit: str = "bytes"
    #: smoothed, in units per second; None: unknown
    rate: float | None = None
    seconds_left: float | None = None


@dataclass(frozen=True)
class Probed:
    """How far the mirror `name` of `kind` has got with the part of a file that all mirrors of a kind are asked for."""

    kind: str
    name: str
    #: bytes
    done: int
    total: int
    #: bytes per second; None before there is anything to divide
    rate: float | None = None
    #: nothing more comes from it
    over: bool = False


@dataclass(frozen=True)
class Downloaded:
    """`name` lies whole at `path`; `verified`: its SHA-256 was known beforehand; no `source`: it was there already."""

    name: str
    path: str
    size: int
    sha256: str
    verified: bool
    source: str


@dataclass(frozen=True)
class Line:
    """One line that a child printed; `source` names the child (`uv`, `runtime`)."""

    source: str
    text: str


@dataclass(frozen=True)
class Lines:
    """What a child has printed, line after line: one event for many, for it may print 50,000 a second."""

    source: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Phase:
    """The runtime's start has reached a named part (`server`, `torch`, `model`, `page`)."""

    name: str


@dataclass(frozen=True)
class Ready:
    """The runtime answers at `url`; `page` is True once the web page does too."""

    url: str
    pid: int
    page: bool = False


@dataclass(frozen=True)
class Credentials:
    """The name and password that the runtime made for itself: show them once, keep them nowhere."""

    user: str
    password: str
    #: for programs: Authorization: Bearer TOKEN
    token: str = ""


@dataclass(frozen=True)
class ModelLoaded:
    """The model is ready to draw."""

    title: str
    seconds: float


@dataclass(frozen=True)
class Drawing:
    """What the runtime draws: part `part` of `parts` of a txt2img, img2img or extras job, and how many jobs wait.

    0 is not known; of `width` and `height` it means the model's native size.
    """

    kind: str
    width: int = 0
    height: int = 0
    part: int = 0
    parts: int = 0
    waiting: int = 0


@dataclass(frozen=True)
class Visitors:
    """Who has the runtime's page open or asked it for something lately: addresses; "link": through a public link."""

    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Notice:
    """Something the user should know; `severity` is info, warning or error, `slug` is stable."""

    slug: str
    severity: str
    text: Text


@dataclass(frozen=True)
class Stopped:
    """The runtime has ended with `code` (negative: the signal that ended it)."""

    code: int
    last_lines: tuple[str, ...] = ()


Event = (
    Step
    | Progress
    | Probed
    | Downloaded
    | Line
    | Lines
    | Phase
    | Ready
    | Credentials
    | ModelLoaded
    | Drawing
    | Visitors
    | Notice
    | Stopped
)
