"""The mend `next-port`: the run profile names a port that another program holds; it gets the next free one."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

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
from launcher.core.mends.run_profile import Edit, change, change_back, folder_of, own_of, profile_in_use
from launcher.core.plan.options import Options
from launcher.core.ports import is_free, next_free, who_holds
from launcher.core.profiles.files import delete_profile, save_profile
from launcher.core.profiles.flag_words import has, split_words
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
    port = _next(wish)
    if wish.by_flag:
        record = change(here, wish.profile, Edit(added=("--port", str(port)), taken=("--port",)))
    else:
        made = not _file(here, wish.profile).exists()
        before = own_of(here, wish.profile).port
        save_profile(folder_of(here), wish.profile, _given(wish.profile, port, made=made))
        record = {"profile": wish.profile, "made": made, "before": before, "after": port}
    yield _told(t('The run profile "{name}" takes port {port} from now on.', name=wish.profile, port=port))
    return record


def _verify(here: Here, values: Values) -> Text | None:
    wish = _wish(here, {name: value for name, value in values.items() if name != "port"})
    return t("Port {port} is taken.", port=wish.port) if wish else None


def _undo(here: Here, record: Record) -> Iterator[Event]:
    if "added" in record:
        change_back(here, record)
    else:
        _port_back(here, record)
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


def _given(name: str, port: int, *, made: bool) -> RunProfile:
    """A shipped profile gets one of the user's own that is built on it."""
    return replace(RunProfile(), port=port, extends=name if made else None)


def _port_back(here: Here, record: Record) -> None:
    name, before = record["profile"], record["before"]
    file = _file(here, name)
    own = own_of(here, name) if file.exists() else RunProfile()
    if own.port != record["after"]:
        raise changed_since(t('The run profile "{name}"', name=name))
    if before is not None:
        save_profile(folder_of(here), name, RunProfile(port=before))
    elif record["made"] and own == _given(name, own.port or 0, made=True):
        delete_profile(folder_of(here), name)
    else:
        _take_out(file)


def _take_out(file: Path) -> None:
    """The line `port`; every other stays as it is."""
    # Slow to import, and needed only here.
    import tomlkit

    with writing(file):
        document = tomlkit.parse(file.read_bytes().decode("utf-8-sig"))
        document.pop("port", None)
        write_text(file, tomlkit.dumps(document))


def _file(here: Here, name: str) -> Path:
    return folder_of(here) / f"{name}.toml"


def _told(text: Text) -> Notice:
    return Notice("profile-changed", "info", text)


MEND = Mend("next-port", TITLE, _preview, _apply, _verify, _undo)
