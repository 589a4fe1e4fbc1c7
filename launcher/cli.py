"""The command line without a screen: finds workspace and language, lets the verb do it, answers with its exit code."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path

from launcher import terminal, verb, verbs
from launcher.arguments import read_arguments, read_globals, short_help
from launcher.core.errors import LauncherError
from launcher.core.mends.remembered_git import put_git_on_path
from launcher.core.paths import find_workspace
from launcher.language import choose_language, read_saved_language, translator
from launcher.printing import Printer
from launcher.verb import DONE, FAILED, INTERRUPTED, USAGE, Call, UsageError

#: opens the interface with the options given, at the screen named, else home; the exit code
Interface = Callable[..., int]


def main(words: Sequence[str], interface: Interface) -> int:
    """Do what `words` say, or open the `interface`; the exit code."""
    first = read_globals(words)
    # Until the workspace is found, its saved language is not known.
    printer = _printer(first, _language(first))
    try:
        workspace = find_workspace(getattr(first, "root", None), os.environ)
        put_git_on_path(workspace, os.environ)
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
    wishes_lines = bool(getattr(arguments.words, "plain", False)) or not terminal.draws()
    if arguments.options.pack:
        _check_pack(arguments.options.pack)
    if arguments.verb is None or (arguments.from_install and call.asks):
        if not verb.at_terminal():
            sys.stderr.write(short_help(call.translate) + "\n")
            return USAGE
        if not wishes_lines:
            return interface(call.workspace, call.language, arguments.options)
        return _in_lines(call)
    if arguments.verb == "setup" and call.asks and not wishes_lines:
        return interface(call.workspace, call.language, arguments.options, "setup")
    return verbs.find_verb(arguments.verb).done(call)


def _in_lines(call: Call) -> int:
    """In a terminal that draws nothing: the guided install while it is not done, then what the verbs are."""
    from launcher.core.setup.course import due

    if due(call.workspace):
        return verbs.find_verb("setup").done(call)
    sys.stderr.write(short_help(call.translate) + "\n")
    return USAGE


def _check_pack(folder: Path) -> None:
    """Before anything is looked at, and before a screen covers what is said. LauncherError `pack-missing`."""
    from launcher.core.pack.manifest import read_pack

    read_pack(folder)


def _version() -> str:
    # Slow to import, and asked for seldom.
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"gesso {version('gesso')}"
    except PackageNotFoundError:
        return "gesso (not installed as a package)"
