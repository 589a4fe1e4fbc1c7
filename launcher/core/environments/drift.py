"""What has changed since the engine last started well: driver, cards, torch, packages, Gesso, flags."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from launcher.core.environments.environments import current, packages_of, read_stamp
from launcher.core.errors import LauncherError
from launcher.core.hardware.look import Machine
from launcher.core.paths import Workspace, checkout
from launcher.core.project import version_in
from launcher.core.records import read_typed, write_record
from launcher.core.text import Text, t

LAST_GOOD = "last-good-start.json"


@dataclass(frozen=True)
class Fingerprint:
    """What a start stands on; None and () are "not known"."""

    #: folder name under environments/
    environment: str | None
    python: str | None
    #: of NVIDIA's driver
    driver: str | None
    gpus: tuple[str, ...]
    #: {name: version}
    packages: dict[str, str]
    #: the commit of the checkout, or what pyproject.toml says where it is no clone
    gesso: str | None
    #: of the runtime, as the command line had them
    flags: tuple[str, ...]
    #: ISO 8601 in UTC
    taken_at: str


@dataclass(frozen=True)
class Change:
    """One thing that is not as it was; `before` or `now` None: it was not there."""

    #: environment, python, driver, gpus, gesso, flags, or the name of a package
    what: str
    before: str | None
    now: str | None
    is_package: bool = False

    @property
    def sentence(self) -> Text:
        what = _NAMES.get(self.what, self.what) if not self.is_package else self.what
        if self.before is None:
            return t("{what}: {now} (new)", what=what, now=self.now)
        if self.now is None:
            return t("{what}: {before} (no longer there)", what=what, before=self.before)
        return t("{what}: {before} → {now}", what=what, before=self.before, now=self.now)


@dataclass(frozen=True)
class Drift:
    """The difference between the last good start and now; no `changes`: nothing that Gesso looks at."""

    since: str
    changes: tuple[Change, ...]


_NAMES: dict[str, Text] = {
    "environment": t("the environment"),
    "python": t("Python"),
    "driver": t("NVIDIA's driver"),
    "gpus": t("the graphics cards"),
    "gesso": t("Gesso itself"),
    "flags": t("the flags of the run profile"),
}


def take_fingerprint(workspace: Workspace, machine: Machine, flags: Sequence[str]) -> Fingerprint:
    """Of the current environment on this machine. Nothing is imported or started."""
    folder = current(workspace)
    stamp = read_stamp(folder) if folder else None
    return Fingerprint(
        environment=folder.name if folder else None,
        python=stamp.python if stamp else None,
        driver=machine.driver,
        gpus=tuple(gpu.name or gpu.uuid or "?" for gpu in machine.gpus or ()),
        packages={package.name: package.version for package in packages_of(folder)} if folder else {},
        gesso=gesso_version(checkout()),
        flags=tuple(flags),
        taken_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )


def remember_good_start(workspace: Workspace, machine: Machine, flags: Sequence[str]) -> None:
    """Call when the runtime serves: from here on `since_last_good` compares with this."""
    write_record(workspace.state / LAST_GOOD, asdict(take_fingerprint(workspace, machine, flags)))


def since_last_good(workspace: Workspace, machine: Machine, flags: Sequence[str] | None = None) -> Drift | None:
    """What is other than at the last good start; None: there was none. `flags` None are not compared."""
    before = _read(workspace)
    if before is None:
        return None
    now = take_fingerprint(workspace, machine, before.flags if flags is None else flags)
    return Drift(before.taken_at, (*_facts(before, now), *_packages(before.packages, now.packages)))


def _facts(before: Fingerprint, now: Fingerprint) -> list[Change]:
    pairs = [
        ("environment", before.environment, now.environment),
        ("python", before.python, now.python),
        ("driver", before.driver, now.driver),
        ("gpus", ", ".join(before.gpus) or None, ", ".join(now.gpus) or None),
        ("gesso", before.gesso, now.gesso),
        ("flags", " ".join(before.flags) or None, " ".join(now.flags) or None),
    ]
    return [Change(what, old, new) for what, old, new in pairs if old != new]


def _packages(before: dict[str, str], now: dict[str, str]) -> list[Change]:
    """torch first: it is what most depends on."""
    names = sorted({*before, *now}, key=lambda name: (not name.startswith("torch"), name))
    return [
        Change(name, before.get(name), now.get(name), is_package=True)
        for name in names
        if before.get(name) != now.get(name)
    ]


def gesso_version(folder: Path) -> str | None:
    """The commit that a clone stands on, read from its files; for a copy without git the version it states."""
    try:
        head = (folder / ".git" / "HEAD").read_text(encoding="ascii").strip()
        if not head.startswith("ref: "):
            return head[:12]
        reference = head.removeprefix("ref: ")
        loose = folder / ".git" / reference
        if loose.is_file():
            return loose.read_text(encoding="ascii").strip()[:12]
        packed = (folder / ".git" / "packed-refs").read_text(encoding="ascii").splitlines()
        return next((line.split()[0][:12] for line in packed if line.endswith(f" {reference}")), None)
    except (OSError, ValueError):
        with contextlib.suppress(LauncherError):
            return version_in(folder)
        return None


def _read(workspace: Workspace) -> Fingerprint | None:
    return read_typed(workspace.state / LAST_GOOD, Fingerprint)
