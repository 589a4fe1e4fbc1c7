"""Run profiles (how to serve): TOML files in profiles/run/ and the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.facts import read_facts
from launcher.core.paths import checkout
from launcher.core.text import t


@dataclass(frozen=True)
class RunProfile:
    """One file of profiles/run/ or of the user's own profiles."""

    title: str
    why: str
    #: A1111's, put before those of the command line
    flags: tuple[str, ...] = ()
    #: reachable from other computers
    listen: bool = False
    #: a public link
    share: bool = False
    port: int | None = None
    #: name of a memory profile; None lets the card decide
    memory: str | None = None
    #: index or UUID
    gpu: str | None = None


def read_run_profiles(own: Path | None = None) -> dict[str, RunProfile]:
    """All of profiles/run/ and, winning, of the user's own folder `own` (workspace/profiles), by name."""
    folders = [checkout() / "profiles/run", *([own] if own else [])]
    files = [file for folder in folders for file in sorted(folder.glob("*.toml"))]
    return {file.stem: read_facts(file, RunProfile) for file in files}


def read_run_profile(name: str, own: Path | None = None) -> RunProfile:
    """One run profile; LauncherError `profile-unknown` lists what there is."""
    folders = [*([own] if own else []), checkout() / "profiles/run"]
    known = {file.stem: file for folder in reversed(folders) for file in sorted(folder.glob("*.toml"))}
    if name in known:
        return read_facts(known[name], RunProfile)
    message = t('There is no run profile "{name}".', name=name)
    raise LauncherError("profile-unknown", message, t("There are: {names}.", names=", ".join(sorted(known))))
