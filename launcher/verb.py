"""What a verb of the command line is: the words it takes, what it does, and what it is given to do it with."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from launcher.core.errors import LauncherError
from launcher.core.events import Event
from launcher.core.paths import Workspace, written_path
from launcher.core.plan.options import Options
from launcher.core.text import Text, t
from launcher.printing import Printer

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
Translate = Callable[[str], str]
T = TypeVar("T")


@dataclass(frozen=True)
class Arguments:
    """`verb` None: the interface, or the short help where there is no terminal."""

    verb: str | None
    options: Options
    #: the second word of a verb that has actions
    action: str | None = None
    root: str | None = None
    lang: str | None = None
    json: bool = False
    quiet: bool = False
    version: bool = False
    yes: bool = False
    simulate: Path | None = None
    from_install: bool = False
    #: everything that was given, by its argparse name, for a verb's own words
    words: argparse.Namespace = field(default_factory=argparse.Namespace)


class UsageError(LauncherError):
    """The command line cannot be understood; exit code 2."""

    def __init__(self, message: Text, hint: Text | None = None) -> None:
        super().__init__(
            "usage", message, hint or t("`gesso --help` shows the verbs, `gesso up --help` one's options.")
        )


class Words:
    """Where a verb adds the words it takes; the help is said in the reader's language."""

    def __init__(self, parser: argparse.ArgumentParser, translate: Translate) -> None:
        self._parser, self._translate = parser, translate

    def add(self, name: str, does: Text, **more: object) -> None:
        """As argparse's `add_argument`; `name` without dashes is an operand."""
        self._parser.add_argument(name, help=does.render(self._translate), **more)  # type: ignore[arg-type]

    def yes(self) -> None:
        """For what asks before it acts."""
        self.add("--yes", t("ask nothing"), action="store_true")

    def simulate(self) -> None:
        """For what looks at the computer."""
        self.add(
            "--simulate", t("pretend to be the computer in this TOML or JSON file"), type=written_path, metavar="FILE"
        )


@dataclass(frozen=True)
class Call:
    """One call of the command line; a verb's own words are in `arguments.words`."""

    arguments: Arguments
    workspace: Workspace
    language: str
    printer: Printer
    translate: Translate

    @property
    def asks(self) -> bool:
        """May a question be asked?"""
        return not self.arguments.yes and not self.arguments.json and at_terminal()

    def agrees(self, question: Text) -> bool:
        """Asks; Enter means yes, the end of the input no. Without somebody to ask, the answer is yes."""
        if not self.asks:
            return True
        sys.stderr.write(self.printer.text(question) + " [Y/n] ")
        sys.stderr.flush()
        answer = sys.stdin.readline()
        return bool(answer) and answer.strip().lower() in ("", "y", "yes", "是")

    def declined(self) -> int:
        """The answer was no: said, and the exit code."""
        self.printer.aside(t("Nothing was done."), always=True)
        return FAILED

    def through(self, work: Generator[Event, None, T]) -> T:
        """Shows what happens on the way, and gives the result; with --json the answer alone is printed."""
        while True:
            try:
                event = next(work)
            except StopIteration as end:
                value: T = end.value
                return value
            if not self.printer.json:
                self.printer.event(event)


def _no_words(_: Words) -> None:
    """A verb that takes none of its own."""


@dataclass(frozen=True)
class Action:
    """The second word of a verb, as `list` in `gesso models list`: does it, and answers with the exit code."""

    does: Text
    run: Callable[[Call], int]
    add: Callable[[Words], None] = _no_words


@dataclass(frozen=True)
class Verb:
    """Either `run`, or `actions` by their names."""

    run: Callable[[Call], int] | None = None
    add: Callable[[Words], None] = _no_words
    actions: Mapping[str, Action] = field(default_factory=dict)
    #: takes flags for the runtime after two dashes
    serves: bool = False

    def done(self, call: Call) -> int:
        """Does what the words say; the exit code."""
        doing = self.actions[call.arguments.action].run if call.arguments.action else self.run
        return doing(call) if doing else USAGE


def at_terminal() -> bool:
    """Is there a person on both ends?"""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
