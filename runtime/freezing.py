"""Which settings may not be changed: --freeze-settings and its like, enforced at the one place that stores them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runtime.request import RequestError
from runtime.settings_table import BY_NAME

#: settings that --hide-ui-dir-config keeps as they are
PATHS = frozenset(name for name, one in BY_NAME.items() if one.section.id == "saving-paths")


@dataclass(frozen=True)
class Freeze:
    """What the flags forbid; nothing by default."""

    everything: bool = False
    #: ids or titles of sections
    sections: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    #: paths stay as they are, without a word
    hide_paths: bool = False

    def refuse(self, changes: Mapping[str, Any]) -> None:
        """RequestError if one of these settings may not be changed."""
        for name in changes:
            flag = self._flag(name)
            if flag:
                what = "Settings" if self.everything else f"The setting {name}"
                hint = f"The server was started with {flag}."
                raise RequestError("settings-frozen", f"{what} cannot be changed here.", hint)

    def covers(self, name: str) -> bool:
        """Is this setting frozen?"""
        return self._flag(name) is not None

    def _flag(self, name: str) -> str | None:
        known = BY_NAME.get(name)
        if self.everything:
            return "--freeze-settings"
        if name in self.names:
            return "--freeze-specific-settings"
        frozen = known and {known.section.id, known.section.title} & self.sections
        return "--freeze-settings-in-sections" if frozen else None

    def unheeded(self, name: str) -> bool:
        """Is a change of this setting passed over without a word, as upstream does?"""
        known = BY_NAME.get(name)
        return bool(known and known.private) or (self.hide_paths and name in PATHS)


def freeze_from(flags: Mapping[str, Any]) -> Freeze:
    """From the flags by their keys."""
    return Freeze(
        everything=bool(flags.get("freeze_settings")),
        sections=_words(flags.get("freeze_settings_in_sections")),
        names=_words(flags.get("freeze_specific_settings")),
        hide_paths=bool(flags.get("hide_ui_dir_config")),
    )


def _words(text: Any) -> frozenset[str]:
    return frozenset(filter(None, (part.strip() for part in str(text or "").split(","))))
