"""git that is installed and not on the path: where it was found, and how a start puts it there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

from launcher.core.paths import Workspace
from launcher.core.records import read_typed

FILE = "git.json"


@dataclass(frozen=True)
class RememberedGit:
    """`program` is a git that works; `before_others`: one on the path does not."""

    program: str
    before_others: bool = False


def remembered_git(workspace: Workspace) -> RememberedGit | None:
    """What is kept; None: nothing."""
    return read_typed(workspace.state / FILE, RememberedGit)


def put_git_on_path(workspace: Workspace, environ: MutableMapping[str, str]) -> None:
    """For this run and all that it starts; nothing where git is found without it, or is no longer there."""
    kept = remembered_git(workspace)
    if kept is not None and Path(kept.program).is_file():
        environ["PATH"] = path_with(kept, environ)


def path_with(kept: RememberedGit, environ: Mapping[str, str]) -> str:
    """The variable PATH with the folder of that git: at the end, so that it hides nothing, unless it has to."""
    before = environ.get("PATH", "")
    folder = str(Path(kept.program).parent)
    if folder in before.split(os.pathsep) or (not kept.before_others and shutil.which("git", path=before)):
        return before
    return os.pathsep.join(filter(None, (folder, before) if kept.before_others else (before, folder)))
