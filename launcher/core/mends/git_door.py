"""git for the mends: called as the user would call it, his settings and all, but never asking anybody anything."""

from __future__ import annotations

import threading
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.mends.mend import Here
from launcher.core.paths import checkout
from launcher.core.process import CancelledError, Exit, Output, run
from launcher.core.text import t
from launcher.core.update.git_calls import Answer, environment

#: seconds for a question to git
_PATIENCE = 20.0


def ask_git(here: Here, *words: str, folder: Path | None = None) -> Answer:
    """How `git WORDS` ends in `folder`. LauncherError `no-git`; code 124 where it takes too long."""
    cancel = threading.Event()
    timer = threading.Timer(_PATIENCE, cancel.set)
    timer.daemon = True
    timer.start()
    lines: dict[str, list[str]] = {"out": [], "err": []}
    code = 124
    try:
        child = run(["git", *words], environment=environment(here.environ), cwd=folder or checkout(), cancel=cancel)
        for event in child:
            if isinstance(event, Output):
                lines[event.channel].append(event.text)
            elif isinstance(event, Exit):
                code = event.code
    except CancelledError:
        pass
    except LauncherError as error:
        hint = t("Install git; if it is installed, `gesso doctor --fix` finds it.")
        raise LauncherError("no-git", t("git could not be started."), hint) from error
    finally:
        timer.cancel()
    return Answer(code, tuple(lines["out"]), tuple(lines["err"]))


def refused(answer: Answer) -> LauncherError:
    """git did not take a setting."""
    return LauncherError(
        "git-failed",
        t("git did not take the setting: {why}", why=answer.said),
        t("`git config --global --list --show-origin` shows what stands there, and in which file."),
    )
