"""The user's own run profiles written and deleted; every line of theirs that is not changed stays as it is."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from launcher.core.errors import LauncherError
from launcher.core.facts import as_facts
from launcher.core.file_lock import only_one
from launcher.core.profiles.run_profiles import (
    RunProfile,
    as_if_saved,
    check_name,
    check_profile,
    known_profiles,
    parents_of,
    read_run_profile,
    shipped_folder,
)
from launcher.core.records import write_text
from launcher.core.text import Text, t

#: what an import leaves of the file that it replaces
_KEPT = ("title", "why")


@dataclass(frozen=True)
class Draft:
    """A profile that could be written: what is to be said in it, and what it would mean with all it is built on."""

    file: Path
    given: RunProfile
    afresh: bool
    profile: RunProfile


def draft_profile(folder: Path, name: str, given: RunProfile, *, afresh: bool = False) -> Draft:
    """What `given` says, in `folder`/NAME.toml as it is now; `afresh`: in place of the settings there.

    LauncherError `profile-name`, `profile-exists`, `profile-unknown` or `profile-cycle` for what it is to be built on,
    `bad-facts` for a value that cannot be meant or a file that cannot be read, `no-permission`.
    """
    check_name(name)
    _check_case(folder, name)
    check_profile(None, given)
    file = folder / f"{name}.toml"
    _check_parent(folder, name, given.extends)
    _, own = _changed(file, given, afresh)
    return Draft(file, given, afresh, as_if_saved(name, own, folder))


def save_profile(folder: Path, name: str, given: RunProfile) -> Path:
    """Draft it and write it."""
    return write_draft(draft_profile(folder, name, given))


def write_draft(draft: Draft) -> Path:
    """The file is there; it is never half-written. LauncherError `no-permission`, `profile-busy`."""
    with only_one(draft.file.with_name(f".{draft.file.name}.lock"), _busy, patience=10.0, remove=True):
        # Into the file as it is now: another Gesso may have changed it since.
        text, _ = _changed(draft.file, draft.given, draft.afresh)
        # Only its owner may read it: there may be passwords in it.
        write_text(draft.file, text)
    return draft.file


def delete_profile(folder: Path, name: str) -> Path:
    """Take away the user's own profile; one that came with Gesso stays, and so does one that others are built on.

    LauncherError `profile-unknown`, `profile-shipped`, `profile-needed`, `no-permission`.
    """
    known = {each.name: each for each in known_profiles(folder)}
    found = known.get(name)
    if found is None:
        read_run_profile(name, folder)  # says what there is
        raise AssertionError(name)
    if not found.own:
        raise LauncherError(
            "profile-shipped",
            t('The profile "{name}" came with Gesso and stays.', name=name),
            t("`gesso profiles save {name}` makes one of your own that counts instead.", name=name),
        )
    needed_by = [each.name for each in known.values() if each.own and each.name != name
                 and name in parents_of(each.name, folder)]  # fmt: skip
    if needed_by and not found.shadows:
        raise LauncherError(
            "profile-needed",
            t('Other profiles are built on "{name}": {names}.', name=name, names=", ".join(needed_by)),
            t('Delete them first, or change their line "extends".'),
        )
    try:
        # Another Gesso may have been first.
        found.file.unlink(missing_ok=True)
    except OSError as error:
        if found.file.is_dir():
            raise LauncherError(
                "profile-unknown",
                t("{file} is a folder and no profile.", file=found.file),
                t("Nothing was touched. Move it away yourself."),
            ) from error
        raise _no_permission(found.file, error) from error
    return found.file


def _check_case(folder: Path, name: str) -> None:
    """On Windows and macOS "LAN" and "lan" are one file."""
    for other in (each.stem for place in (folder, shipped_folder()) for each in place.glob("*.toml")):
        if other != name and other.casefold() == name.casefold():
            raise LauncherError(
                "profile-exists",
                t('There is a profile "{name}" already; capitals alone make no other name.', name=other),
                t("Write it in the same letters, or choose another name."),
            )


def _check_parent(folder: Path, name: str, parent: str | None) -> None:
    if parent is None:
        return
    read_run_profile(parent, folder)
    if parent != name and name in (parent, *parents_of(parent, folder)):
        raise LauncherError(
            "profile-cycle",
            t('"{parent}" is itself built on "{name}".', parent=parent, name=name),
            t("Name another profile with --extends."),
        )


def _changed(file: Path, given: RunProfile, afresh: bool) -> tuple[str, RunProfile]:
    """The new text and what it says; it is understood before anybody writes it."""
    # Slow to import, and needed only here.
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        # Read as bytes: Windows' line ends are to stay what they are.
        document = tomlkit.parse(file.read_bytes().decode("utf-8-sig") if file.exists() else "")
        as_facts(document.unwrap(), RunProfile, file)
        for key in [key for key in document if afresh and key not in _KEPT]:
            del document[key]
        for key, value in _said(given).items():
            _put(document, key, value)
        text = tomlkit.dumps(document)
        profile = as_facts(tomlkit.parse(text).unwrap(), RunProfile, file)
        check_profile(file, profile)
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise LauncherError(
            "bad-facts",
            t("The file {file} is not right: {what}", file=file, what=str(error)),
            t("Correct it with a text editor, or delete it."),
        ) from None
    except OSError as error:
        raise _no_permission(file, error) from None
    return text, profile


def _said(given: RunProfile) -> dict[str, Any]:
    return {each.name: asdict(given)[each.name] for each in fields(given) if asdict(given)[each.name] not in
            (None, "", (), {})}  # fmt: skip


def _put(document: Any, key: str, value: Any) -> None:
    """Lists are replaced, variables are added to those that are there."""
    import tomlkit

    if isinstance(value, dict):
        table = document.setdefault(key, tomlkit.table())
        for name, each in value.items():
            table[name] = each
    else:
        document[key] = list(value) if isinstance(value, tuple) else value


def _busy(holder: object) -> LauncherError:
    return LauncherError(
        "profile-busy",
        t("Another Gesso (process {pid}) is changing this profile.", pid=holder),
        t("Try again in a moment."),
    )


def _no_permission(file: Path, error: OSError) -> LauncherError:
    why: Text | str = error.strerror or str(error)
    return LauncherError(
        "no-permission",
        t("The file {file} cannot be written: {why}.", file=file, why=why),
        t("Choose a folder of your own with --root."),
    )
