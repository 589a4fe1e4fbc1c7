"""The user's own run profiles written and deleted; every line of theirs that is not changed stays as it is."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from launcher.core.errors import LauncherError
from launcher.core.facts import as_facts
from launcher.core.profiles.run_profiles import (
    RunProfile,
    check_name,
    check_profile,
    known_profiles,
    parents_of,
    read_run_profile,
)
from launcher.core.records import write_text
from launcher.core.text import Text, t


def save_profile(folder: Path, name: str, given: RunProfile) -> Path:
    """What `given` says is put into `folder`/NAME.toml, made where it is not there; a file is never half-written.

    LauncherError `profile-name`, `profile-unknown` or `profile-cycle` for what it is to be built on, `bad-facts` for a
    value that cannot be meant or a file that cannot be read, `no-permission`.
    """
    check_name(name)
    file = _existing(folder, name) or folder / f"{name}.toml"
    check_profile(file, given)
    _check_parent(folder, name, given.extends)
    text = _changed(file, given)
    try:
        # Only its owner may read it: there may be passwords in it.
        write_text(file, text)
    except OSError as error:
        raise _no_permission(file, error) from error
    return file


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
        found.file.unlink()
    except OSError as error:
        raise _no_permission(found.file, error) from error
    return found.file


def _existing(folder: Path, name: str) -> Path | None:
    """The file of that name in whatever letters: on Windows and macOS "LAN" and "lan" are one file."""
    return next((file for file in folder.glob("*.toml") if file.stem.casefold() == name.casefold()), None)


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


def _changed(file: Path, given: RunProfile) -> str:
    """The new text; it is understood before anybody writes it."""
    # Slow to import, and needed only here.
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        # Read as bytes: Windows' line ends are to stay what they are.
        document = tomlkit.parse(file.read_bytes().decode("utf-8-sig") if file.exists() else "")
        as_facts(document.unwrap(), RunProfile, file)
        for key, value in _said(given).items():
            _put(document, key, value)
        text = tomlkit.dumps(document)
        check_profile(file, as_facts(tomlkit.parse(text).unwrap(), RunProfile, file))
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise LauncherError(
            "bad-facts",
            t("The file {file} is not right: {what}", file=file, what=str(error)),
            t("Correct it with a text editor, or delete it."),
        ) from None
    except OSError as error:
        raise _no_permission(file, error) from None
    return text


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


def _no_permission(file: Path, error: OSError) -> LauncherError:
    why: Text | str = error.strerror or str(error)
    return LauncherError(
        "no-permission",
        t("The file {file} cannot be written: {why}.", file=file, why=why),
        t("Choose a folder of your own with --root."),
    )
