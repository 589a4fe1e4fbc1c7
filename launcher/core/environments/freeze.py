"""The exact packages of an environment with the SHA-256 of their files, to be written down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from launcher.core.environments.environments import interpreter, read_stamp
from launcher.core.environments.recipes import LOCK, read_recipe
from launcher.core.environments.site_packages import installed_packages, site_packages
from launcher.core.errors import LauncherError
from launcher.core.packages.requirements import read_requirements, written
from launcher.core.text import t


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
    site = site_packages(folder) or site_packages(interpreter(folder).parent.parent)
    if read_stamp(folder) is None or site is None:
        raise LauncherError(
            "environment-unfinished",
            t("The environment {name} is not finished.", name=folder.name),
            t("`gesso env list` shows which ones are."),
        )
    known = allowed(folder)
    return tuple(
        Frozen(package.name, package.version, tuple(known.get((package.name, package.version), ())))
        for package in installed_packages(site)
    )


def allowed(folder: Path) -> dict[tuple[str, str], list[str]]:
    """{(name, version): [SHA-256]} of everything that the environment was made from."""
    found: dict[tuple[str, str], list[str]] = {}
    lock = folder / LOCK
    entries = read_requirements(lock.read_text(encoding="utf-8")) if lock.is_file() else {}
    recipe = read_recipe(folder)
    for requirement, hashes in {**entries, **(recipe.family if recipe else {})}.items():
        name, _, version = requirement.partition("==")
        if version:
            found[canonicalize_name(name), version] = hashes
        elif key := _of_wheel(requirement):
            found[key] = hashes
    return found


def needed_files(folders: Iterable[Path], *locks: Path) -> set[str]:
    """The SHA-256 of every file that one of these environments, or one of these locks, may be made from again."""
    found = {digest for folder in folders for hashes in allowed(folder).values() for digest in hashes}
    for lock in filter(Path.is_file, locks):
        entries = read_requirements(lock.read_text(encoding="utf-8"))
        found.update(digest for hashes in entries.values() for digest in hashes)
    return found


def _of_wheel(file: str) -> tuple[str, str] | None:
    try:
        name, version, _, _ = parse_wheel_filename(file)
    except InvalidWheelFilename:
        return None
    return name, str(version)


def as_requirements(frozen: tuple[Frozen, ...]) -> str:
    """A requirement file: what has hashes as pip and uv want it; the rest as remarks, for nobody can vouch for it."""
    known = written({each.requirement: list(each.sha256) for each in frozen if each.sha256})
    foreign = "".join(f"# {each.requirement}\n" for each in frozen if not each.sha256)
    return known + foreign
