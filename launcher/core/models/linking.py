"""Link another program's install, and take that back: two settings are written, nothing is copied, moved or deleted."""

from __future__ import annotations

import os
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.models.links import read_links
from launcher.core.models.other_installs import OUTPUTS, OtherInstall, find_install, picture_folders
from launcher.core.paths import Workspace
from launcher.core.records import read_record, write_record
from launcher.core.running import find_running
from launcher.core.settings import change_setting, read_settings
from launcher.core.text import t

#: the runtime's own default of each of these options, and what a settings page stores for it
_OWN = {option: f"outputs/{name}" for option, name in OUTPUTS.items()}


def link(workspace: Workspace, folder: Path, *, outputs: bool = True) -> OtherInstall:
    """Use the install at `folder` from the next start on; with `outputs`, new pictures go where its own went.

    LauncherError `not-an-install`, `link-itself`, `runtime-running` (it keeps its settings in memory), `bad-settings`.
    """
    install = _found(workspace, folder)
    place = str(install.root)
    if outputs and install.outputs:
        _send_pictures(workspace, picture_folders(install))
    linked = read_settings(workspace).models.linked
    if place not in linked:
        change_setting(workspace, "models.linked", [*linked, place])
    return install


def unlink(workspace: Workspace, folder: Path) -> Path:
    """The install is no longer used; its files, and the pictures in it, stay. LauncherError `not-linked`."""
    linked = read_settings(workspace).models.linked
    place = next((each for each in linked if _means(folder, Path(each))), None)
    if place is None:
        raise LauncherError(
            "not-linked",
            t("{folder} is not linked.", folder=folder),
            t("Linked are: {folders}.", folders=", ".join(linked)) if linked else t("Nothing is linked."),
        )
    install = next((one for one in read_links(workspace).installs if str(one.root) == place), None)
    _keep_pictures_here(workspace, picture_folders(install) if install else {}, Path(place))
    change_setting(workspace, "models.linked", [each for each in linked if each != place] or None)
    return Path(place)


def _found(workspace: Workspace, folder: Path) -> OtherInstall:
    place = Path(os.path.abspath(folder.expanduser()))  # noqa: PTH100 - resolve() would follow links
    install = find_install(place) if place.is_dir() else None
    if install is None:
        raise LauncherError(
            "not-an-install",
            t("No AUTOMATIC1111, Forge or ComfyUI was found in {folder}.", folder=place),
            t("Name the folder that holds webui.py, or ComfyUI's main.py."),
        )
    if _same(install.root, workspace.root) or _same(install.root / "models", workspace.models):
        raise LauncherError(
            "link-itself",
            t("{folder} is Gesso's own workspace.", folder=install.root),
            t("Its models are used already."),
        )
    return install


def _means(folder: Path, linked: Path) -> bool:
    place = Path(os.path.abspath(folder.expanduser()))  # noqa: PTH100
    found = find_install(place) if place.is_dir() else None
    return linked == place or str(folder) == linked.name or (found is not None and found.root == linked)


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _send_pictures(workspace: Workspace, wanted: dict[str, str]) -> None:
    """Only where the user has not chosen a folder: an option that differs from its default is a choice."""
    options = _options(workspace)
    free = {key: value for key, value in wanted.items() if options.get(key) in (None, "", _OWN[key], value)}
    if free:
        _write_options(workspace, {**options, **free})


def _keep_pictures_here(workspace: Workspace, sent: dict[str, str], root: Path) -> None:
    """Options that still lead into the install fall back to their defaults."""
    options = _options(workspace)
    kept = {
        key: value
        for key, value in options.items()
        if key not in _OWN or not isinstance(value, str) or (value != sent.get(key) and not _inside(value, root))
    }
    if kept != options:
        _write_options(workspace, kept)


def _inside(value: str, root: Path) -> bool:
    return Path(value).is_absolute() and Path(value).is_relative_to(root)


def _options(workspace: Workspace) -> dict[str, object]:
    """The runtime's config.json; LauncherError `bad-settings` when something else lies there."""
    file = workspace.root / "config.json"
    found = read_record(file)
    if found is None and file.exists():
        raise LauncherError(
            "bad-settings",
            t("The file {file} is not right: {what}", file=file, what=t("it must hold keys with values.")),
            t("Correct it, or link with --no-outputs."),
        )
    return found or {}


def _write_options(workspace: Workspace, options: dict[str, object]) -> None:
    running = find_running(workspace)
    if running is not None:
        raise LauncherError(
            "runtime-running",
            t("Gesso is running (process {pid}) and would overwrite where pictures go.", pid=running.pid),
            t("Stop it with `gesso stop` and try again, or add --no-outputs."),
        )
    try:
        write_record(workspace.root / "config.json", options)
    except OSError as error:
        raise LauncherError(
            "no-permission",
            t("The file {file} cannot be written: {why}.", file=workspace.root / "config.json",
              why=error.strerror or error),
            t("Choose a folder of your own with --root."),
        ) from error  # fmt: skip
