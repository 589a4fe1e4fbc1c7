"""The one thing written outside the workspace, and only when asked: a mirror in the user's git configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from launcher.core.errors import LauncherError
from launcher.core.network.mirror_told import GITHUB
from launcher.core.paths import Workspace, checkout
from launcher.core.process import Exit, Output, run
from launcher.core.records import read_record, write_record
from launcher.core.text import t

#: what Gesso has written there, so that it takes back its own rule and nobody else's
FILE = "git-mirror.json"


def tell_git(workspace: Workspace, base: str, environ: Mapping[str, str]) -> None:
    """From now on git takes `base` in the place of https://github.com/, for this user, in every program.

    A rule that Gesso wrote before is replaced. LauncherError `no-git`, `git-failed`, `no-permission`.
    """
    take_back(workspace, environ)
    _remember(workspace, base)
    code, said = _git(["--add", f"url.{base}.insteadOf", GITHUB], environ)
    if code:
        raise _failed(said)


def take_back(workspace: Workspace, environ: Mapping[str, str]) -> str | None:
    """Remove Gesso's own rule; what it was, or None if there was none. LauncherError as `tell_git`."""
    base = (read_record(workspace.state / FILE) or {}).get("base")
    if not isinstance(base, str):
        return None
    # git takes the value as a regular expression. 5: there is no such rule any more, somebody else removed it.
    code, said = _git(["--unset-all", f"url.{base}.insteadOf", f"^{re.escape(GITHUB)}$"], environ)
    if code not in (0, 5):
        raise _failed(said)
    _remember(workspace, None)
    return base


def _remember(workspace: Workspace, base: str | None) -> None:
    file = workspace.state / FILE
    try:
        if base is None:
            file.unlink(missing_ok=True)
        else:
            write_record(file, {"base": base})
    except OSError as error:
        raise LauncherError(
            "no-permission",
            t("The file {file} cannot be written: {why}.", file=file, why=error.strerror or error),
            t("Choose a folder of your own with --root."),
        ) from error


def _git(arguments: Sequence[str], environ: Mapping[str, str]) -> tuple[int, str]:
    """Exit code and what it complained of."""
    said: list[str] = []
    try:
        for event in run(["git", "config", "--global", *arguments], environment=environ, cwd=checkout()):
            if isinstance(event, Exit):
                return event.code, " / ".join(said)
            if isinstance(event, Output) and event.channel == "err":
                said.append(event.text)
    except LauncherError as error:
        raise LauncherError(
            "no-git", t("git could not be started."), t("Install git, or leave --for-git out.")
        ) from error
    return 0, ""


def _failed(said: str) -> LauncherError:
    return LauncherError(
        "git-failed",
        t("git did not take the setting: {why}", why=said),
        t("`git config --global --list --show-origin` shows what stands there, and in which file."),
    )
