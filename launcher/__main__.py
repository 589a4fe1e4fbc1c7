"""Starts Gesso: the one place that catches everything, and turns what nobody foresaw into a report to paste."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from launcher.core.paths import Workspace
    from launcher.core.plan.options import Options

FAILED, BUG, INTERRUPTED = 1, 3, 130
#: as in launcher/bootstrap.py
_UPDATE_UNDER_WAY = Path(__file__).resolve().parent.parent / ".launcher-tools" / "update" / "update-under-way.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    _print_anything()
    try:
        if arguments is None and _UPDATE_UNDER_WAY.is_file() and not _update_ended():
            return FAILED
        from launcher.cli import main as command_line

        return command_line(words, _open_interface)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python would complain once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except Exception as bug:  # noqa: BLE001 - the one catch-all
        _report(bug, words)
        return BUG


def _update_ended() -> bool:
    """After an update that was killed this process begins anew: what it has loaded may be of another version."""
    from launcher import bootstrap

    try:
        if bootstrap.end_update():
            bootstrap.become([sys.executable, *sys.orig_argv[1:]])
    except OSError as error:
        bootstrap.say("not-writable", str(error))
        return False
    return True


def _open_interface(workspace: Workspace, language: str, options: Options, first: str | None = None) -> int:
    """Imported only when it opens: no verb pays for Textual."""
    from launcher.tui.app import run

    return run(workspace, language, options, first)


def _print_anything() -> None:
    """A Chinese sentence on a terminal that knows no Chinese shows question marks instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]


def _report(bug: Exception, words: Sequence[str]) -> None:
    """What a maintainer needs, without the user's name and without passwords."""
    import json

    from launcher.core.untrusted import harmless
    from launcher.core.web_address import shown

    trace = "".join(traceback.format_exception(bug))
    home = os.path.expanduser("~")  # noqa: PTH111 - it knows what to do where nobody has a home
    told = [
        "这是 Gesso 的错误。请把以下内容附在问题报告里：",
        "This is a bug in Gesso. Please report it with these lines:",
        "",
        "```",
        " ".join(["gesso", *_told(words)]),
        f"Python {platform.python_version()}, {platform.platform()}",
        shown(trace.replace(home, "~")).rstrip(),
        "```",
    ]
    sys.stderr.write(harmless("\n".join(told)) + "\n")
    if "--json" in words:
        said = shown(f"{type(bug).__name__}: {bug}".replace(home, "~"))
        summary = {"code": "bug", "message": said, "hint": "The report is on standard error."}
        sys.stdout.write(json.dumps({"error": summary}) + "\n")


def _told(words: Sequence[str]) -> Iterator[str]:
    """The verb and the names of the options: a value may be a password, and the report is pasted where all can read."""
    from launcher.core.profiles.flag_words import SECRETS
    from launcher.verbs import VERBS

    for before, word in zip(("", *words), words, strict=False):
        if word in VERBS or (re.match(r"--[a-z]", word) and before not in (*SECRETS, "--auth")):
            yield word.partition("=")[0]


if __name__ == "__main__":
    sys.exit(main())
