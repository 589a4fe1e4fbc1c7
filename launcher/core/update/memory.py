"""What the last update changed, kept in the workspace: the way back, and what a killed one left half done."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Literal

from launcher.core.paths import Workspace
from launcher.core.records import read_typed, write_record

RECORD = "update.json"
#: a change that has begun and not ended
JOURNAL = "update-under-way.json"


@dataclass(frozen=True)
class Moved:
    """One change of version."""

    way: Literal["clone", "archive"]
    version_before: str
    version: str
    #: ISO 8601 in UTC
    when: str
    commit_before: str = ""
    commit: str = ""
    branch: str | None = None
    #: of a copy without git: the folder with what was replaced
    kept: str = ""
    #: and the SHA-256 of the files that the version brought
    files: dict[str, str] = field(default_factory=dict)
    #: all that was replaced was the version's own; else it may be the user's work and is never thrown away
    known: bool = False
    launcher_rebuilt: bool = False
    engine_rebuilt: bool = False

    def turned(self) -> Moved:
        """The same change the other way round."""
        return replace(
            self, version_before=self.version, version=self.version_before, commit_before=self.commit,
            commit=self.commit_before,
        )  # fmt: skip


def recall(workspace: Workspace) -> Moved | None:
    """The last change; None too for what cannot be understood."""
    return read_typed(workspace.state / RECORD, Moved)


def under_way(workspace: Workspace) -> Moved | None:
    """The change that a run which was killed had begun."""
    return read_typed(workspace.state / JOURNAL, Moved)


def begin(workspace: Workspace, moved: Moved) -> None:
    """Files are touched after this, and not before."""
    write_record(workspace.state / JOURNAL, asdict(moved))


def finish(workspace: Workspace, moved: Moved) -> None:
    """The change is whole; it is remembered in place of the one before."""
    write_record(workspace.state / RECORD, asdict(moved))
    give_up(workspace)


def give_up(workspace: Workspace) -> None:
    """Everything is as it was when the change began."""
    (workspace.state / JOURNAL).unlink(missing_ok=True)


def forget(workspace: Workspace) -> None:
    """There is no way back any more."""
    (workspace.state / RECORD).unlink(missing_ok=True)


def files_of(moved: Moved | None, version: str) -> dict[str, str]:
    """The SHA-256 of the files of the copy that is of this `version`; {} where no update brought it."""
    return moved.files if moved and moved.way == "archive" and moved.version == version else {}
