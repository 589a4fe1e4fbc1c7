"""What is installed in an environment, and whether each file still is what its package brought."""

from __future__ import annotations

import base64
import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from packaging.utils import canonicalize_name

from launcher.core.events import Progress
from launcher.core.file_hash import sha256

_SUFFIX = ".dist-info"
#: bytes between two words on how far it is
_EVERY = 64 << 20


@dataclass(frozen=True)
class Package:
    """An installed package."""

    #: normalised: "annotated-doc"
    name: str
    version: str
    #: its dist-info folder
    folder: Path


@dataclass(frozen=True)
class Broken:
    """A file that is not what the package brought."""

    package: str
    #: as its RECORD names it, below site-packages
    file: str
    what: Literal["missing", "changed", "unreadable"]


def site_packages(environment: Path) -> Path | None:
    """The folder that an environment's packages lie in; None: there is none."""
    places = [environment / "Lib" / "site-packages", *sorted(environment.glob("lib/python3*/site-packages"))]
    return next((place for place in places if place.is_dir()), None)


def installed_packages(site: Path) -> tuple[Package, ...]:
    """By name. Nothing is imported, only names of folders are read."""
    found = []
    for folder in site.glob(f"*{_SUFFIX}"):
        name, _, version = folder.name.removesuffix(_SUFFIX).rpartition("-")
        if name:
            found.append(Package(canonicalize_name(name), version, folder))
    return tuple(sorted(found, key=lambda package: package.name))


@dataclass(frozen=True)
class Recorded:
    """A file that a package brought, as its RECORD has it."""

    package: str
    #: below site-packages
    name: str
    #: no Path: there are tens of thousands
    path: str
    #: SHA-256 in the URL-safe base64 of RECORD
    digest: str
    size: int | None


def recorded_files(site: Path) -> Iterator[Recorded | Broken]:
    """What every package recorded; Broken for a RECORD that is missing or cannot be read."""
    place = str(site)
    for package in installed_packages(site):
        record = package.folder / "RECORD"
        if not record.is_file():
            yield Broken(package.name, f"{package.folder.name}/RECORD", "missing")
        elif (entries := _entries(record)) is None:
            yield Broken(package.name, f"{package.folder.name}/RECORD", "unreadable")
        else:
            for file, digest, size in entries:
                yield Recorded(package.name, file, os.path.join(place, file), digest, size)  # noqa: PTH118


def trouble_with(file: Recorded, *, contents: bool = True) -> Literal["missing", "changed", "unreadable"] | None:
    """None: it is what its package brought, without `contents` as far as its size says."""
    return _trouble(file.path, file.digest if contents else None, file.size)


def check_files(site: Path) -> Iterator[Broken | Progress]:
    """Every file against the RECORD of its package (PyPA specification "recording installed packages").

    What a RECORD gives no hash for (compiled files) may be as it likes. A Progress follows every package, so that
    whoever reads may stop.
    """
    done = said = 0
    package = None
    for found in recorded_files(site):
        if isinstance(found, Broken):
            yield found
            continue
        if found.package != package:
            package = found.package
            yield Progress("check", done, None)
        if trouble := trouble_with(found):
            yield Broken(found.package, found.name, trouble)
        done += found.size or 0
        if done - said >= _EVERY:
            said = done
            yield Progress("check", done, None)


def _entries(record: Path) -> list[tuple[str, str, int | None]] | None:
    """The files with a hash; None: it is no list of files, as after a crash that left it empty."""
    try:
        with record.open(encoding="utf-8", errors="replace", newline="") as file:
            rows = [row for row in csv.reader(file) if len(row) == 3]
    except (OSError, csv.Error):
        return None
    return [
        (name, digest.removeprefix("sha256="), int(size) if size.isdecimal() else None)
        for name, digest, size in rows
        if digest.startswith("sha256=")
    ] if rows else None  # fmt: skip


def _trouble(path: str, digest: str | None, size: int | None) -> Literal["missing", "changed", "unreadable"] | None:
    """`digest` None: the size alone is looked at."""
    try:
        there = os.stat(path).st_size  # noqa: PTH116
        if size is not None and there != size:
            return "changed"
    except FileNotFoundError:
        return "missing"
    # the second for what no path can hold
    except (OSError, ValueError):
        return "unreadable"
    if digest is None:
        return None
    found = sha256(Path(path))
    if not found:
        return "unreadable" if os.path.lexists(path) else "missing"
    return None if base64.urlsafe_b64encode(bytes.fromhex(found)).rstrip(b"=").decode() == digest else "changed"
