"""The run profile that was chosen on a screen: the next start takes it again."""

from __future__ import annotations

from launcher.core.paths import Workspace
from launcher.core.profiles.run_profiles import known_profiles
from launcher.core.records import read_record, write_record

RECORD = "run-profile.json"


def chosen_profile(workspace: Workspace, otherwise: str) -> str:
    """The name that was kept, where there still is such a profile; else `otherwise`."""
    name = (read_record(workspace.state / RECORD) or {}).get("name")
    known = {each.name for each in known_profiles(workspace.root / "profiles")}
    return name if isinstance(name, str) and name in known else otherwise


def keep_chosen(workspace: Workspace, name: str) -> None:
    """Remember it."""
    write_record(workspace.state / RECORD, {"name": name})
