"""A folder with everything that a computer without a network needs: what it is, whether it is whole, how it is used."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.events import Notice, Progress
from launcher.core.hardware.machine import Machine
from launcher.core.install.lock import install_lock
from launcher.core.pack.contents import read_through, told, written
from launcher.core.paths import Workspace
from launcher.core.plan.plan import Plan
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


def check_fits(pack: Pack, machine: Machine, engine_lock_sha256: str | None, plan: Plan) -> None:
    """LauncherError `pack-unfit` where it was made for another kind of computer or another Gesso, or holds another
    PyTorch than `plan` needs, which was made from the pack alone.
    """
    if (pack.os, pack.arch) != (machine.os, machine.arch):
        made, here = f"{pack.os}-{pack.arch}", f"{machine.os}-{machine.arch}"
        why = t("it was made for {made}, and this is {here}", made=made, here=here)
    elif pack.format != FORMAT or pack.engine_lock_sha256 != engine_lock_sha256:
        why = t("it was made by another version of Gesso")
    elif plan.torch.slug == "torch-not-in-sources":
        why = t(
            "it holds PyTorch {packed} for Python {its}, and this computer needs PyTorch {torch} for Python {python}",
            packed=pack.torch,
            its=pack.python,
            # none was chosen: the reason names the one that was looked for
            torch=dict(plan.torch.reason.values).get("build", plan.torch.version),
            python=plan.python,
        )
    else:
        return
    raise LauncherError(
        "pack-unfit",
        t("The pack cannot be used here: {why}.", why=why),
        t("Make it anew on a computer like this one, and start the install.sh inside it."),
    )


def verify(folder: Path, cancel: threading.Event | None = None) -> Iterator[Progress]:
    """Every file against SHA256SUMS; Progress in bytes. LauncherError `pack-damaged` names the first that differs."""
    entries = read_sums(folder)
    total, done = sum(_size(folder / name) for name in entries), 0
    for name, digest in entries.items():
        try:
            found = yield from told(read_through(folder / name, cancel), done, total)
        except OSError as error:
            raise _damaged(name) from error
        if found != digest:
            raise _damaged(name)
        done += _size(folder / name)


def read_sums(folder: Path) -> dict[str, str]:
    """{path below the pack: SHA-256}. LauncherError `pack-damaged` for what is no such list, or leads out of it."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise _damaged(SUMS) from error
    found = {}
    for line in lines:
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name or Path(name).is_absolute() or ".." in Path(name).parts:
            raise _damaged(SUMS)
        found[name] = digest
    return found


def write_sums(
    folder: Path, names: Collection[str], known: Mapping[str, str], cancel: threading.Event | None = None
) -> Iterator[Progress]:
    """The list of the files `names`, written last: a pack without one is unfinished. `known`: what a file was when it
    was copied, whatever the disk has made of it."""
    unread = sorted(set(names) - set(known))
    total, done = sum(_size(folder / name) for name in unread), 0
    digests = {name: known[name] for name in names if name in known}
    for name in unread:
        digests[name] = yield from told(read_through(folder / name, cancel), done, total)
        done += _size(folder / name)
    lines = (f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    _write(folder / SUMS, "".join(lines))


def write_description(folder: Path, pack: Pack) -> None:
    """OSError."""
    _write(folder / DESCRIPTION, json.dumps(asdict(pack), indent=1) + "\n")
    _write(folder / PYTHON, pack.python + "\n")


def _write(file: Path, text: str) -> None:
    with written(file) as opened:
        opened.write(text.encode())


def closed_to_the_network(folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` for an install from the pack alone: no index, no mirror, no proxy, no Python from elsewhere."""
    kept = {name: value for name, value in environ.items() if not name.startswith(("PIP_", "UV_"))}
    caches = {name: environ[name] for name in ("UV_CACHE_DIR", "PIP_CACHE_DIR") if environ.get(name)}
    # As an address: pip parts the value at its spaces.
    wheels = (folder / WHEELS).absolute().as_uri()
    closed = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels}
    return {**kept, **caches, **closed, "UV_PYTHON_DOWNLOADS": "never", "UV_OFFLINE": "1"}


def bring_models(
    folder: Path, workspace: Workspace, cancel: threading.Event | None = None
) -> Iterator[Progress | Notice]:
    """Copy the pack's models to where the engine looks; what lies there already is left as it is.

    LauncherError `model-not-copied`, `pack-damaged`, `install-running`.
    """
    listed = {name: digest for name, digest in read_sums(folder).items() if Path(name).parts[0] == MODELS}
    missing = [name for name in listed if not os.path.lexists(_place(workspace, name))]
    if not missing:
        return
    total, done = sum(_size(folder / name) for name in missing), 0
    with install_lock(workspace):
        for name in missing:
            target = _place(workspace, name)
            # No name that anybody else gives a file, and no model's: what a kill leaves is written over.
            beside = target.with_name(".gesso-from-pack")
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                with written(target, beside) as file:
                    digest = yield from told(read_through(folder / name, cancel, file), done, total)
                    if digest != listed[name]:
                        raise _damaged(name)
            except OSError as error:
                raise _not_copied(target.name, error) from error
            done += _size(target)
            yield Notice("model-brought", "info", t("The model {file} was brought by the pack.", file=target.name))


def _place(workspace: Workspace, name: str) -> Path:
    return workspace.models / Path(*Path(name).parts[1:])


def _not_copied(name: str, error: OSError) -> LauncherError:
    return LauncherError(
        "model-not-copied",
        t("The model {file} could not be copied: {why}.", file=name, why=error.strerror or error),
        t("Free some space, or choose a folder on another disk with --root. Then run the same command again."),
    )


def _damaged(name: str) -> LauncherError:
    return LauncherError(
        "pack-damaged",
        t("The pack is damaged: {file} is missing or not what was packed.", file=name),
        t("Copy the pack again, or make it anew."),
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _missing(folder: Path) -> LauncherError:
    hint: Text = t("`gesso env freeze --pack DIR` makes one; give that folder to --from.")
    return LauncherError("pack-missing", t("In {folder} there is no finished pack.", folder=folder), hint)
