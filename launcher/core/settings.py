"""What the user chose, in config.toml: read strictly but kindly, changed so that comments and order stay."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_type_hints

from launcher.core.errors import LauncherError
from launcher.core.facts import as_facts, read_table
from launcher.core.file_lock import only_one
from launcher.core.paths import Workspace
from launcher.core.records import write_text
from launcher.core.text import Text, t

Value = str | int | float | bool | list[str]


@dataclass(frozen=True)
class MirrorSettings:
    """Where to ask, per kind: a name of mirrors.toml, an address, or "official"; None lets measurements decide."""

    packages: str | None = None
    torch: str | None = None
    huggingface: str | None = None
    modelscope: str | None = None
    github: str | None = None
    python: str | None = None


@dataclass(frozen=True)
class ProxySettings:
    """How to get out; None: as the system says."""

    #: an address with its scheme, or "none" for no proxy at all
    address: str | None = None
    #: services (as in MirrorSettings) and hosts that go past the proxy
    direct: tuple[str, ...] = ()


@dataclass(frozen=True)
class DownloadSettings:
    """How files are fetched."""

    #: KiB per second for all files that one command downloads, but not for measuring, git and uv; None and 0: no limit
    limit_kib: int | None = None


@dataclass(frozen=True)
class ModelSettings:
    """Where models lie besides the workspace."""

    #: folders of other programs' installs that are used in place
    linked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """config.toml; what it does not say is None."""

    language: Literal["en", "zh"] | None = None
    #: the colours of the interface
    theme: Literal["dark", "light", "contrast"] | None = None
    #: for new environments: a version such as "3.12", or the path of an interpreter
    python: str | None = None
    mirrors: MirrorSettings = field(default_factory=MirrorSettings)
    proxy: ProxySettings = field(default_factory=ProxySettings)
    downloads: DownloadSettings = field(default_factory=DownloadSettings)
    models: ModelSettings = field(default_factory=ModelSettings)
    #: keys in the file that nobody knows: kept there, and worth a word
    unknown: tuple[str, ...] = ()


def read_settings(workspace: Workspace) -> Settings:
    """What the user chose; nothing where there is no file. LauncherError `bad-settings` names file, key and remedy."""
    return read_settings_file(workspace.config_file)


def read_settings_file(file: Path) -> Settings:
    """As `read_settings`, of any file."""
    try:
        return _understood(read_table(file), file) if file.exists() else Settings()
    except LauncherError as error:
        raise _bad(error.message, file) from None


def change_setting(workspace: Workspace, key: str, value: Value | None) -> None:
    """Set `key` ("mirrors.packages") or, with None, take it back; every other line stays as it is.

    LauncherError `no-such-setting`, `bad-settings` (the value does not suit, nothing is written), `disk-full`,
    `no-permission`.
    """
    if key not in setting_names():
        raise LauncherError(
            "no-such-setting",
            t("There is no setting {key}.", key=key),
            t("There are: {keys}.", keys=", ".join(setting_names())),
        )
    file = workspace.config_file
    with only_one(workspace.state / "config.lock", _busy, patience=10.0):
        # Where it is a link, to what it leads to.
        write_text(Path(os.path.realpath(file)), _changed(file, key, value))


def setting_names(kind: type = Settings, before: str = "") -> tuple[str, ...]:
    """Every key that can be set, with dots."""
    hints = get_type_hints(kind)
    names: list[str] = []
    for each in dataclasses.fields(kind):
        inner = hints[each.name]
        if dataclasses.is_dataclass(inner) and isinstance(inner, type):
            names += setting_names(inner, f"{before}{each.name}.")
        elif each.name != "unknown":
            names.append(before + each.name)
    return tuple(names)


def _understood(table: dict[str, Any], file: Path) -> Settings:
    known, unknown = _sorted_out(table, Settings, "")
    settings = dataclasses.replace(as_facts(known, Settings, file), unknown=tuple(unknown))
    if what := _wrong(settings):
        raise _bad(t("The file {file} is not right: {what}", file=file, what=what), file)
    return settings


def _wrong(settings: Settings) -> Text | None:
    """What is of the right type and yet means nothing."""
    limit = settings.downloads.limit_kib
    if limit is not None and limit < 0:
        wanted = t("a whole number, 0 or more")
        return t('"{key}" must be {expected}, not {found}.', key="downloads.limit_kib", expected=wanted, found=limit)
    services = setting_names(MirrorSettings)
    for each in settings.proxy.direct:
        # A host of one word cannot be told from a service that is not written right.
        if each not in services and not {".", ":"} & set(each):
            allowed = t("{services}, or a host such as models.example", services=", ".join(services))
            return t('"{key}" must be one of {values}.', key="proxy.direct", values=allowed)
    return None


def _sorted_out(table: dict[str, Any], kind: type, before: str) -> tuple[dict[str, Any], list[str]]:
    """The keys that `kind` knows, at every depth, and the names of the others."""
    hints = get_type_hints(kind)
    known: dict[str, Any] = {}
    unknown: list[str] = []
    for key, value in table.items():
        if key not in hints or key == "unknown":
            unknown.append(before + key)
        elif dataclasses.is_dataclass(hints[key]) and isinstance(value, dict):
            known[key], more = _sorted_out(value, hints[key], f"{before}{key}.")
            unknown += more
        else:
            known[key] = value
    return known, unknown


def _changed(file: Path, key: str, value: Value | None) -> str:
    """The new text of the file; it is understood before anybody writes it."""
    # Slow to import, and needed only here.
    import tomlkit
    from tomlkit.exceptions import ParseError, TOMLKitError

    try:
        # Read as bytes: Windows' line ends are to stay what they are.
        document = tomlkit.parse(file.read_bytes().decode("utf-8-sig") if file.exists() else "")
        _put(document, key.split("."), value)
        text = tomlkit.dumps(document)
        _understood(tomlkit.parse(text).unwrap(), file)
    except (ParseError, UnicodeDecodeError) as error:
        raise _bad(t("The file {file} is not right: {what}", file=file, what=str(error)), file) from None
    except TOMLKitError as error:
        raise _bad(t("The file {file} cannot take {key}: {what}", file=file, key=key, what=str(error)), file) from None
    except OSError as error:
        message = t("The file {file} cannot be read: {reason}.", file=file, reason=error.strerror or error)
        raise _bad(message, file) from None
    except LauncherError as error:
        raise _bad(error.message, file) from None
    return text


def _put(document: Any, path: list[str], value: Value | None) -> None:
    import tomlkit

    *tables, name = path
    for each in tables:
        if each not in document:
            if value is None:
                return
            document[each] = tomlkit.table()
        document = document[each]
        if not isinstance(document, MutableMapping):
            where, expected = ".".join(path[: tables.index(each) + 1]), t("a table")
            message = t('"{key}" must be {expected}.', key=where, expected=expected)
            raise LauncherError("bad-settings", message, t("Correct it with a text editor."))
    if value is not None:
        document[name] = value
    elif name in document:
        del document[name]


def _bad(message: Text, file: Path) -> LauncherError:
    return LauncherError(
        "bad-settings",
        message,
        t("Correct {file} with a text editor, or delete it: then nothing is chosen.", file=file),
    )


def _busy(holder: object) -> LauncherError:
    return LauncherError(
        "settings-busy",
        t("Another Gesso (process {pid}) is changing the settings.", pid=holder),
        t("Try again in a moment."),
    )
