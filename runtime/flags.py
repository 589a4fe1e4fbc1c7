"""The command line: AUTOMATIC1111's flags, parsed leniently into frozen settings; nothing unknown is fatal."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from runtime.flag_table import BY_NAME, FLAGS, Flag
from runtime.folders import Folders, find_folders
from runtime.written_path import written_path

CHECKOUT = Path(__file__).resolve().parent.parent
_WINDOWS_PATH = re.compile(r"""(?:^|[\s"'=])(?:[A-Za-z]:\\|\\\\\w)""")

_VALUES = {"switch": "", "switch-off": "", "text": " TEXT", "int": " NUMBER", "words": " WORD ...", "repeat": " TEXT"}


class UsageError(Exception):
    """A flag that works here was given a value that it cannot take."""


@dataclass(frozen=True)
class Settings:
    """What the flags say. `flags` holds every flag's value under its /cmd-flags name."""

    flags: Mapping[str, Any]
    #: the working flags that the worker needs, as words
    worker_flags: tuple[str, ...]
    data_dir: Path
    models_dir: Path
    host: str
    #: None: the first free port from `first_port`
    port: int | None
    first_port: int
    api: bool
    page: bool
    #: sentences about flags that are unknown or do nothing
    warnings: tuple[str, ...] = ()
    #: keys of the flags on the command line itself, which other users can read; no variable's
    spoken: frozenset[str] = frozenset()

    def text(self, key: str) -> str | None:
        """A flag's text, or None if it was not given or is empty."""
        return str(self.flags[key]) if self.flags[key] not in (None, "") else None

    def on(self, key: str) -> bool:
        """Is this switch given?"""
        return bool(self.flags[key])

    def path(self, key: str) -> Path | None:
        """A flag's path, absolute, or None."""
        found = self.text(key)
        return written_path(found).absolute() if found else None

    @property
    def folders(self) -> Folders:
        return find_folders(self.flags, self.data_dir, self.models_dir)

    @property
    def exposed(self) -> bool:
        """Can other computers reach this server? A further name is one by which a proxy here brings them."""
        named = any(name and not is_loopback(name) for name in self.flags["allow_host"])
        return self.on("share") or not is_loopback(self.host) or named


def is_loopback(host: str) -> bool:
    """Does `host` name this computer alone? A name that is no address counts as reachable unless it is localhost."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def split_words(text: str) -> tuple[str, ...]:
    """COMMANDLINE_ARGS as words, by shell rules; the backslashes of Windows paths survive."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters = True, ""
    if _WINDOWS_PATH.search(text):
        lexer.escape = ""
    try:
        return tuple(lexer)
    except ValueError:  # no closing quotation: the words as they stand are the best guess
        return tuple(word.strip("\"'") for word in text.split())


def read_flags(arguments: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Settings from the command line with COMMANDLINE_ARGS appended; UsageError for an impossible value."""
    words = (*arguments, *split_words(environ.get("COMMANDLINE_ARGS", "")))
    values: dict[str, Any] = {flag.key: _start(flag) for flag in FLAGS}
    warnings: list[str] = []
    given: dict[str, Flag] = {}
    for flag, found in _scan(words, warnings):
        _store(values, flag, found)
        given[flag.name] = flag
    warnings += [
        f"{name} is accepted and does nothing yet: {f.help}." for name, f in given.items() if f.effect == "accepted"
    ]
    _refuse_conflicts(values)
    _take_environment(values, given, environ)
    if bool(values["tls_keyfile"]) != bool(values["tls_certfile"]):
        warnings.append("HTTPS needs both --tls-keyfile and --tls-certfile; one alone is ignored.")
    spoken = frozenset(flag.key for flag, _ in _scan(arguments, []))
    return replace(_settings(values, given, tuple(warnings), environ), spoken=spoken)


def help_text() -> str:
    """What `--help` prints: every flag with its value and what it does; those without effect by name alone."""
    lines = [
        "usage: python -m runtime [flags]",
        "",
        "Flags may also stand in COMMANDLINE_ARGS. Unknown ones are ignored.",
    ]
    working = [flag for flag in FLAGS if flag.effect != "accepted"]
    lines += ["", "  -h, --help", "      print this and leave"]
    for flag in working:
        start = "" if flag.default is None else f" (otherwise {flag.default})"
        lines += [f"  {flag.name}{_VALUES[flag.shape]}", f"      {flag.help}{start}"]
    idle = ", ".join(flag.name for flag in FLAGS if flag.effect == "accepted")
    lines += ["", *textwrap.wrap(f"Accepted, and without effect yet: {idle}.", 100, break_on_hyphens=False)]
    # a Windows console may not have the ellipsis
    return "\n".join((*lines, "")).replace("…", "...")


def _start(flag: Flag) -> Any:
    starts: dict[str, Any] = {"switch": False, "switch-off": True, "words": [], "repeat": []}
    return starts.get(flag.shape, flag.default)


def _find(word: str) -> Flag | None:
    """The flag of this name, or the only one that starts with it (argparse's abbreviations)."""
    if word in BY_NAME or not word.startswith("--") or word == "--":
        return BY_NAME.get(word)
    starting = [flag for flag in FLAGS if flag.name.startswith(word)]
    return starting[0] if len(starting) == 1 else None


def _scan(words: Sequence[str], warnings: list[str]) -> Iterator[tuple[Flag, Any]]:
    position = 0
    while position < len(words):
        name, equals, value = words[position].partition("=")
        position += 1
        following = _values_after(words, position)
        flag = _find(name)
        if flag is None:
            # what follows an unknown flag is most likely its value
            position += len(following)
            unknown = " ".join((words[position - len(following) - 1], *following))
            warnings.append(f"Unknown flag ignored: {unknown}")
        elif flag.shape in ("switch", "switch-off"):
            yield flag, None
        elif flag.shape == "words":
            position += 0 if equals else len(following)
            yield flag, [value] if equals else list(following)
        else:
            taken = value if equals else (following[0] if following else None)
            position += 0 if equals or not following else 1
            yield flag, taken


def _values_after(words: Sequence[str], position: int) -> tuple[str, ...]:
    end = position
    while end < len(words) and not (words[end].startswith("--") or words[end] in BY_NAME):
        end += 1
    return tuple(words[position:end])


def _store(values: dict[str, Any], flag: Flag, found: Any) -> None:
    if flag.shape in ("switch", "switch-off"):
        values[flag.key] = flag.shape == "switch"
    elif found is None:
        if flag.effect != "accepted":
            raise UsageError(f"{flag.name} needs a value: {flag.help}.")
    elif flag.shape == "repeat":
        values[flag.key] = [*values[flag.key], found]
    elif flag.shape == "int":
        values[flag.key] = _number(flag, found)
    else:
        values[flag.key] = found


def _number(flag: Flag, found: str) -> int | None:
    try:
        return int(found)
    except ValueError:
        if flag.effect == "accepted":
            return None
        raise UsageError(f"{flag.name} needs a whole number, not {found!r}.") from None


def _refuse_conflicts(values: Mapping[str, Any]) -> None:
    if values["precision"] not in ("full", "half", "autocast"):
        raise UsageError(f"--precision is full, half or autocast, not {values['precision']!r}.")
    if values["precision"] == "half" and (values["no_half"] or values["no_half_vae"]):
        raise UsageError("--precision half and --no-half or --no-half-vae contradict each other; leave one out.")


def _take_environment(values: dict[str, Any], given: Mapping[str, Flag], environ: Mapping[str, str]) -> None:
    """Variables that count where their flag is absent; Gradio's only where there is a page."""
    names = {"loglevel": "SD_WEBUI_LOG_LEVEL"}
    if not values["nowebui"]:
        names |= {"subpath": "GRADIO_ROOT_PATH"}
        if not values["listen"]:
            names |= {"server_name": "GRADIO_SERVER_NAME"}
        if "--port" not in given and environ.get("GRADIO_SERVER_PORT"):
            values["port"] = _number(BY_NAME["--port"], environ["GRADIO_SERVER_PORT"])
    for key, name in names.items():
        values[key] = values[key] or environ.get(name)


def _settings(
    values: dict[str, Any], given: Mapping[str, Flag], warnings: tuple[str, ...], environ: Mapping[str, str]
) -> Settings:
    data = written_path(values["data_dir"] or environ.get("GESSO_ROOT") or CHECKOUT / "workspace").absolute()
    models = written_path(values["models_dir"]).absolute() if values["models_dir"] else data / "models"
    api_only = bool(values["nowebui"])
    port = values["port"]
    if port is not None and not 0 < port < 65536:
        raise UsageError(f"--port {port} is not a port; take one from 1024 to 65535.")
    host = values["server_name"] or ("0.0.0.0" if values["listen"] else "127.0.0.1")  # noqa: S104 - asked for
    return Settings(
        flags=values,
        worker_flags=_worker_flags(values, given, data, models),
        data_dir=data,
        models_dir=models,
        host=host,
        port=port,
        first_port=7861 if api_only else 7860,
        api=api_only or not values["no_api"],
        page=not api_only,
        warnings=warnings,
    )


def _worker_flags(values: Mapping[str, Any], given: Mapping[str, Flag], data: Path, models: Path) -> tuple[str, ...]:
    words = ["--data-dir", str(data), "--models-dir", str(models)]
    for name, flag in given.items():
        if flag.effect == "worker":
            found = values[flag.key]
            if flag.shape == "repeat":
                words += [word for each in found for word in (name, str(each))]
                continue
            words.append(name)
            words += found if flag.shape == "words" else [] if flag.shape == "switch" else [str(found)]
    return tuple(words)
