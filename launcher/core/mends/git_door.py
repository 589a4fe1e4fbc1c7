"""git for the mends: with the user's own settings and his trust in folders, which are what is mended."""

from __future__ import annotations

from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.git_calls import Answer, Git, environment
from launcher.core.mends.mend import Here
from launcher.core.paths import checkout
from launcher.core.text import t

#: seconds for a question to git
_PATIENCE = 20.0


def ask_git(here: Here, *words: str, folder: Path | None = None) -> Answer:
    """How `git WORDS` ends in `folder`. LauncherError `no-git`; code 124 where it takes too long."""
    git = Git("git", folder or checkout(), environment(here.environ), trusted=False)
    try:
        return git.call(*words, seconds=_PATIENCE)
    except LauncherError as error:
        hint = t("Install git; if it is installed, `gesso doctor --fix` finds it.")
        raise LauncherError("no-git", t("git could not be started."), hint) from error


def refused(answer: Answer) -> LauncherError:
    """git did not take a setting."""
    return LauncherError(
        "git-failed",
        t("git did not take the setting: {why}", why=answer.said),
        t("`git config --global --list --show-origin` shows what stands there, and in which file."),
    )
