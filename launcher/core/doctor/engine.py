"""Checks of the engine's files: each as its package brought it, as far as the time goes; what killed installs left."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from pathlib import Path

from launcher.core.doctor.check import Verdict, listed, unknown, well, wrong
from launcher.core.doctor.ground import Ground
from launcher.core.environments.environments import named, site_of
from launcher.core.environments.freeze import differing
from launcher.core.environments.site_packages import Broken, Recorded, recorded_files, trouble_with
from launcher.core.mends.remove_leftovers import leftovers as left_behind
from launcher.core.pytorch.choice import FAMILY
from launcher.core.text import Text, t

#: seconds for contents, once all sizes are known: other checks want the processor too
_CONTENTS = 0.5
#: bytes: what is larger is left to `gesso env repair --check`
_LARGEST = 8 << 20
_NAMED = 3
_CLOSER = t("gesso env repair --check compares the contents of all of them.")


@dataclass(frozen=True)
class Looked:
    """What was found, and how much was looked at."""

    broken: tuple[Broken, ...]
    #: files whose size was compared
    sizes: int
    #: of them those that were read and hashed
    contents: int
    #: no file was left out for want of time
    whole: bool


def engine(ground: Ground) -> Verdict:
    """Sizes first, because a cut or missing file shows there; then contents, as many as there is time for."""
    folder = named(ground.workspace)
    site = site_of(folder) if folder else None
    if folder is None or site is None:
        return unknown(t("Nothing is installed yet: gesso install"))
    looked = look_at(site, ground.until)
    if looked.broken:
        return _broken(folder.name, looked)
    if not looked.whole:
        text = t(
            "There was time for the sizes of {sizes} files alone, which are right.",
            sizes=looked.sizes,
        )
        return unknown(text, _CLOSER)
    told = t(
        "All {sizes} files have the size that their packages recorded, and {contents} of them, taken at random, the "
        "contents.",
        sizes=looked.sizes,
        contents=looked.contents,
    )
    return well(told, _CLOSER)


def look_at(site: Path, until: float, contents: float = _CONTENTS) -> Looked:
    """Stops at `until` (of time.monotonic), the contents after `contents` seconds. An unreadable RECORD is a broken
    file too.
    """
    broken: list[Broken] = []
    right: list[Recorded] = []
    sizes, whole = 0, True
    for found in recorded_files(site):
        if time.monotonic() > until:
            whole = False
            break
        if isinstance(found, Broken):
            broken.append(found)
            continue
        sizes += 1
        if what := trouble_with(found, contents=False):
            broken.append(Broken(found.package, found.name, what))
        else:
            right.append(found)
    read, changed = _hashed(right, min(until, time.monotonic() + contents))
    return Looked((*broken, *changed), sizes, read, whole)


def _hashed(files: list[Recorded], until: float) -> tuple[int, list[Broken]]:
    """Others each time, so that many short looks see everything in the end."""
    read, changed = 0, []
    small = [file for file in files if file.size is None or file.size <= _LARGEST]
    for file in random.sample(small, len(small)):
        if time.monotonic() > until:
            break
        read += 1
        if what := trouble_with(file):
            changed.append(Broken(file.package, file.name, what))
    return read, changed


def _broken(name: str, looked: Looked) -> Verdict:
    packages = sorted({each.package for each in looked.broken})
    first = "; ".join(f"{each.file}" for each in looked.broken[:_NAMED])
    told = t(
        "Missing or changed of {packages} ({count}): {files}",
        count=len(looked.broken),
        packages=", ".join(packages[:_NAMED]),
        files=first,
    )
    fix = t("Build the same environment again: gesso env repair")
    return wrong(told, fix, "rebuild-environment", environment=name, packages=" ".join(packages))


def packages(ground: Ground) -> Verdict:
    """The versions that it was made with; torch and its family have a check of their own."""
    folder = named(ground.workspace)
    if folder is None or site_of(folder) is None:
        return unknown(t("Nothing is installed yet: gesso install"))
    others = [each for each in differing(folder) if each.name not in FAMILY]
    if not others:
        return well(t("Every package has the version that it was installed with."))
    told = [
        t("{package} is {found}, and was {version}", package=each.name, found=each.found,
          version=", ".join(each.wanted))
        if each.found
        else t("{package} {version} is no longer there", package=each.name, version=", ".join(each.wanted))
        for each in others[:_NAMED]
    ]  # fmt: skip
    if len(others) > _NAMED:
        told.append(t("… and {count} more", count=len(others) - _NAMED))
    fix = t("Put the versions back, in an environment beside it: gesso env repair")
    return wrong(listed(told), fix, "restore-pins", environment=folder.name)


def leftovers(ground: Ground) -> Verdict:
    """pip's "~" folders, environments that were begun and never proven, downloads that nobody goes on with."""
    found = left_behind(ground.workspace)
    if not found:
        return well(t("There are none."))
    names = ", ".join(str(each.relative_to(ground.workspace.root)) for each in found[:_NAMED])
    told: Text = t("Left behind by installs that were cut off ({count}): {names}", count=len(found),
                   names=names)  # fmt: skip
    return wrong(told, t("They can be cleared away; nothing uses them."), "remove-leftovers", folder=found[0].parent)
