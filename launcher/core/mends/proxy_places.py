"""Where the user himself has named a proxy for other programs: git's settings, his variables, his shell's file."""

from __future__ import annotations

import contextlib
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from launcher.core.errors import LauncherError, NotWrittenError
from launcher.core.mends.git_door import ask_git, refused
from launcher.core.mends.kept_text import read_kept, write_kept
from launcher.core.mends.mend import Change, Here
from launcher.core.mends.user_variables import read_user_variable, start_file, write_user_variable
from launcher.core.proxy_address import masked
from launcher.core.text import Text, t

_GIT_KEYS = ("http.proxy", "https.proxy")
_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
#: "export http_proxy=…", "set -gx https_proxy …", with or without quotation marks
_LINE = re.compile(
    r"^(?P<start>[ \t]*(?:export[ \t]+|set[ \t]+-\w+[ \t]+)?(?P<name>(?:https?|all)_proxy)(?:=|[ \t]+)"
    r"(?P<quote>[\"']?))"
    r"(?P<value>[^\"'\s#;$`]+)(?=(?P=quote)[ \t]*(?:$|[#;\r]))",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True)
class Place:
    """One proxy that somebody has written down; `file` empty: git's settings, or Windows' variables of this user."""

    key: str
    value: str
    file: str = ""
    #: in a file: the how manieth line that sets this name
    at: int = 0

    @property
    def of_git(self) -> bool:
        return self.key in _GIT_KEYS

    @property
    def where(self) -> Text:
        """For people."""
        if self.of_git:
            return t("git's setting {key}, for your user", key=self.key)
        if self.file:
            return t("{name} in {file}", name=self.key, file=self.file)
        return t("Your own variable {name}", name=self.key)


@dataclass(frozen=True)
class Rewrite:
    """What is to stand at a place; None: nothing any more."""

    place: Place
    after: str | None

    @property
    def change(self) -> Change:
        """For people, without passwords."""
        return Change(self.place.where, masked(self.place.value), self.after and masked(self.after))


def places(here: Here) -> tuple[Place, ...]:
    """All that there are; nothing is told by a git or a file that cannot be read."""
    return (*_of_git(here), *_variables(), *_lines(here))


def rewrite(here: Here, wanted: Iterable[Rewrite]) -> list[list[Any]]:
    """Write them all or none; the value is what `write_back` needs. LauncherError `git-failed`, NotWrittenError."""
    done: list[Rewrite] = []
    try:
        for each in wanted:
            _put(here, each.place, each.place.value, each.after)
            done.append(each)
    except LauncherError:
        for each in reversed(done):
            _put(here, each.place, each.after, each.place.value)
        raise
    return to_record(done)


def to_record(wanted: Iterable[Rewrite]) -> list[list[Any]]:
    """What `write_back` needs."""
    return [[each.place.key, each.place.file, each.place.value, each.after, each.place.at] for each in wanted]


def changed(here: Here, record: Iterable[list[Any]]) -> list[Place]:
    """Those of them that are neither as we left them nor as they were."""
    now = places(here)
    return [place for place, after in _told(record) if place not in now and not _is_now(now, place, after)]


def write_back(here: Here, record: Iterable[list[Any]]) -> None:
    """Each as it was, also where it is so already; what somebody has changed since stays."""
    now = places(here)
    for place, after in _told(record):
        if _is_now(now, place, after):
            _put(here, place, after, place.value)


def _told(record: Iterable[list[Any]]) -> Iterator[tuple[Place, str | None]]:
    for key, file, before, after, *at in record:
        yield Place(key, before, file, *at), after


def _is_now(now: tuple[Place, ...], place: Place, value: str | None) -> bool:
    if value is None:
        return not any((each.key, each.file) == (place.key, place.file) for each in now)
    return replace(place, value=value) in now


def _of_git(here: Here) -> Iterator[Place]:
    for key in _GIT_KEYS:
        with contextlib.suppress(LauncherError):
            found = [line for line in ask_git(here, "config", "--global", "--get", key).out if line.strip()]
            if found:
                yield Place(key, found[-1])


def _variables() -> Iterator[Place]:
    for name in _NAMES:
        value = read_user_variable(name)
        if value:
            yield Place(name, value)


def _lines(here: Here) -> Iterator[Place]:
    file = None if sys.platform == "win32" else start_file(here.environ)
    if file is None:
        return
    with contextlib.suppress(LauncherError):
        met: Counter[str] = Counter()
        for found in _LINE.finditer(read_kept(file) or ""):
            yield Place(found["name"], found["value"], str(file), met[found["name"]])
            met[found["name"]] += 1


def _put(here: Here, place: Place, before: str | None, after: str | None) -> None:
    if place.of_git:
        words = ("--unset-all", place.key) if after is None else ("--replace-all", place.key, after)
        answer = ask_git(here, "config", "--global", *words)
        if answer.code:
            raise refused(answer)
    elif place.file:
        file = Path(place.file)
        write_kept(file, with_value(read_kept(file) or "", place.key, before or "", after or "", place.at))
    else:
        try:
            write_user_variable(place.key, after)
        except OSError as error:
            raise NotWrittenError(Path(r"HKEY_CURRENT_USER\Environment"), error) from error


def with_value(text: str, name: str, before: str, after: str, at: int = 0) -> str:
    """`text` with another value where `name` is set for the `at`th time, if to `before`; all else stays as it is."""
    lines = [found.start() for found in _LINE.finditer(text) if found["name"] == name]

    def put(found: re.Match[str]) -> str:
        this = found.start() in lines[at : at + 1] and found["value"] == before
        return found["start"] + (after if this else found["value"])

    return _LINE.sub(put, text)
