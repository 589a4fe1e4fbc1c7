"""The mend `local-no-proxy`: programs on this computer reach each other without the proxy.

What Gesso starts is told so already (`paths.child_environment`); this is for what the user starts by hand: his own
variable NO_PROXY, on Windows in the registry, elsewhere in the file that his shell reads.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path

from launcher.core.errors import NotWrittenError
from launcher.core.events import Event, Notice
from launcher.core.mends.kept_text import read_kept, write_kept
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
from launcher.core.mends.user_variables import (
    added,
    block_of,
    has_block,
    line_ends,
    read_user_variable,
    start_file,
    taken_out,
    write_user_variable,
)
from launcher.core.network.proxy_settings import from_environment
from launcher.core.proxy_bypass import LOOPBACK, is_named, split
from launcher.core.text import Text, t

NAME = "NO_PROXY"
MARK = "no_proxy"
TITLE = t("Reach this computer itself without the proxy")
_HOSTS = ",".join(LOOPBACK)
_SHELL = (
    'no_proxy="${no_proxy:-${NO_PROXY-}}"',
    f'export no_proxy="${{no_proxy:+$no_proxy,}}{_HOSTS}"',
    'export NO_PROXY="$no_proxy"',
)
_FISH = (f"set -gx no_proxy (string join , $no_proxy {_HOSTS.replace(',', ' ')})", "set -gx NO_PROXY $no_proxy")
_WINDOWS = sys.platform == "win32"
_REMARK = t("It counts for programs that are started from now on: close their windows and start them again.")


def _preview(here: Here, values: Values) -> Preview | None:
    if _is_well(here, values):
        return None
    if _WINDOWS:
        before = read_user_variable(NAME)
        change = Change(t("Your own variable {name}", name=NAME), before, completed(before))
        return Preview("local-no-proxy", TITLE, (change,), _REMARK)
    file = _file(here)
    if has_block(read_kept(file) or "", MARK):
        return None
    change = Change(t("Lines at the end of {file}", file=file), None, "\n".join(_lines(file)))
    return Preview("local-no-proxy", TITLE, (change,), _REMARK)


def _apply(here: Here, values: Values, cancel: threading.Event | None) -> Generator[Event, None, Record]:  # noqa: ARG001
    if _is_well(here, values):
        raise nothing_to_mend(TITLE)
    if _WINDOWS:
        before = read_user_variable(NAME)
        record: Record = {"variable": NAME, "before": before, "after": completed(before)}
        here.begin(record)
        _set(completed(before))
        yield _told(t("Your variable {name} is written.", name=NAME))
        return record
    file = _file(here)
    before = read_kept(file)
    block = block_of(MARK, _lines(file), line_ends(before or ""))
    joined = bool(before) and not (before or "").endswith("\n")
    record = {"file": str(file), "made": before is None, "block": block, "joined": joined}
    here.begin(record)
    write_kept(file, added(before or "", block))
    yield _told(t("The file {file} is written.", file=file))
    return record


def _verify(here: Here, values: Values) -> Text | None:  # noqa: ARG001
    if _WINDOWS:
        well = completed(read_user_variable(NAME)) == read_user_variable(NAME)
    else:
        well = has_block(read_kept(_file(here)) or "", MARK)
    return None if well else t("Programs on this computer still go through the proxy to reach each other.")


def _undo(here: Here, record: Record) -> Iterator[Event]:  # noqa: ARG001
    if "variable" in record:
        now = read_user_variable(NAME)
        if now not in (record["before"], record["after"]):
            raise changed_since(t("Your variable {name}", name=NAME))
        if now != record["before"]:
            _set(record["before"])
        yield _told(t("Your variable {name} is as it was before.", name=NAME))
    else:
        file = Path(record["file"])
        now = read_kept(file) or ""
        if has_block(now, MARK):
            before = taken_out(now, record["block"], joined=record["joined"])
            if before is None:
                raise changed_since(t("The file {file}", file=file))
            write_kept(file, before or None if record["made"] else before)
        yield _told(t("The file {file} is as it was before.", file=file))


def completed(value: str | None) -> str:
    """NO_PROXY with the names of this computer at its end, each once."""
    rules = split(value or "")
    return ",".join(dict.fromkeys((*rules, *(host for host in LOOPBACK if host not in rules))))


def _is_well(here: Here, values: Values) -> bool:
    """Nothing that the user starts would ask a proxy for this computer itself."""
    said = from_environment(here.environ)
    if not (said.http or said.https or said.problems) and not _by_system(values):
        return True
    return all(is_named(f"http://{host}/", said.bypass) for host in ("localhost", "127.0.0.1"))


def _by_system(values: Values) -> bool:
    """A log that names this computer behind a proxy, where no variable does: then it is the system's proxy."""
    return _WINDOWS and bool(values)


def _file(here: Here) -> Path:
    file = start_file(here.environ)
    if file is None:
        raise cannot_mend(
            t("It is not known where your own files are (the variable HOME is not set)."),
            t("Set the variable NO_PROXY to {hosts} before you start the program.", hosts=_HOSTS),
        )
    return file


def _lines(file: Path) -> tuple[str, ...]:
    return _FISH if file.suffix == ".fish" else _SHELL


def _set(value: str | None) -> None:
    try:
        write_user_variable(NAME, value)
    except OSError as error:
        raise NotWrittenError(Path(r"HKEY_CURRENT_USER\Environment"), error) from error


def _told(text: Text) -> Notice:
    return Notice("no-proxy-changed", "info", text)


MEND = Mend("local-no-proxy", TITLE, _preview, _apply, _verify, _undo)
