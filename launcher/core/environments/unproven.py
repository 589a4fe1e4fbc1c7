"""Which builds of torch did not pass their proof on this computer, so that they are not taken first the next time."""

from __future__ import annotations

from launcher.core.paths import Workspace
from launcher.core.pytorch.choice import TorchChoice
from launcher.core.records import read_record, write_record

UNPROVEN = "unproven.json"


def unproven(workspace: Workspace, driver: str | None) -> tuple[str, ...]:
    """Builds ("2.13.0+cu130") that failed with this driver; with another one each has a new chance."""
    record = read_record(workspace.state / UNPROVEN) or {}
    found = record.get(driver or "")
    return tuple(str(build) for build in found) if isinstance(found, list) else ()


def note_unproven(workspace: Workspace, choice: TorchChoice) -> None:
    """Keep that it failed."""
    record = read_record(workspace.state / UNPROVEN) or {}
    builds = [build for build in unproven(workspace, choice.driver) if build != choice.build]
    write_record(workspace.state / UNPROVEN, {**record, choice.driver or "": [*builds, choice.build]})
