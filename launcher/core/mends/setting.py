"""One setting of config.toml changed by a mend, and put back."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from launcher.core.events import Event, Notice
from launcher.core.mends.mend import Here, Record, changed_since
from launcher.core.proxy_address import masked
from launcher.core.settings import change_setting, read_settings
from launcher.core.text import t


def setting(here: Here, key: str) -> Any:
    """What config.toml says; None: nothing. LauncherError `bad-settings`."""
    found: Any = read_settings(here.workspace)
    for name in key.split("."):
        found = getattr(found, name)
    return found


def kept_setting(here: Here, key: str, value: str) -> Record:
    """What `put_back` needs, before it is changed."""
    return {"key": key, "before": setting(here, key), "after": value}


def put(here: Here, key: str, value: str) -> Generator[Event, None, Record]:
    """Change it; the value is what `put_back` needs."""
    record = kept_setting(here, key, value)
    here.begin(record)
    change_setting(here.workspace, key, value)
    yield Notice("setting-changed", "info", t("The setting {key} is now {value}.", key=key, value=masked(value)))
    return record


def put_back(here: Here, record: Record) -> Generator[Event, None, None]:
    """As it was before `put`. LauncherError `mend-changed-since`."""
    key, before = record["key"], record["before"]
    now = setting(here, key)
    if now not in (before, record["after"]):
        raise changed_since(t("The setting {key}", key=key))
    if now != before:
        change_setting(here.workspace, key, before)
    yield Notice("setting-changed", "info", t("The setting {key} is as it was before.", key=key))
