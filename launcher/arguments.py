"""The command line, understood: which verb, with which options; nothing is done here."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from launcher.core.errors import LauncherError
from launcher.core.plan import Options
from launcher.core.text import Text, t

Translate = Callable[[str], str]

#: verb -> what it does; the order is the help's
VERBS: dict[str, Text] = {
    "up": t("install what is missing, start, print the address; stays until stopped"),
    "plan": t("what `up` would do, and why; changes nothing"),
    "install": t("install what is missing"),
    "launch": t("start what is installed"),
    "status": t("what runs, and where"),
    "stop": t("end what runs"),
    "hardware": t("this computer"),
}
_CHOOSES = ("up", "plan", "install", "launch")
_SERVES = ("up", "plan", "launch")


@dataclass(frozen=True)
class Arguments:
    """`verb` None: the interface, or the short help where there is no terminal."""

    verb: str | None
    options: Options
    root: str | None = None
    lang: str | None = None
    json: bool = False
    quiet: bool = False
    version: bool = False
    yes: bool = False
    simulate: Path | None = None
    from_install: bool = False


class UsageError(LauncherError):
    """The command line cannot be understood; exit code 2."""

    def __init__(self, message: Text, hint: Text | None = None) -> None:
        super().__init__(
            "usage", message, hint or t("`gesso --help` shows the verbs, `gesso up --help` one's options.")
        )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(t("This cannot be understood: {detail}", detail=message))


def read_globals(words: Sequence[str]) -> argparse.Namespace:
    """`--root`, `--lang`, `--json` and `--quiet` wherever they stand, before anything can be wrong with the rest."""
    parser = _Parser(add_help=False, allow_abbrev=False)
    _add_globals(parser, str)
    before, _, _ = _split(words)
    try:
        return parser.parse_known_args(before)[0]
    except UsageError:
        return argparse.Namespace(json="--json" in before)


def read_arguments(words: Sequence[str], translate: Translate) -> Arguments:
    """What is asked for. UsageError says what cannot be understood; `--help` prints and raises SystemExit."""
    from_install = words[:1] == ["--from-install"]
    before, separator, runtime_flags = _split(words[1:] if from_install else words)
    if from_install:
        before = ["up", *before]
    _check_verb(before)
    found, unknown = _parser(translate).parse_known_args(before)
    if unknown:
        raise _unknown(unknown, found.verb)
    if separator and found.verb not in _SERVES:
        raise UsageError(t("Only {verbs} take flags for the runtime after --.", verbs=", ".join(_SERVES)))
    known = vars(found)
    chosen = {name: known[name] for name in Options.__dataclass_fields__ if known.get(name) is not None}
    rest = {name: known[name] for name in Arguments.__dataclass_fields__ if name in known and name != "verb"}
    options = Options(**{**chosen, "runtime_flags": tuple(runtime_flags)})
    return Arguments(found.verb, options, **rest, from_install=from_install)


def short_help(translate: Translate) -> str:
    """A line for each verb."""
    lines = [
        t("Gesso gets a computer ready for Stable Diffusion. `gesso VERB --help` says more.").render(translate),
        "",
    ]
    lines += [f"  gesso {verb:<9} {does.render(translate)}" for verb, does in VERBS.items()]
    lines += [f"  gesso {'':<9} {t('without a verb, in a terminal: the interface').render(translate)}"]
    return "\n".join(lines)


def _split(words: Sequence[str]) -> tuple[list[str], bool, list[str]]:
    """Ours, whether there was a `--`, and what follows it."""
    if "--" not in words:
        return list(words), False, []
    place = words.index("--")
    return list(words[:place]), True, list(words[place + 1 :])


def _check_verb(words: Sequence[str]) -> None:
    """Said in our own words: argparse would answer in English, with a list."""
    parser = _Parser(add_help=False, allow_abbrev=False)
    _add_globals(parser, str)
    rest = parser.parse_known_args(words)[1]
    if rest and not rest[0].startswith("-") and rest[0] not in VERBS:
        raise UsageError(t("There is no verb {verb}; there are: {verbs}.", verb=rest[0], verbs=", ".join(VERBS)))


def _parser(translate: Translate) -> _Parser:
    parser = _Parser(prog="gesso", usage=short_help(translate), add_help=False, allow_abbrev=False)
    parser.add_argument("-h", "--help", action="help", help=argparse.SUPPRESS)
    _add_globals(parser, translate)
    verbs = parser.add_subparsers(dest="verb", parser_class=_Parser, metavar="VERB")
    for verb, does in VERBS.items():
        sub = verbs.add_parser(verb, prog=f"gesso {verb}", description=does.render(translate), allow_abbrev=False)
        _add_globals(sub, translate)
        _add_options(sub, verb, translate)
    return parser


def _add_globals(parser: argparse.ArgumentParser, translate: Translate) -> None:
    """Not given means not there at all, so that one given before the verb is not undone by the verb's own default."""

    def add(name: str, text: Text, **more: str) -> None:
        parser.add_argument(name, default=argparse.SUPPRESS, help=text.render(translate), **more)  # type: ignore[arg-type]

    add("--root", t("the folder that everything lies in; otherwise GESSO_ROOT or workspace/"), metavar="DIR")
    add("--lang", t("zh or en"), metavar="zh|en")
    add("--json", t("answer in JSON on standard output"), action="store_true")
    add("--quiet", t("only say what matters"), action="store_true")
    add("--version", t("the version, nothing else"), action="store_true")


def _add_options(parser: argparse.ArgumentParser, verb: str, translate: Translate) -> None:
    def add(name: str, text: Text, **more: object) -> None:
        parser.add_argument(name, help=text.render(translate), **more)  # type: ignore[arg-type]

    if verb in _CHOOSES:
        add("--profile", t("a run profile: how to serve"), metavar="NAME")
        add("--memory", t("a memory profile: how to fit the card"), metavar="MODE")
        add("--gpu", t("the card to use"), metavar="INDEX|UUID")
        add("--yes", t("ask nothing"), action="store_true")
    if verb in _SERVES:
        add("--port", t("the port to serve on; otherwise the first free one from 7860"), type=_port, metavar="N")
        add("--listen", t("let other computers in, with a password"), action="store_true")
        add("--share", t("a public link, with a password"), action="store_true")
    if verb in ("up", "launch"):
        add("--detach", t("return once it serves, and let it run"), action="store_true")
    if verb in ("plan", "hardware"):
        add("--simulate", t("pretend to be the computer in this TOML or JSON file"), type=Path, metavar="FILE")


def _port(word: str) -> int:
    if not word.isdecimal() or not 0 < int(word) < 65536:
        raise UsageError(t("--port needs a number from 1 to 65535, not {word}.", word=word))
    return int(word)


def _unknown(words: Sequence[str], verb: str | None) -> UsageError:
    message = t("Unknown option: {words}", words=" ".join(words))
    if verb in _SERVES and words[0].startswith("--"):
        return UsageError(
            message,
            t("Flags for the runtime come after two dashes: gesso {verb} -- {words}", verb=verb, words=" ".join(words)),
        )
    return UsageError(message)
