"""What a mend is: shows what it would change, changes it, looks whether that helped, and takes it back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from launcher.core.errors import LauncherError
from launcher.core.events import Event
from launcher.core.paths import Workspace
from launcher.core.text import Text, t

#: what a rule has caught or a check has found: `host`, `path`, `folder`, `port` …
Values = Mapping[str, str]
#: what the way back needs; JSON can hold it
Record = dict[str, Any]


def _unkept(_record: Record) -> None:
    """Nobody keeps a way back."""


@dataclass(frozen=True)
class Here:
    """Where something is to be mended."""

    workspace: Workspace
    environ: Mapping[str, str]
    #: keeps the way back of what is about to be changed; raises NotWrittenError
    begin: Callable[[Record], None] = _unkept


@dataclass(frozen=True)
class Change:
    """One thing that would be another; None: it is not there before, or not afterwards. Without passwords."""

    what: Text
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Preview:
    """Everything that a mend would change."""

    mend: str
    title: Text
    changes: tuple[Change, ...]
    #: what else should be known before it is done
    remark: Text | None = None


@dataclass(frozen=True)
class Mend:
    """One mend. Nothing but `apply` and `undo` changes anything.

    `preview` gives None where there is nothing to mend, and may take some seconds where it has to try something out;
    it raises `cannot_mend` where something is wrong that only the user can change. `apply` gives `here.begin` what
    `undo` needs before it changes anything, so that there is a way back whatever ends it; its generator's value is the
    same, or knows more. It leaves all as it was if it raises a LauncherError. `verify` gives None when it is well now,
    else what still is not. `undo` takes what is as it was before for taken back, and raises `changed_since` before it
    touches anything, if its ground is otherwise another than `apply` left.
    """

    name: str
    title: Text
    preview: Callable[[Here, Values], Preview | None]
    apply: Callable[[Here, Values, threading.Event | None], Generator[Event, None, Record]]
    verify: Callable[[Here, Values], Text | None]
    undo: Callable[[Here, Record], Iterator[Event]]
    #: False: what it does cannot be taken back, and its remark says so
    reversible: bool = True
    #: it opens or takes away what the values name, wherever that lies: what a log alone names is asked about each time
    asks: bool = False


def changed_since(what: Text) -> LauncherError:
    """The refusal of an undo: somebody has changed `what` after the mend."""
    return LauncherError(
        "mend-changed-since",
        t("{what} has been changed since, so nothing is taken back.", what=what),
        t("It stays as it is now. Change it by hand if you want another."),
    )


def nothing_to_mend(title: Text) -> LauncherError:
    """The refusal where there is nothing that the mend could change."""
    return LauncherError(
        "nothing-to-mend",
        t("There is nothing here to mend: {title}", title=title),
        t("Nothing was changed. `gesso doctor` looks at everything again."),
    )


def cannot_mend(why: Text, hint: Text) -> LauncherError:
    """The refusal where something is wrong and the mend cannot change it; `hint` says what the user can do."""
    return LauncherError("cannot-mend", why, hint)
