"""A folder with everything that a computer without a network needs: what it is, whether it is whole, how it is used."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.events import Notice, Progress
from launcher.core.file_hash import sha256
from launcher.core.hardware.machine import Machine
from launcher.core.paths import Workspace
from launcher.core.records import read_typed
from launcher.core.text import Text, t

FORMAT = 1
#: install.sh and launcher/bootstrap.py read these too: {DESCRIPTION} as JSON, {PYTHON} as one line, {SUMS} as sha256sum
DESCRIPTION, PYTHON, SUMS = "pack.json", "python.txt", "SHA256SUMS"
#: begins a pack, and lists the names that were made in it
MARK = ".gesso-pack"
WHEELS, MODELS, INTERPRETERS, GESSO = "wheels", "models", "python", "gesso"


@dataclass(frozen=True)
class Pack:
    """What pack.json says."""

    format: int
    os: str | None
    arch: str | None
    #: "3.11"
    python: str
    #: as the installed package gives it
    torch: str
    engine_lock_sha256: str
    launcher_lock_sha256: str
    #: a Python lies in it
    has_python: bool
    #: ISO 8601 in UTC
    made_at: str


def read_pack(folder: Path) -> Pack:
    """LauncherError `pack-missing` where there is none that was finished."""
    pack = read_typed(folder / DESCRIPTION, Pack)
    if pack is None or not (folder / SUMS).is_file():
        raise _missing(folder)
    return pack


def check_fits(pack: Pack, machine: Machine, engine_lock_sha256: str | None) -> None:
    """LauncherError `pack-unfit` where it was made for another kind of computer or another Gesso."""
    if (pack.os, pack.arch) != (machine.os, machine.arch):
        made, here = f"{pack.os}-{pack.arch}", f"{machine.os}-{machine.arch}"
        why = t("it was made for {made}, and this is {here}", made=made, here=here)
    elif pack.format != FORMAT or pack.engine_lock_sha256 != engine_lock_sha256:
        why = t("it was made by another version of Gesso")
    else:
        return
    raise LauncherError(
        "pack-unfit",
        t("The pack cannot be used here: {why}.", why=why),
        t("Make it anew on a computer like this one, and start the install.sh inside it."),
    )


def verify(folder: Path) -> Iterator[Progress]:
    """Every file against SHA256SUMS; Progress in bytes. LauncherError `pack-damaged` names the first that differs."""
    entries = read_sums(folder)
    sizes = {name: _size(folder / name) for name in entries}
    done = 0
    for name, digest in entries.items():
        if sha256(folder / name) != digest:
            raise LauncherError(
                "pack-damaged",
                t("The pack is damaged: {file} is missing or not what was packed.", file=name),
                t("Copy the pack again, or make it anew."),
            )
        done += sizes[name]
        yield Progress("pack", done, sum(sizes.values()))


def read_sums(folder: Path) -> dict[str, str]:
    """{path below the pack: SHA-256}. LauncherError `pack-damaged` for lines that lead out of it."""
    found = {}
    for line in (folder / SUMS).read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name or Path(name).is_absolute() or ".." in Path(name).parts:
            raise LauncherError(
                "pack-damaged",
                t("The pack is damaged: {file} is missing or not what was packed.", file=SUMS),
                t("Copy the pack again, or make it anew."),
            )
        found[name] = digest
    return found


def write_sums(folder: Path) -> Iterator[Progress]:
    """The list of all files, written last: a pack without one is unfinished."""
    (folder / SUMS).unlink(missing_ok=True)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MARK)
    total, done, lines = sum(_size(path) for path in files), 0, []
    for path in files:
        lines.append(f"{sha256(path)}  {path.relative_to(folder).as_posix()}\n")
        done += _size(path)
        yield Progress("pack", done, total)
    beside = folder / f"{SUMS}.part"
    beside.write_text("".join(lines), encoding="utf-8", newline="\n")
    beside.replace(folder / SUMS)


def write_description(folder: Path, pack: Pack) -> None:
    (folder / DESCRIPTION).write_text(json.dumps(asdict(pack), indent=1) + "\n", encoding="utf-8")
    (folder / PYTHON).write_text(pack.python + "\n", encoding="ascii", newline="\n")


def closed_to_the_network(folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` for an install from the pack alone: no index, no mirror, no proxy, no Python from elsewhere."""
    kept = {name: value for name, value in environ.items() if not name.startswith(("PIP_", "UV_"))}
    caches = {name: environ[name] for name in ("UV_CACHE_DIR", "PIP_CACHE_DIR") if environ.get(name)}
    # As an address: pip parts the value at its spaces.
    wheels = (folder / WHEELS).absolute().as_uri()
    closed = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels}
    return {**kept, **caches, **closed, "UV_PYTHON_DOWNLOADS": "never", "UV_OFFLINE": "1"}


def bring_models(folder: Path, workspace: Workspace) -> Iterator[Progress | Notice]:
    """Copy the pack's models to where the engine looks; what lies there already is left as it is."""
    source = folder / MODELS
    for path in sorted(each for each in source.rglob("*") if each.is_file()) if source.is_dir() else ():
        target = workspace.models / path.relative_to(source)
        if target.exists():
            continue
        beside = target.with_name(target.name + ".part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, beside)
            beside.replace(target)
        except OSError as error:
            raise LauncherError(
                "model-not-copied",
                t("The model {file} could not be copied: {why}.", file=path.name, why=error.strerror or error),
                t("Free some space, or choose a folder on another disk with --root. Then run the same command again."),
            ) from error
        yield Notice("model-brought", "info", t("The model {file} was brought by the pack.", file=path.name))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _missing(folder: Path) -> LauncherError:
    hint: Text = t("`gesso env freeze --pack DIR` makes one; give that folder to --from.")
    return LauncherError("pack-missing", t("In {folder} there is no finished pack.", folder=folder), hint)
