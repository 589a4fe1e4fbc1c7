"""What the last update changed, kept in the workspace: the way back, and what a killed one left half done."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from launcher.core.paths import Workspace
from launcher.core.records import read_record, write_record

RECORD = "update.json"


@dataclass(frozen=True)
class Moved:
    """One change of version."""

    way: Literal["clone", "archive"]
    version_before: str
    version: str
    #: ISO 8601 in UTC
    when: str
    phase: Literal["moving", "done"] = "done"
    commit_before: str = ""
    commit: str = ""
    branch: str | None = None
    #: of a copy without git: the folder with what was replaced
    kept: str = ""
    #: and the SHA-256 of the files that the version brought
    files: dict[str, str] = field(default_factory=dict)
    launcher_rebuilt: bool = False
    engine_rebuilt: bool = False

    def turned(self) -> Moved:
        """The same change the other way round."""
        return replace(
            self, version_before=self.version, version=self.version_before, commit_before=self.commit,
            commit=self.commit_before,
        )  # fmt: skip


def recall(workspace: Workspace, phase: str = "done") -> Moved | None:
    """The last change, if it is in this phase; None too for what cannot be understood."""
    record = read_record(workspace.state / RECORD)
    if record is None:
        return None
    known: dict[str, Any] = {each.name: record[each.name] for each in fields(Moved) if each.name in record}
    try:
        moved = Moved(**known)
    except TypeError:
        return None
    return moved if moved.phase == phase and _sound(moved) else None


def remember(workspace: Workspace, moved: Moved) -> None:
    """In place of the change before."""
    write_record(workspace.state / RECORD, asdict(moved))


def forget(workspace: Workspace) -> None:
    """There is no way back any more."""
    (workspace.state / RECORD).unlink(missing_ok=True)


def _sound(moved: Moved) -> bool:
    texts = (moved.version_before, moved.version, moved.when, moved.commit_before, moved.commit, moved.kept,
             moved.branch or "")  # fmt: skip
    return moved.way in ("clone", "archive") and all(isinstance(text, str) for text in texts) and isinstance(
        moved.files, dict)  # fmt: skip
