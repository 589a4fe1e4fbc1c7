"""How uv is called, and what its words mean: announced downloads in bytes, and each way to fail as a sentence."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.process import Exit, Output, Quiet, run
from launcher.core.text import Text, t
from launcher.core.web_address import shown

_ANNOUNCED = re.compile(r"^\s*Downloading (\S+).* \(([\d.]+)\s*(B|KiB|MiB|GiB)\)$")
_FETCHED = re.compile(r"^\s*Downloaded (\S+)")
_UNITS = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_HOST = re.compile(r"https?://(?:[^@/\s]*@)?([^/\s:)]+)")
#: Windows' number of "access is denied", which it says in its own language; elsewhere 5 is a disk that fails
_DENIED = r"|\(os error 5\)" if sys.platform == "win32" else ""
#: how many lines of uv are kept to explain a failure
_KEPT = 60


@dataclass
class Downloads:
    """The bytes that uv has said it fetches, and those it has said it has; it tells of the larger files only."""

    announced: dict[str, int] = field(default_factory=dict)
    fetched: set[str] = field(default_factory=set)

    def hear(self, line: str) -> None:
        """Take in one line of uv."""
        if found := _ANNOUNCED.match(line):
            self.announced[found[1]] = round(float(found[2]) * _UNITS[found[3]])
        elif found := _FETCHED.match(line):
            self.fetched.add(found[1])

    @property
    def total(self) -> int:
        return sum(self.announced.values())

    @property
    def done(self) -> int:
        return sum(size for name, size in self.announced.items() if name in self.fetched)


def find_uv() -> str:
    """uv's program, which is among the launcher's own packages. LauncherError `uv-missing`."""
    import uv

    try:
        return str(uv.find_uv_bin())
    except FileNotFoundError as error:
        raise LauncherError(
            "uv-missing",
            t("The installer program uv is missing from the launcher's own environment."),
            t("Run install.sh (install.ps1 on Windows) again; it puts it there."),
        ) from error


def run_uv(
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    cwd: Path,
    cancel: threading.Event | None = None,
) -> Iterator[Output | Quiet]:
    """Run uv to its end, yielding its lines. A failure is raised as the LauncherError that names it."""
    said: list[str] = []
    command = [find_uv(), *arguments, "--color", "never", "--no-progress"]
    for event in run(command, environment=environment, cwd=cwd, cancel=cancel):
        if isinstance(event, Exit):
            if event.code:
                raise explain("\n".join(said), event.code)
            return
        if isinstance(event, Output) and event.channel == "err":
            said = [*said[-_KEPT:], event.text]
        yield event


def explain(said: str, code: int) -> LauncherError:
    """The failure that uv's words mean."""
    for name, pattern, message, hint in _FAILURES:
        if re.search(pattern, said, re.IGNORECASE):
            filled = {"host": _host(said), "what": _what(said), "status": _status(said)}
            return LauncherError(name, Text(message.template, tuple(filled.items())), hint)
    return LauncherError(
        "uv-failed",
        t("uv ended with code {code}: {line}", code=code, line=shown(_error_line(said))),
        t("The lines above say more. Once that is put right, the same command continues where this one ended."),
    )


def _host(said: str) -> str:
    found = _HOST.search(said)
    return found[1] if found else "?"


def _what(said: str) -> str:
    """The package or Python that uv speaks of."""
    for pattern in (r"Hash mismatch for `([^`]+)`", r"Because (?:only )?(\S+) (?:was|has|is)", r"(Python [\d.]+)"):
        if found := re.search(pattern, said):
            return found[1]
    return _error_line(said)


def _status(said: str) -> str:
    found = re.search(r"\((\d{3}) [^)]*\)", said)
    return found[1] if found else "?"


def _error_line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return next((line for line in lines if line.startswith("error:")), lines[-1] if lines else "")


_AGAIN = t("Then run the same command again: it continues, and what has been fetched is kept.")
#: the first that fits wins: code, what uv says, sentence, what to do
_FAILURES: tuple[tuple[str, str, Text, Text], ...] = (
    (
        "disk-full",
        r"No space left on device|\(os error 28\)|\(os error 112\)|not enough space on the disk|Disk quota exceeded",
        t("The disk is full."),
        t("Free some space, or choose a folder on another disk with --root. {again}", again=_AGAIN),
    ),
    (
        "hash-mismatch",
        r"Hash mismatch",
        t("The file that came for {what} is not the one that was expected: its SHA-256 differs."),
        t("Nothing of it was installed. Choose another index; for a file of your own, remove it from state/pins.json."),
    ),
    (
        "certificate",
        r"invalid peer certificate|UnknownIssuer|CertificateRequired|certificate verify failed",
        t("The certificate of {host} is not one that this computer trusts."),
        t("Behind a company's proxy, name its certificate in pip's configuration (cert); or is the clock wrong?"),
    ),
    (
        "source-refused",
        r"HTTP status (client|server) error",
        t("{host} answered with HTTP status {status}."),
        t("Try again later, or choose another index in pip's configuration. {again}", again=_AGAIN),
    ),
    (
        "no-network",
        r"dns error|\(Connect\)|Connection (refused|reset|closed)|timed out|unreachable|response body|Failed to fetch",
        t("{host} cannot be reached."),
        t("Look at the network and the proxy. {again}", again=_AGAIN),
    ),
    (
        "python-not-found",
        r"No interpreter found|No download found|Failed to inspect Python|No Python installation",
        t("No usable {what} was found on this computer, and none could be fetched."),
        t("Install Python 3.10 to 3.13 and run install.sh (install.ps1 on Windows) again."),
    ),
    (
        "no-permission",
        rf"Permission denied|Access is denied|\(os error 13\)|Read-only file system{_DENIED}",
        t("The system does not allow writing into the folder."),
        t("Choose a folder of your own with --root, or pause the virus scanner for it. {again}", again=_AGAIN),
    ),
    (
        "package-not-found",
        r"No solution found|was not found in|no matching distribution|has no (usable )?wheels|there is no version of",
        t("{what} is not to be had from the configured source."),
        t("Look at index-url and find-links in pip's configuration, or put the wheel there."),
    ),
)
