"""The command line without a screen: finds workspace and language, lets the verb do it, answers with its exit code."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence

from launcher import verb, verbs
from launcher.arguments import read_arguments, read_globals, short_help
from launcher.core.errors import LauncherError
from launcher.core.paths import Workspace, find_workspace
from launcher.core.plan.plan import Options
from launcher.language import choose_language, read_saved_language, translator
from launcher.printing import Printer
from launcher.verb import DONE, FAILED, INTERRUPTED, USAGE, Call, UsageError

#: opens the interface with the options given; the exit code
Interface = Callable[[Workspace, str, Options], int]


def main(words: Sequence[str], interface: Interface) -> int:
    """Do what `words` say, or open the `interface`; the exit code."""
    first = read_globals(words)
    # Until the workspace is found, its saved language is not known.
    printer = _printer(first, _language(first))
    try:
        workspace = find_workspace(getattr(first, "root", None), os.environ)
        language = _language(first, read_saved_language(workspace.config_file))
        printer = _printer(first, language)
        arguments = read_arguments(list(words), translator(language))
        return _dispatch(Call(arguments, workspace, language, printer, translator(language)), interface)
    except UsageError as error:
        printer.error(error)
        return USAGE
    except LauncherError as error:
        printer.error(error)
        return INTERRUPTED if error.code == "interrupted" else FAILED


def _language(first: Namespace, saved: str | None = None) -> str:
    return choose_language(getattr(first, "lang", None), os.environ, saved)


def _printer(first: Namespace, language: str) -> Printer:
    json_lines, quiet = getattr(first, "json", False), getattr(first, "quiet", False)
    return Printer(translator(language), json_lines=json_lines, quiet=quiet)


def _dispatch(call: Call, interface: Interface) -> int:
    arguments = call.arguments
    if arguments.version:
        call.printer.result(_version())
        return DONE
    if arguments.verb is None or (arguments.from_install and call.asks):
        if verb.at_terminal():
            return interface(call.workspace, call.language, arguments.options)
        sys.stderr.write(short_help(call.translate) + "\n")
        return USAGE
    return verbs.find_verb(arguments.verb).done(call)


def _version() -> str:
    # Slow to import, and asked for seldom.
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"gesso {version('gesso')}"
    except PackageNotFoundError:
        return "gesso (not installed as a package)"
