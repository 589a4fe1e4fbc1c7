"""What the last update changed, kept in the checkout: the way back, and what a killed one left half done."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

from launcher.core.records import read_typed, replace_file, write_record
from launcher.core.update.unfinished import FOLDER, JOURNAL, RECORD


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
    #: of a clone: the words with which git is called
    git: tuple[str, ...] = ()
    #: of a copy without git: the name of the folder with what was replaced
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


def recall(root: Path) -> Moved | None:
    """The last change; None too for what cannot be understood."""
    return read_typed(root / FOLDER / RECORD, Moved)


def under_way(root: Path) -> Moved | None:
    """The change that a run which was killed had begun."""
    return read_typed(root / FOLDER / JOURNAL, Moved)


def begin(root: Path, moved: Moved) -> None:
    """Files are touched after this, and not before. LauncherError `disk-full`, `no-permission`."""
    write_record(root / FOLDER / JOURNAL, asdict(moved))


def finish(root: Path) -> None:
    """The change that was begun is whole; it is remembered in place of the one before."""
    replace_file(root / FOLDER / JOURNAL, root / FOLDER / RECORD)


def files_of(moved: Moved | None, version: str) -> dict[str, str]:
    """The SHA-256 of the files of the copy that is of this `version`; {} where no update brought it."""
    return moved.files if moved and moved.way == "archive" and moved.version == version else {}
