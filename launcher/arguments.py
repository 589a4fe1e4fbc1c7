"""The command line, understood: which verb, with which options; nothing is done here."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from launcher.core.plan.options import Options
from launcher.core.text import Text, t
from launcher.verb import Arguments, Translate, UsageError, Verb, Words
from launcher.verbs import VERBS, find_verb


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(_in_our_words(message))


#: what argparse says, in English alone, and the same in our own words
_SAID = (
    (r"argument (?P<option>\S+): expected (?:at least )?one argument", t("{option} needs a value.")),
    (
        r"argument (?P<option>\S+): invalid choice: '(?P<word>.*?)' \(choose from (?P<values>.*)\)",
        t("{option} needs one of {values}, not {word}."),
    ),
    (r"argument (?P<option>\S+): ignored explicit argument '.*'", t("{option} takes no value.")),
    (
        r"argument (?P<option>\S+): not allowed with argument (?P<other>\S+)",
        t("{option} and {other} exclude each other."),
    ),
    (r"the following arguments are required: (?P<words>.*)", t("This is missing: {words}")),
)


def _in_our_words(message: str) -> Text:
    for pattern, sentence in _SAID:
        if found := re.fullmatch(pattern, message, re.DOTALL):
            return Text(sentence.template, tuple(found.groupdict().items()))
    return t("This cannot be understood: {detail}", detail=message)


def read_globals(words: Sequence[str]) -> argparse.Namespace:
    """`--root`, `--lang`, `--json` and `--quiet` wherever they stand, before anything can be wrong with the rest."""
    before, _, _ = _split(words)
    try:
        return _without_globals(before)[0]
    except UsageError:
        return argparse.Namespace(json="--json" in before)


def read_arguments(words: Sequence[str], translate: Translate) -> Arguments:
    """What is asked for. UsageError says what cannot be understood; `--help` prints and raises SystemExit."""
    from_install = words[:1] == ["--from-install"]
    before, separator, runtime_flags = _split(words[1:] if from_install else words)
    found, rest = _without_globals(["up", *before] if from_install else before)
    lang = str(getattr(found, "lang", "en"))
    if not re.match(r"(?i)(zh|en)(?![a-z])", lang):
        raise UsageError(t("--lang needs zh or en, not {word}.", word=lang))
    name, rest = _taken(rest, VERBS, t("There is no verb {verb}; there are: {verbs}."))
    if name is None:
        return _without_verb(found, rest, translate)
    verb = find_verb(name)
    action, rest = _action(name, verb, rest)
    known, unknown = _parser(name, verb, action, translate).parse_known_args(rest, found)
    if unknown:
        raise _unknown(unknown, name, verb)
    if separator and not verb.serves:
        raise UsageError(t("{verb} takes no flags for the runtime after --.", verb=name))
    return _arguments(name, action, known, runtime_flags, from_install=from_install)


def short_help(translate: Translate) -> str:
    """A line for each verb."""
    lines = [
        t("Gesso gets a computer ready for Stable Diffusion. `gesso VERB --help` says more.").render(translate),
        "",
    ]
    lines += [f"  gesso {verb:<9} {does.render(translate)}" for verb, does in VERBS.items()]
    lines += [f"  gesso {'':<9} {t('without a verb, in a terminal: the interface').render(translate)}"]
    return "\n".join(lines)


def _arguments(
    name: str, action: str | None, known: argparse.Namespace, runtime_flags: Sequence[str], *, from_install: bool
) -> Arguments:
    given = vars(known)
    chosen = {each: given[each] for each in Options.__dataclass_fields__ if given.get(each) is not None}
    ours = {each: given[each] for each in Arguments.__dataclass_fields__ if each in given}
    options = Options(**{**chosen, "runtime_flags": tuple(runtime_flags)})
    return Arguments(name, options, action, **ours, from_install=from_install, words=known)


def _without_verb(found: argparse.Namespace, rest: Sequence[str], translate: Translate) -> Arguments:
    if "-h" in rest or "--help" in rest:
        parser = _Parser(prog="gesso", usage=short_help(translate), add_help=False, allow_abbrev=False)
        _add_globals(parser, translate)
        parser.print_help()
        raise SystemExit(0)
    if rest:
        raise UsageError(t("Unknown option: {words}", words=" ".join(rest)))
    given: dict[str, Any] = vars(found)
    return Arguments(None, Options(), **given)


def _split(words: Sequence[str]) -> tuple[list[str], bool, list[str]]:
    """Ours, whether there was a `--`, and what follows it."""
    if "--" not in words:
        return list(words), False, []
    place = words.index("--")
    return list(words[:place]), True, list(words[place + 1 :])


def _without_globals(words: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """The global options wherever they stand, and what is left."""
    parser = _Parser(add_help=False, allow_abbrev=False)
    _add_globals(parser, str)
    return parser.parse_known_args(words)


def _taken(words: list[str], known: Mapping[str, object], unknown: Text) -> tuple[str | None, list[str]]:
    """The first word if it is a name, and the others; said in our own words: argparse would answer in English."""
    if not words or words[0].startswith("-"):
        return None, words
    if words[0] not in known:
        raise UsageError(Text(unknown.template, (("verb", words[0]), ("verbs", ", ".join(known)))))
    return words[0], words[1:]


def _action(name: str, verb: Verb, words: list[str]) -> tuple[str | None, list[str]]:
    if not verb.actions or "-h" in words[:1] or "--help" in words[:1]:
        return None, words
    found, rest = _taken(words, verb.actions, t('"{verb}" is none of the actions: {verbs}.'))
    if found is None and verb.run is None:
        raise UsageError(
            t("What shall {verb} do? There are: {actions}.", verb=name, actions=", ".join(verb.actions)),
            t("`gesso {verb} --help` says what each does.", verb=name),
        )
    return found, rest


def _parser(name: str, verb: Verb, action: str | None, translate: Translate) -> _Parser:
    chosen = verb.actions[action] if action else None
    does = (chosen.does if chosen else VERBS[name]).render(translate)
    if verb.actions and chosen is None:
        does += "\n\n" + "\n".join(f"  {each:<9} {one.does.render(translate)}" for each, one in verb.actions.items())
    parser = _Parser(
        prog=f"gesso {name} {action}" if action else f"gesso {name}",
        description=does,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_globals(parser, translate)
    (chosen.add if chosen else verb.add)(Words(parser, translate))
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


def _unknown(words: Sequence[str], name: str, verb: Verb) -> UsageError:
    message = t("Unknown option: {words}", words=" ".join(words))
    if verb.serves and words[0].startswith("--"):
        return UsageError(
            message,
            t("Flags for the runtime come after two dashes: gesso {verb} -- {words}", verb=name, words=" ".join(words)),
        )
    return UsageError(message)
