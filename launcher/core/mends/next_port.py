"""The mend `next-port`: the run profile names a port that another program holds; it gets the next free one."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher.core.errors import writing
from launcher.core.events import Event, Notice
from launcher.core.mends.mend import (
    Change,
    Here,
    Mend,
    Preview,
    Record,
    Values,
    cannot_mend,
    changed_since,
    nothing_to_mend,
)
from launcher.core.mends.run_profile import alone_at, folder_of, own_of, profile_in_use
from launcher.core.plan.options import Options
from launcher.core.ports import is_free, next_free, who_holds
from launcher.core.profiles.files import delete_profile
from launcher.core.profiles.flag_words import has, last_value, split_words
from launcher.core.profiles.run_profiles import RunProfile, read_run_profile
from launcher.core.records import write_text
from launcher.core.running import find_running
from launcher.core.serving.command_line import complete, listens
from launcher.core.text import Text, t

TITLE = t("Take the next free port")
_ARGUMENTS = "COMMANDLINE_ARGS"


@dataclass(frozen=True)
class _Wish:
    """Where a start with this profile would listen, and where that is said."""

    profile: str
    port: int
    host: str
    #: among the flags, else by the setting `port`
    by_flag: bool

    @property
    def free(self) -> bool:
        return is_free(self.port, self.host)


def _preview(here: Here, values: Values) -> Preview | None:
    wish = _wish(here, values)
    if wish is None:
        return None
    _refuse_arguments(here, wish)
    what = t('The port of the run profile "{name}" ({file})', name=wish.profile, file=_file(here, wish.profile))
    holder = who_holds(wish.port)
    remark = t("Port {port} is taken by {holder}.", port=wish.port, holder=holder) if holder else None
    return Preview("next-port", TITLE, (Change(what, str(wish.port), str(_next(wish))),), remark)


def _apply(here: Here, values: Values, cancel: threading.Event | None) -> Generator[Event, None, Record]:  # noqa: ARG001
    wish = _wish(here, values)
    if wish is None:
        raise nothing_to_mend(TITLE)
    _refuse_arguments(here, wish)
    port, file = _next(wish), _file(here, wish.profile)
    record: Record = {"profile": wish.profile, "by_flag": wish.by_flag, "after": port}
    record["before"] = _said(here, wish.profile, by_flag=wish.by_flag)
    here.begin(record)
    _write(file, str(port) if wish.by_flag else port, by_flag=wish.by_flag)
    yield _told(t('The run profile "{name}" takes port {port} from now on.', name=wish.profile, port=port))
    return record


def _verify(here: Here, values: Values) -> Text | None:
    wish = _wish(here, {name: value for name, value in values.items() if name != "port"})
    return t("Port {port} is taken.", port=wish.port) if wish else None


def _undo(here: Here, record: Record) -> Iterator[Event]:
    name, by_flag = record["profile"], record["by_flag"]
    file = _file(here, name)
    before, now = record["before"], _said(here, name, by_flag=by_flag)
    if now not in (before, str(record["after"])):
        raise changed_since(t('The run profile "{name}"', name=name))
    if now != before:
        _write(file, before if by_flag or before is None else int(before), by_flag=by_flag)
    if file.exists() and own_of(here, name) == RunProfile(extends=name):
        delete_profile(folder_of(here), name)
    yield _told(t('The run profile "{name}" is as it was before.', name=record["profile"]))


def _wish(here: Here, values: Values) -> _Wish | None:
    """None: no port is named, it is free, or what failed wanted another."""
    name = profile_in_use(here, values)
    profile = read_run_profile(name, folder_of(here))
    options = complete(Options(profile=name), profile, here.environ, here.workspace)
    if options.port is None or values.get("port", str(options.port)) != str(options.port):
        return None
    host = "0.0.0.0" if listens(options) else "127.0.0.1"  # noqa: S104 - asked for
    wish = _Wish(name, options.port, host, has(profile.flags, "--port"))
    # Held by the runtime of this very workspace, it does what it should.
    return None if wish.free or find_running(here.workspace) else wish


def _refuse_arguments(here: Here, wish: _Wish) -> None:
    """What stands there counts before every run profile, and is nobody's but the user's."""
    profile = read_run_profile(wish.profile, folder_of(here))
    for source in (here.environ, profile.environment):
        if has(split_words(source.get(_ARGUMENTS, "")), "--port"):
            raise cannot_mend(
                t("Port {port} is named in the variable {variable}.", port=wish.port, variable=_ARGUMENTS),
                t("Name another port there, such as {free}, or leave it out.", free=_next(wish)),
            )


def _next(wish: _Wish) -> int:
    found = next_free(wish.port + 1, wish.host)
    if found is None:
        raise cannot_mend(
            t("No port near {port} is free.", port=wish.port),
            t("Leave the port out of the run profile: then Gesso looks for a free one itself."),
        )
    return found


def _said(here: Here, name: str, *, by_flag: bool) -> str | None:
    """The port in the user's own file of that name."""
    own = own_of(here, name)
    if by_flag:
        return last_value(own.flags, "--port")
    return None if own.port is None else str(own.port)


def _write(file: Path, port: str | int | None, *, by_flag: bool) -> None:
    """None takes it out; every other line and word stays as it is. A profile that came with Gesso gets one of the
    user's own that is built on it.
    """
    # Slow to import, and needed only here.
    import tomlkit

    with writing(file), alone_at(file):
        extends = tomlkit.dumps({"extends": file.stem})
        document: Any = tomlkit.parse(file.read_bytes().decode("utf-8-sig") if file.exists() else extends)
        if by_flag:
            if "flags" not in document:
                document["flags"] = []
            _put_flag(document["flags"], port)
            if not document["flags"]:
                del document["flags"]
        elif port is None:
            document.pop("port", None)
        else:
            document["port"] = port
        write_text(file, tomlkit.dumps(document))


def _put_flag(words: Any, port: str | int | None) -> None:
    """In its place, the last one, because it counts; None takes it out."""
    at = max((at for at, word in enumerate(words) if str(word).partition("=")[0] == "--port"), default=None)
    if at is None:
        words.extend(("--port", str(port)))
    elif port is None:
        for _ in range(1 if "=" in words[at] else 2):
            del words[at]
    elif "=" in words[at]:
        words[at] = f"--port={port}"
    else:
        words[at + 1] = str(port)


def _file(here: Here, name: str) -> Path:
    return folder_of(here) / f"{name}.toml"


def _told(text: Text) -> Notice:
    return Notice("profile-changed", "info", text)


MEND = Mend("next-port", TITLE, _preview, _apply, _verify, _undo)
