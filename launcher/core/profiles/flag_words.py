"""AUTOMATIC1111's flags as words: taken apart, looked through, put together, and shown without their secrets."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence

from launcher.core.profiles.flag_names import in_full
from launcher.core.web_address import shown

#: flags whose value is a password or a key
SECRETS = ("--gradio-auth", "--api-auth", "--ngrok", "--ngrok-options")
#: the flag that lets anybody in; it is said anew at each start
ACCEPT_UNPROTECTED = "--i-accept-unprotected-remote"
_SECRET_VARIABLE = re.compile(r"token|pass|pwd|secret|key|credential|auth", re.IGNORECASE)
_WINDOWS_PATH = re.compile(r"""(?:^|[\s"'=])(?:[A-Za-z]:\\|\\\\\w)""")


def split_words(text: str, *, backslashes: bool = False) -> tuple[str, ...]:
    """COMMANDLINE_ARGS as the runtime reads it: by shell rules, but the backslashes of Windows paths survive.

    `backslashes`: all of them do, as in a batch file.
    """
    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters = True, ""
    if backslashes or _WINDOWS_PATH.search(text):
        lexer.escape = ""
    try:
        return tuple(lexer)
    except ValueError:  # no closing quotation: the words as they stand are the best guess
        return tuple(word.strip("\"'") for word in text.split())


def groups(flags: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Each flag with the words that follow it up to the next one; words before the first flag stand alone."""
    group: list[str] = []
    for word in flags:
        if word.startswith("--") or word == "-f" or not group:
            if group:
                yield tuple(group)
            group = []
        group.append(word)
    if group:
        yield tuple(group)


def has(flags: Sequence[str], name: str) -> bool:
    """Is this flag given, with or without a value?"""
    return any(group[0] == name or group[0].startswith(f"{name}=") for group in groups(flags))


def values(flags: Sequence[str], name: str) -> Iterator[str]:
    """What each of the flags of this name is given; "" for one that has no value."""
    for group in groups(flags):
        if group[0] == name:
            yield group[1] if len(group) > 1 else ""
        elif group[0].startswith(f"{name}="):
            yield group[0].partition("=")[2]


def last_value(flags: Sequence[str], name: str) -> str | None:
    """The value that counts: the last one; None if the flag is not there, "" if it has no value."""
    return next(reversed([*values(flags, name)]), None)


def without(flags: Sequence[str], *names: str) -> tuple[str, ...]:
    """`flags` less those of these names and their values."""
    kept = (group for group in groups(flags) if group[0].partition("=")[0] not in names)
    return tuple(word for group in kept for word in group)


def only(flags: Sequence[str], *names: str) -> tuple[str, ...]:
    """Those of these names, with their values."""
    kept = (group for group in groups(flags) if group[0].partition("=")[0] in names)
    return tuple(word for group in kept for word in group)


def masked(flags: Sequence[str]) -> tuple[str, ...]:
    """`flags` with *** for what nobody else may see, also for passwords in addresses."""
    words: list[str] = []
    for group in groups(in_full(flags)):
        name, equals, _ = group[0].partition("=")
        if name not in SECRETS:
            words += map(shown, group)
        elif equals:
            words.append(f"{name}=***")
        else:
            words += [name, *("***" for _ in group[1:])]
    return tuple(words)


def masked_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Variables likewise; COMMANDLINE_ARGS by its flags."""
    return {name: _masked_variable(name, value) for name, value in variables.items()}


def _masked_variable(name: str, value: str) -> str:
    if _SECRET_VARIABLE.search(name) and value:
        return "***"
    if name == "COMMANDLINE_ARGS":
        return shlex.join(masked(split_words(value)))
    return shown(value)


def one_line(words: Sequence[str], *, windows: bool) -> str:
    """The words as one would type them."""
    return subprocess.list2cmdline(words) if windows else shlex.join(words)
