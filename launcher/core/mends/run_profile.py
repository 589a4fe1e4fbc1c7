"""Which run profile is in use, and a change of its own file that can be taken back key by key."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher.core.environments.environments import installed
from launcher.core.errors import LauncherError
from launcher.core.facts import as_facts
from launcher.core.file_lock import only_one
from launcher.core.memory.choose import MemoryChoice
from launcher.core.mends.aside import unreadable_record
from launcher.core.mends.mend import Here, Record, Values, changed_since
from launcher.core.plan.options import Options
from launcher.core.profiles.chosen import chosen_profile
from launcher.core.profiles.flag_words import groups, has
from launcher.core.profiles.run_profiles import (
    RunProfile,
    check_profile,
    known_profiles,
    own_settings,
    read_run_profile,
)
from launcher.core.proposal import propose
from launcher.core.records import write_text
from launcher.core.running import read_running
from launcher.core.serving.command_line import complete
from launcher.core.text import t


@dataclass(frozen=True)
class Edit:
    """What is to be said in the file: `memory` None leaves it; the flags `taken` go, with their values."""

    memory: str | None = None
    added: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()


def profile_in_use(here: Here, values: Values) -> str:
    """The one that is named, else that of the last start, else the chosen one."""
    known = {each.name for each in known_profiles(folder_of(here))}
    last = read_running(here.workspace)
    names = (values.get("profile"), last.profile if last else None, chosen_profile(here.workspace, "local"))
    return next((name for name in names if name in known), "local")


def folder_of(here: Here) -> Path:
    """Where the user's own profiles lie."""
    return here.workspace.root / "profiles"


def own_of(here: Here, name: str) -> RunProfile:
    """What the user's own file of that name says; nothing where only a shipped one is there."""
    known = next((each for each in known_profiles(folder_of(here)) if each.name == name), None)
    return own_settings(name, folder_of(here)) if known and known.own else RunProfile()


def flags_in_use(here: Here, name: str) -> tuple[str, ...]:
    """All that a start with this profile would have, those of COMMANDLINE_ARGS last."""
    profile = read_run_profile(name, folder_of(here))
    return complete(Options(profile=name), profile, here.environ, here.workspace).runtime_flags


def memory_of(here: Here, name: str) -> MemoryChoice:
    """How a start with this profile would use the memory."""
    return propose(here.workspace, Options(profile=name), installed(here.workspace), here.environ).plan.memory


def change(here: Here, name: str, edit: Edit) -> Record:
    """Write it; a shipped profile gets one of the user's own that is built on it. For `change_back`: the way back.

    LauncherError `bad-facts`, `no-permission`, `profile-busy`.
    """
    file = folder_of(here) / f"{name}.toml"
    made, own = not file.exists(), own_of(here, name)
    gone = [list(group) for group in groups(own.flags) if group[0].partition("=")[0] in edit.taken]
    record = {
        "profile": name,
        "made": made,
        "memory": None if edit.memory is None else [own.memory, edit.memory],
        "added": list(edit.added),
        "taken": gone,
    }
    here.begin(record)
    _write(file, {"extends": name} if made else {}, edit.memory, edit.added, [word for each in gone for word in each])
    return record


def change_back(here: Here, record: Record) -> None:
    """LauncherError `mend-changed-since` where one of these settings has been changed since."""
    name, memory, added, taken = _understood(record)
    file, own = folder_of(here) / f"{name}.toml", own_of(here, name)
    gone = [group[0].partition("=")[0] for group in taken]
    if (
        (record.get("made") or file.exists())
        and (memory is None or own.memory == memory[0])
        and not any(has(own.flags, flag) for flag in added if flag[:2] == "--")
        and all(has(own.flags, flag) for flag in gone)
    ):
        return
    same = (memory is None or own.memory == memory[1]) and all(
        has(own.flags, flag) for flag in added if flag[:2] == "--"
    )
    if not file.exists() or not same or any(has(own.flags, flag) for flag in gone):
        raise changed_since(t('The run profile "{name}"', name=name))
    back = [word for group in taken for word in group]
    _write(file, {}, None if memory is None else memory[0] or "", back, added)


def _understood(record: Record) -> tuple[str, list[Any] | None, list[str], list[list[str]]]:
    name, memory, added, taken = (record.get(key) for key in ("profile", "memory", "added", "taken"))
    if not isinstance(name, str) or not isinstance(added, list) or not isinstance(taken, list):
        raise unreadable_record()
    return name, memory if isinstance(memory, list) else None, added, taken


def _write(file: Path, new: dict[str, str], memory: str | None, added: Sequence[str], taken: Sequence[str]) -> None:
    """`memory` "" takes the line out; a file that only stands before the shipped one of its name goes too."""
    with alone_at(file):
        text, empty = _changed(file, new, memory, added, taken)
        if empty:
            file.unlink()
        else:
            write_text(file, text)


def _changed(
    file: Path, new: dict[str, str], memory: str | None, added: Sequence[str], taken: Sequence[str]
) -> tuple[str, bool]:
    # Slow to import, and needed only here.
    import tomlkit

    document: Any = tomlkit.parse(file.read_bytes().decode("utf-8-sig") if file.exists() else "")
    for key, value in new.items():
        document[key] = value
    if memory:
        document["memory"] = memory
    elif memory == "":
        document.pop("memory", None)
    _put_flags(document, added, taken)
    text = tomlkit.dumps(document)
    check_profile(file, as_facts(tomlkit.parse(text).unwrap(), RunProfile, file))
    return text, document.unwrap() == {"extends": file.stem}


def _put_flags(document: Any, added: Sequence[str], taken: Sequence[str]) -> None:
    if not added and not taken:
        return
    # In its place, so that what stands between the words stays.
    words = document.setdefault("flags", [])
    for word in taken:
        words.remove(word)
    for word in added:
        words.append(word)
    if not words:
        del document["flags"]


def alone_at(file: Path) -> AbstractContextManager[int]:
    """Nobody else changes this profile meanwhile. LauncherError `profile-busy`."""
    return only_one(file.with_name(f".{file.name}.lock"), _busy, patience=10.0, remove=True)


def _busy(holder: object) -> LauncherError:
    return LauncherError(
        "profile-busy",
        t("Another Gesso (process {pid}) is changing this profile.", pid=holder),
        t("Try again in a moment."),
    )
