"""The exact packages of an environment with the SHA-256 of their files, to be written down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from launcher.core.environments.environments import packages_of, read_stamp, site_of
from launcher.core.environments.recipes import LOCK, read_recipe
from launcher.core.errors import LauncherError
from launcher.core.packages.requirements import left_out, read_requirements, written
from launcher.core.text import t


@dataclass(frozen=True)
class Differing:
    """A package that is not what the environment was made with; `found` None: it is not there."""

    name: str
    #: several where the lock names one for each kind of computer
    wanted: tuple[str, ...]
    found: str | None


@dataclass(frozen=True)
class Frozen:
    """One package; no `sha256`: it did not come from Gesso's lock, so nobody knows which file it was."""

    name: str
    version: str
    sha256: tuple[str, ...]

    @property
    def requirement(self) -> str:
        return f"{self.name}=={self.version}"


def freeze(folder: Path) -> tuple[Frozen, ...]:
    """What is installed in the environment, by name. LauncherError `environment-unfinished`."""
    if read_stamp(folder) is None or site_of(folder) is None:
        raise LauncherError(
            "environment-unfinished",
            t("The environment {name} is not finished.", name=folder.name),
            t("`gesso env list` shows which ones are."),
        )
    known = allowed(folder)
    return tuple(
        Frozen(package.name, package.version, tuple(known.get((package.name, package.version), ())))
        for package in packages_of(folder)
    )


def differing(folder: Path) -> tuple[Differing, ...]:
    """The packages that have been removed or replaced since it was made, by name. What was added is no fault."""
    stamp, wanted = read_stamp(folder), dict[str, list[str]]()
    if stamp is None:
        return ()
    for requirement in _made_from(folder).keys() - left_out(_lock_of(folder), stamp.python):
        if key := _key(requirement):
            wanted.setdefault(key[0], []).append(key[1])
    there = {package.name: package.version for package in packages_of(folder)}
    return tuple(
        Differing(name, tuple(sorted(versions)), there.get(name))
        for name, versions in sorted(wanted.items())
        if not any(_same(version, there.get(name)) for version in versions)
    )


def _same(version: str, other: str | None) -> bool:
    """1.0 is 1.0.0."""
    try:
        return other is not None and Version(version) == Version(other)
    except InvalidVersion:
        return version == other


def allowed(folder: Path) -> dict[tuple[str, str], list[str]]:
    """{(name, version): [SHA-256]} of everything that the environment was made from."""
    return {key: list(hashes) for each, hashes in _made_from(folder).items() if (key := _key(each))}


def _made_from(folder: Path) -> dict[str, Sequence[str]]:
    """{"name==version" or a wheel's name: SHA-256}."""
    recipe = read_recipe(folder)
    return {**read_requirements(_lock_of(folder)), **(recipe.family if recipe else {})}


def _lock_of(folder: Path) -> str:
    lock = folder / LOCK
    return lock.read_text(encoding="utf-8", errors="replace") if lock.is_file() else ""


def needed_files(folders: Iterable[Path], *locks: Path) -> set[str]:
    """The SHA-256 of every file that one of these environments, or one of these locks, may be made from again."""
    found = {digest for folder in folders for hashes in allowed(folder).values() for digest in hashes}
    for lock in filter(Path.is_file, locks):
        entries = read_requirements(lock.read_text(encoding="utf-8"))
        found.update(digest for hashes in entries.values() for digest in hashes)
    return found


def _key(requirement: str) -> tuple[str, str] | None:
    name, _, pinned = requirement.partition("==")
    if pinned:
        return canonicalize_name(name), pinned
    try:
        name, version, _, _ = parse_wheel_filename(requirement)
    except InvalidWheelFilename:
        return None
    return name, str(version)


def as_requirements(frozen: tuple[Frozen, ...]) -> str:
    """A requirement file: what has hashes as pip and uv want it; the rest as remarks, for nobody can vouch for it."""
    known = written({each.requirement: list(each.sha256) for each in frozen if each.sha256})
    foreign = "".join(f"# {each.requirement}\n" for each in frozen if not each.sha256)
    return known + foreign
