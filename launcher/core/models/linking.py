"""Link another program's install, and take that back: two settings are written, nothing is copied, moved or deleted."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.models.other_installs import OUTPUTS, OtherInstall, find_installs, overriding, picture_folders
from launcher.core.paths import Workspace, written_path
from launcher.core.records import read_record, write_record
from launcher.core.running import find_running
from launcher.core.settings import change_setting, read_settings
from launcher.core.text import Text, t

#: the runtime's own default of each of these options, and what a settings page stores for it
_OWN = {option: f"outputs/{name}" for option, name in OUTPUTS.items()}
_STOP = t("Stop it with `gesso stop` and try again.")
_STOP_OR_LEAVE = t("Stop it with `gesso stop` and try again, or add --no-outputs.")
_CORRECT = t("Correct it with a text editor.")
_CORRECT_OR_LEAVE = t("Correct it, or link with --no-outputs.")


def link(workspace: Workspace, folder: Path, *, outputs: bool = True) -> OtherInstall:
    """Use the install at `folder` from the next start on; with `outputs`, new pictures go where its own went.

    LauncherError `not-an-install`, `link-unclear`, `link-itself`, `runtime-running` (it keeps its settings in memory),
    `bad-settings`.
    """
    install = _found(workspace, folder)
    place = str(install.root)
    linked = read_settings(workspace).models.linked
    sent = _free(_options(workspace, _CORRECT_OR_LEAVE), picture_folders(install)) if outputs else {}
    if sent:
        _refuse_running(workspace, _STOP_OR_LEAVE)
    if place not in linked:
        change_setting(workspace, "models.linked", [*linked, place])
    if sent:
        _remember(workspace, place, {**_remembered(workspace, place), **sent})
        write_record(workspace.root / "config.json", {**_options(workspace, _CORRECT_OR_LEAVE), **sent})
    return install


def unlink(workspace: Workspace, folder: Path) -> Path:
    """The install is no longer used; its files, and the pictures in it, stay.

    LauncherError `not-linked`, `link-unclear`, `runtime-running`, `bad-settings`.
    """
    linked = read_settings(workspace).models.linked
    meant = _meant(folder, linked)
    if not meant:
        raise LauncherError(
            "not-linked",
            t("{folder} is not linked.", folder=folder),
            t("Linked are: {folders}.", folders=", ".join(linked)) if linked else t("Nothing is linked."),
        )
    if len(meant) > 1:
        raise _unclear(t("{folder} may mean several of the linked folders.", folder=folder), meant)
    (place,) = meant
    if sent := _remembered(workspace, place):
        _keep_pictures_here(workspace, sent)
        _remember(workspace, place, {})
    change_setting(workspace, "models.linked", [each for each in linked if each != place] or None)
    return Path(place)


def pictures_in(workspace: Workspace, install: OtherInstall) -> tuple[str, ...]:
    """The folders of `install` into which new pictures go, as our config.json says today."""
    options = read_record(workspace.root / "config.json") or {}
    found = [
        value
        for option, value in picture_folders(install).items()
        if options.get(option) == value and not options.get(overriding(option))
    ]
    if install.outputs and found and all(Path(value).is_relative_to(install.outputs) for value in found):
        return (str(install.outputs),)
    return tuple(dict.fromkeys(found))


def _found(workspace: Workspace, folder: Path) -> OtherInstall:
    place = _absolute(folder)
    installs = find_installs(place) if place.is_dir() else ()
    if not installs:
        raise LauncherError(
            "not-an-install",
            t("No AUTOMATIC1111, Forge or ComfyUI was found in {folder}.", folder=place),
            t("Name the folder that holds webui.py, or ComfyUI's main.py."),
        )
    if len(installs) > 1:
        message = t("There are several installs in {folder}.", folder=place)
        raise _unclear(message, [str(install.root) for install in installs])
    (install,) = installs
    if _same(install.root, workspace.root) or _same(install.root / "models", workspace.models):
        raise LauncherError(
            "link-itself",
            t("{folder} is Gesso's own workspace.", folder=install.root),
            t("Its models are used already."),
        )
    return install


def _unclear(message: Text, places: Sequence[str]) -> LauncherError:
    return LauncherError("link-unclear", message, t("Name one of them: {folders}.", folders=", ".join(places)))


def _meant(folder: Path, linked: Sequence[str]) -> list[str]:
    """The linked folders that `folder` says, by the surest way that says any."""
    if str(folder) in linked:
        # as it stands in config.toml, were it no path at all
        return [str(folder)]
    place = _absolute(folder)
    inside = {str(install.root) for install in find_installs(place)} if place.is_dir() else set()
    ways: tuple[Callable[[str], bool], ...] = (
        lambda each: each == str(place),
        lambda each: each in inside,
        lambda each: Path(each).name == str(folder),
        # What is linked may lie one step inside of what was named, on a disk that is away today.
        lambda each: Path(each).parent == place,
    )
    return next((found for way in ways if (found := [each for each in linked if way(each)])), [])


def _absolute(folder: Path) -> Path:
    return Path(os.path.abspath(written_path(folder)))  # noqa: PTH100 - resolve() would follow links


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _free(options: Mapping[str, object], wanted: Mapping[str, str]) -> dict[str, str]:
    """Of `wanted`, what the user has not chosen: an option that differs from its default is a choice."""
    return {key: value for key, value in wanted.items() if options.get(key) in (None, "", _OWN[key])}


def _keep_pictures_here(workspace: Workspace, sent: Mapping[str, object]) -> None:
    """What `link` has written, and nobody has changed since, falls back to its default."""
    options = _options(workspace, _CORRECT)
    kept = {key: value for key, value in options.items() if key not in sent or value != sent[key]}
    if kept != options:
        _refuse_running(workspace, _STOP)
        write_record(workspace.root / "config.json", kept)


def _remembered(workspace: Workspace, place: str) -> dict[str, object]:
    """The options that linking `place` has written, with their values."""
    found = (read_record(_memory(workspace)) or {}).get(place)
    return found if isinstance(found, dict) else {}


def _remember(workspace: Workspace, place: str, sent: Mapping[str, object]) -> None:
    every = {key: value for key, value in (read_record(_memory(workspace)) or {}).items() if key != place}
    write_record(_memory(workspace), {**every, **({place: dict(sent)} if sent else {})})


def _memory(workspace: Workspace) -> Path:
    return workspace.state / "linked-pictures.json"


def _options(workspace: Workspace, hint: Text) -> dict[str, object]:
    """The runtime's config.json; LauncherError `bad-settings` when something else lies there."""
    file = workspace.root / "config.json"
    found = read_record(file)
    if found is None and file.exists():
        message = t("The file {file} is not right: {what}", file=file, what=t("it must hold keys with values."))
        raise LauncherError("bad-settings", message, hint)
    return found or {}


def _refuse_running(workspace: Workspace, hint: Text) -> None:
    running = find_running(workspace)
    if running is not None:
        raise LauncherError(
            "runtime-running",
            t("Gesso is running (process {pid}) and would overwrite where pictures go.", pid=running.pid),
            hint,
        )
