"""What was mended, and the way back: state/mends.json, and the one door through which mends are applied."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Generator
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from launcher.core.errors import LauncherError, NotWrittenError, writing
from launcher.core.events import Event, Notice
from launcher.core.file_lock import only_one
from launcher.core.mends import MENDS, find_mend
from launcher.core.mends.aside import unreadable_record
from launcher.core.mends.mend import Change, Here, Mend, Preview, Record, Values, nothing_to_mend
from launcher.core.records import read_record, write_record
from launcher.core.text import Text, t

FILE = "mends.json"
#: entries that are remembered; the oldest go first
_MOST = 200
#: seconds to wait for another that mends
_PATIENCE = 5.0


@dataclass(frozen=True)
class Mended:
    """`number` takes it back (`undo`); `still`: what is wrong even so, None where all is well now."""

    number: int
    still: Text | None


@dataclass(frozen=True)
class Done:
    """One entry of the journal."""

    number: int
    name: str
    title: Text
    #: ISO 8601 in UTC
    at: str
    #: as they were shown before
    changes: tuple[Change, ...]
    undone: bool
    #: can it be taken back?
    reversible: bool
    #: it was ended in the middle: some of it may be done
    begun: bool = False


def preview(here: Here, name: str, values: Values) -> Preview | None:
    """What the mend would change; None: there is nothing to mend. LauncherError `no-such-mend`."""
    return find_mend(name).preview(here, values)


def mend(
    here: Here, name: str, values: Values, cancel: threading.Event | None = None, agreed: Preview | None = None
) -> Generator[Event, None, Mended]:
    """Keep the way back, do it, and look whether it helped; the generator's value says so. `agreed`: nothing else.

    LauncherError `no-such-mend`, `nothing-to-mend`, `mend-not-as-shown`, `mend-busy`, CancelledError, and the mend's
    own.
    """
    found = find_mend(name)
    with only_one(here.workspace.state / "mends.lock", _busy, patience=_PATIENCE):
        shown = found.preview(here, values)
        if shown is None:
            raise nothing_to_mend(found.title)
        if agreed is not None and agreed.changes != shown.changes:
            raise _not_as_shown(found)
        yield from _kept_if_unreadable(here)
        entry = _new(here, name, shown)
        try:
            record = yield from found.apply(
                replace(here, begin=lambda known: _begin(here, entry, known)), values, cancel
            )
        except LauncherError:
            # All is as it was.
            with contextlib.suppress(LauncherError):
                _write(here, _others(here, entry))
            raise
        try:
            _write(here, [*_others(here, entry), entry | {"record": record, "begun": False}])
        except NotWrittenError:
            # What is not written down could never be taken back.
            if found.reversible:
                yield from found.undo(here, record)
            raise
    return Mended(entry["number"], found.verify(here, values))


def undo(here: Here, number: int) -> Generator[Event, None, None]:
    """Take back what the mend of that number did.

    LauncherError `no-such-mended`, `mend-already-undone`, `mend-final` (it cannot be taken back), `mend-changed-since`
    (somebody has changed the same since), `mend-unknown` (its record cannot be read), `mend-busy`, and the mend's own.
    """
    with only_one(here.workspace.state / "mends.lock", _busy, patience=_PATIENCE):
        entries = _entries(here)
        entry = next((each for each in entries if each["number"] == number and not each.get("undone")), None)
        if entry is None:
            raise _no_such(number, entries)
        found = find_mend(entry["name"])
        if not found.reversible:
            raise _final(found)
        record: Record = entry["record"]
        try:
            yield from found.undo(here, record)
        except (KeyError, TypeError):
            raise unreadable_record() from None
        entry["undone"] = _now()
        _write(here, entries)


def done(here: Here) -> tuple[Done, ...]:
    """Everything that was mended here, the latest last."""
    return tuple(_done(entry) for entry in _entries(here))


def _new(here: Here, name: str, shown: Preview) -> dict[str, Any]:
    number = max((each["number"] for each in _entries(here)), default=0) + 1
    changes = [[*_written(each.what), each.before, each.after] for each in shown.changes]
    return {"number": number, "name": name, "at": _now(), "changes": changes, "undone": None}


def _begin(here: Here, entry: dict[str, Any], known: Record) -> None:
    _write(here, [*_others(here, entry), entry | {"record": known, "begun": True}])


def _others(here: Here, entry: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in _entries(here) if each["number"] != entry["number"]]


def _kept_if_unreadable(here: Here) -> Generator[Event, None, None]:
    """A journal that somebody's editor was at is not written over: it may hold ways back."""
    file = here.workspace.state / FILE
    found = (read_record(file) or {}).get("mends")
    if file.is_file() and not (isinstance(found, list) and all(map(_is_entry, found))):
        kept = file.with_name(f"mends.{datetime.now(timezone.utc):%Y%m%d-%H%M%S-%f}.json")
        with writing(kept):
            shutil.copy(file, kept)
        yield Notice("mends-kept", "warning", t("Not all of {file} can be read. It is kept as {kept}.", file=file.name,
                                                kept=kept.name))  # fmt: skip


def _write(here: Here, entries: list[dict[str, Any]]) -> None:
    write_record(here.workspace.state / FILE, {"mends": entries[-_MOST:]})


def _entries(here: Here) -> list[dict[str, Any]]:
    """Those that can be read."""
    found = (read_record(here.workspace.state / FILE) or {}).get("mends")
    return [each for each in found if _is_entry(each)] if isinstance(found, list) else []


def _is_entry(each: object) -> bool:
    return (
        isinstance(each, dict)
        and type(each.get("number")) is int
        and isinstance(each.get("name"), str)
        and isinstance(each.get("record"), dict)
    )


def _done(entry: dict[str, Any]) -> Done:
    found = find_mend(entry["name"]) if entry["name"] in MENDS else None
    changes = entry.get("changes")
    return Done(
        entry["number"],
        entry["name"],
        found.title if found else Text(entry["name"]),
        str(entry.get("at")),
        tuple(_change(each) for each in changes if _is_change(each)) if isinstance(changes, list) else (),
        bool(entry.get("undone")),
        found is not None and found.reversible,
        bool(entry.get("begun")) and not entry.get("undone"),
    )


def _written(text: Text) -> tuple[str, dict[str, str]]:
    return text.template, {name: str(value) for name, value in text.values}


def _is_change(written: object) -> bool:
    return isinstance(written, list) and len(written) == 4 and isinstance(written[1], dict)


def _change(written: list[Any]) -> Change:
    template, values, before, after = written
    return Change(Text(template, tuple(values.items())), before, after)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _busy(holder: object) -> LauncherError:
    return LauncherError(
        "mend-busy",
        t("Another Gesso (process {pid}) is mending something.", pid=holder),
        t("Try again when it has ended."),
    )


def _not_as_shown(found: Mend) -> LauncherError:
    return LauncherError(
        "mend-not-as-shown",
        t("By now other things would be changed than were shown: {title}", title=found.title),
        t("Nothing was changed. Look at it again, and then decide."),
    )


def _no_such(number: int, entries: list[dict[str, Any]]) -> LauncherError:
    if any(each["number"] == number for each in entries):
        text = t("What mend {number} did is already taken back.", number=number)
        return LauncherError("mend-already-undone", text, t("Nothing was changed."))
    numbers = ", ".join(str(each["number"]) for each in entries if not each.get("undone"))
    hint = t("There are: {names}.", names=numbers) if numbers else t("Nothing was mended that could be taken back.")
    return LauncherError("no-such-mended", t("No mend has the number {number}.", number=number), hint)


def _final(found: Mend) -> LauncherError:
    return LauncherError(
        "mend-final",
        t("What this mend did cannot be taken back: {title}", title=found.title),
        t("Nothing was changed."),
    )
