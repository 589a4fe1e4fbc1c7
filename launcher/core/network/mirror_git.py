"""The one thing written outside the workspace, and only when asked: a mirror in the user's git configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from launcher.core.errors import LauncherError, writing
from launcher.core.git_calls import Answer, Git, environment
from launcher.core.network.mirror_told import GITHUB
from launcher.core.paths import Workspace, checkout
from launcher.core.records import read_record, write_record
from launcher.core.text import t
from launcher.core.web_address import is_secret, shown

#: what Gesso has written there, so that it takes back its own rule and nobody else's
FILE = "git-mirror.json"
#: the value, as the regular expression for which git takes it
_SAME = f"^{re.escape(GITHUB)}$"


def tell_git(workspace: Workspace, base: str, environ: Mapping[str, str]) -> None:
    """From now on git takes `base` in the place of https://github.com/, for this user, in every program.

    A rule that Gesso wrote before is replaced; one of the user's that says the same is left alone, and stays his.
    LauncherError `secret-address`, `no-git`, `git-failed`, `no-permission`.
    """
    if is_secret(base):
        raise LauncherError(
            "secret-address",
            t("{address} holds a name and password, which every program could read there.", address=shown(base)),
            t("Leave --for-git out: Gesso itself asks this mirror all the same."),
        )
    take_back(workspace, environ)
    if _rules(base, environ):
        return
    _changed(["--add", _key(base), GITHUB], environ)
    try:
        _remember(workspace, base)
    except LauncherError:
        _changed(["--unset-all", _key(base), _SAME], environ)
        raise


def written(workspace: Workspace) -> str | None:
    """What Gesso has put in the place of https://github.com/ there; None: nothing."""
    base = (read_record(workspace.state / FILE) or {}).get("base")
    return base if isinstance(base, str) else None


def take_back(workspace: Workspace, environ: Mapping[str, str]) -> str | None:
    """Remove Gesso's own rule; what it was, or None if there was none. LauncherError as `tell_git`."""
    base = written(workspace)
    if base is None:
        return None
    # Of several that say the same one is the user's own.
    if _rules(base, environ) > 1:
        _changed(["--replace-all", _key(base), GITHUB, _SAME], environ)
    else:
        # 5: there is no such rule any more, somebody else removed it.
        _changed(["--unset-all", _key(base), _SAME], environ, 5)
    _remember(workspace, None)
    return base


def _key(base: str) -> str:
    return f"url.{base}.insteadOf"


def _rules(base: str, environ: Mapping[str, str]) -> int:
    """How often the user's configuration says it."""
    return _git(["--get-all", _key(base)], environ).out.count(GITHUB)


def _changed(arguments: Sequence[str], environ: Mapping[str, str], *fine: int) -> None:
    answer = _git(arguments, environ)
    if answer.code not in (0, *fine):
        raise _failed(" / ".join(answer.err))


def _remember(workspace: Workspace, base: str | None) -> None:
    file = workspace.state / FILE
    if base is None:
        with writing(file):
            file.unlink(missing_ok=True)
    else:
        write_record(file, {"base": base})


def _git(arguments: Sequence[str], environ: Mapping[str, str]) -> Answer:
    try:
        return Git("git", checkout(), environment(environ)).call("config", "--global", *arguments)
    except LauncherError as error:
        raise LauncherError(
            "no-git", t("git could not be started."), t("Install git, or leave --for-git out.")
        ) from error


def _failed(said: str) -> LauncherError:
    return LauncherError(
        "git-failed",
        t("git did not take the setting: {why}", why=said),
        t("`git config --global --list --show-origin` shows what stands there, and in which file."),
    )
