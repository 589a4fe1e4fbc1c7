"""What the pyproject.toml of a Gesso says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from launcher.core.errors import LauncherError
from launcher.core.facts import read_table
from launcher.core.text import t

FILE = "pyproject.toml"


def read_project(folder: Path) -> dict[str, Any]:
    """Its table `[project]`. LauncherError `bad-facts`."""
    project = read_table(folder / FILE).get("project")
    return project if isinstance(project, dict) else {}


def version_in(folder: Path) -> str:
    """The version of the Gesso in `folder`. LauncherError `bad-facts`, `not-gesso`."""
    project = read_project(folder)
    version = project.get("version")
    if not isinstance(version, str) or not is_version(version) or project.get("name") != "gesso":
        raise LauncherError(
            "not-gesso",
            t("{folder} holds no Gesso: {file} names no version of it.", folder=folder, file=FILE),
            t("Fetch Gesso afresh beside it, and go on with the same workspace by --root."),
        )
    return version


def is_version(word: str) -> bool:
    """As 0.2.0 or v0.2.0."""
    try:
        return bool(Version(word.removeprefix("v")))
    except InvalidVersion:
        return False
