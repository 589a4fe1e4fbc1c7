"""What the user's pip already knows: its configuration files and PIP_* variables (`uv_settings` says it to uv).

Names and order follow pip's documentation ("Configuration"): per section, the files global, user, site and
PIP_CONFIG_FILE, a later one winning; then the sections `[global]`, `[install]` and the PIP_* variables, likewise.
"""

from __future__ import annotations

import configparser
import locale
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.text import Text, t

_ALIASES = {"pypi-url": "index-url", "default-timeout": "timeout"}
_YES, _NO = ("y", "yes", "t", "true", "on", "1"), ("n", "no", "f", "false", "off", "0")


@dataclass(frozen=True)
class PipSettings:
    """What pip would use to install; None and () are "not configured"."""

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    #: folders, files or pages
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    proxy: str | None = None
    #: path of a CA bundle
    cert: str | None = None
    client_cert: str | None = None
    #: shown but never obeyed: certificates are always checked
    trusted_hosts: tuple[str, ...] = ()
    #: seconds
    timeout: float | None = None
    #: the configuration files that were read, lowest priority first
    files: tuple[Path, ...] = ()


def read_pip_settings(
    environ: Mapping[str, str], *, platform: str = sys.platform, prefix: str = sys.base_prefix
) -> PipSettings:
    """pip's settings for `pip install`; LauncherError `pip-settings` if a file or a value cannot be understood.

    `prefix` is the Python whose pip the user has: not the launcher's own environment but the one it was made from.
    """
    files = tuple(path for path in configuration_files(environ, platform, prefix) if path.exists())
    values = _merged([_read(path) for path in files], environ)

    def several(key: str) -> tuple[str, ...]:
        return tuple(values.get(key, "").split())

    home = _home(environ, platform)
    return PipSettings(
        index_url=values.get("index-url"),
        extra_index_urls=several("extra-index-url"),
        find_links=tuple(_expanded(link, home) for link in several("find-links")),
        no_index=_yes("no-index", values.get("no-index", "no")),
        proxy=values.get("proxy"),
        cert=_path(values.get("cert"), home),
        client_cert=_path(values.get("client-cert"), home),
        trusted_hosts=several("trusted-host"),
        timeout=_seconds(values.get("timeout")),
        files=files,
    )


def configuration_files(environ: Mapping[str, str], platform: str, prefix: str) -> Iterator[Path]:
    """Where pip would look, lowest priority first, whether the file is there or not."""
    named = environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return
    name = "pip.ini" if platform == "win32" else "pip.conf"
    yield from (folder / name for folder in _global_folders(environ, platform))
    if not (named and Path(named).exists()):
        yield from (folder / name for folder in _user_folders(environ, platform))
    yield Path(prefix) / name
    if named:
        yield Path(named)


def _global_folders(environ: Mapping[str, str], platform: str) -> list[Path]:
    if platform == "win32":
        return [Path(environ.get("PROGRAMDATA") or "C:/ProgramData") / "pip"]
    if platform == "darwin":
        return [Path("/Library/Application Support/pip")]
    folders = (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")
    return [*(Path(folder) / "pip" for folder in folders if folder), Path("/etc")]


def _user_folders(environ: Mapping[str, str], platform: str) -> list[Path]:
    """The legacy place first, because the newer one wins."""
    home = _home(environ, platform)
    if platform == "win32":
        return [home / "pip", Path(environ.get("APPDATA") or home / "AppData/Roaming") / "pip"]
    modern = Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip"
    if platform == "darwin":
        native = home / "Library/Application Support/pip"
        modern = native if native.is_dir() else home / ".config/pip"
    return [home / ".pip", modern]


def _home(environ: Mapping[str, str], platform: str) -> Path:
    """As Python finds it: on Windows HOME, which Git's shell sets, does not count."""
    return Path(environ.get("USERPROFILE" if platform == "win32" else "HOME") or Path("~").expanduser())


def _read(path: Path) -> dict[str, dict[str, str]]:
    """The sections of one file, with their keys in pip's spelling; an unreadable file is passed over, as by pip."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(_decoded(path.read_bytes()), str(path))
    except OSError:
        return {}
    except (configparser.Error, UnicodeDecodeError) as error:
        raise _wrong(t("pip's configuration file {file} cannot be read: {reason}", file=path, reason=error)) from None
    return {section: {_key(name): value for name, value in parser.items(section)} for section in parser.sections()}


def _decoded(data: bytes) -> str:
    """UTF-8, with the mark that Windows' Notepad puts first, else what the system writes (Chinese Windows: GBK)."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode(locale.getpreferredencoding(False))


def _key(name: str) -> str:
    return name.lower().replace("_", "-").removeprefix("--")


def _merged(files: list[dict[str, dict[str, str]]], environ: Mapping[str, str]) -> dict[str, str]:
    """An empty value in a later file undoes an earlier one of its section, but counts for nothing itself."""
    values: dict[str, str] = {}
    for section in ("global", "install"):
        merged: dict[str, str] = {}
        for file in files:
            merged.update(file.get(section, {}))
        values.update(_said(merged))
    values.update(_said({_key(name[4:]): value for name, value in environ.items() if name.startswith("PIP_")}))
    return values


def _said(merged: dict[str, str]) -> dict[str, str]:
    """What is not empty, under its first name; an alias undoes its other name only if it says something."""
    return {_ALIASES.get(key, key): value for key, value in merged.items() if value}


def _expanded(link: str, home: Path) -> str:
    """pip replaces a leading ~ only if that leads somewhere."""
    if link.startswith("~"):
        path = Path(str(home) + link[1:]) if link[1:2] in ("", "/", "\\") else Path(link)
        return str(path) if path.exists() else link
    return link


def _path(value: str | None, home: Path) -> str | None:
    if value and value.startswith("~/"):
        return str(home / value[2:])
    return value


def _yes(key: str, value: str) -> bool:
    if value.strip().lower() in _YES:
        return True
    if value.strip().lower() in _NO:
        return False
    raise _wrong(t('pip\'s setting "{key}" must be yes or no, not "{value}".', key=key, value=value))


def _seconds(value: str | None) -> float | None:
    try:
        return float(value) if value else None
    except ValueError:
        message = t('pip\'s setting "{key}" must be a number of seconds, not "{value}".', key="timeout", value=value)
        raise _wrong(message) from None


def _wrong(message: Text) -> LauncherError:
    return LauncherError(
        "pip-settings", message, t("`pip config debug` shows where each of pip's settings comes from.")
    )
