"""Which builds of torch did not pass their proof on this computer, so that they are not taken first the next time, and
which xFormers could not be installed, so that it is not tried again."""

from __future__ import annotations

from launcher.core.paths import Workspace
from launcher.core.pytorch.choice import TorchChoice, pair
from launcher.core.records import read_record, write_record

UNPROVEN = "unproven.json"


def unproven(workspace: Workspace, driver: str | None) -> tuple[str, ...]:
    """Builds ("2.13.0+cu130") and pairs (`choice.pair`) that failed with this driver; with another one each has a new
    chance."""
    record = read_record(workspace.state / UNPROVEN) or {}
    found = record.get(driver or "")
    return tuple(str(build) for build in found) if isinstance(found, list) else ()


def note_unproven(workspace: Workspace, choice: TorchChoice, *, xformers: bool = False) -> None:
    """Keep that it failed; `xformers`: not torch, but what goes with it."""
    record = read_record(workspace.state / UNPROVEN) or {}
    failed = pair(choice) if xformers else choice.build
    others = [each for each in unproven(workspace, choice.driver) if each != failed]
    write_record(workspace.state / UNPROVEN, {**record, choice.driver or "": [*others, failed]})


def forget_unproven(workspace: Workspace, choice: TorchChoice) -> None:
    """It has passed its proof after all."""
    failed = unproven(workspace, choice.driver)
    if choice.build in failed:
        record = read_record(workspace.state / UNPROVEN) or {}
        others = [each for each in failed if each != choice.build]
        write_record(workspace.state / UNPROVEN, {**record, choice.driver or "": others})
