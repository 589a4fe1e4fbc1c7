"""Which settings may not be changed: --freeze-settings and its like, enforced at the one place that stores them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from runtime.request import RequestError
from runtime.setting import JOB_DEFAULTS
from runtime.settings_table import BY_NAME

#: settings that --hide-ui-dir-config keeps as they are
PATHS = frozenset(name for name, one in BY_NAME.items() if one.section.id == "saving-paths")
#: what the guides' clients set before they draw: allowed to whoever may come in
ALWAYS = frozenset({"sd_model_checkpoint", "sd_vae", "CLIP_stop_at_last_layers"})
#: what may be set where others than the owner can come in: how pictures are drawn, never where they lie
FROM_OUTSIDE = ALWAYS | frozenset(name for name in JOB_DEFAULTS if not name.startswith("outdir_"))


@dataclass(frozen=True)
class Freeze:
    """What the flags forbid; nothing by default."""

    everything: bool = False
    #: ids or titles of sections
    sections: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    #: paths stay as they are, without a word
    hide_paths: bool = False
    #: the only settings that may be changed at all, and the flag that brings this about; None: no such flag
    only: frozenset[str] | None = None
    because: str = ""

    def refuse(self, changes: Mapping[str, Any]) -> None:
        """RequestError if one of these settings may not be changed."""
        for name in changes:
            flag = self._flag(name)
            if flag:
                one = f"The setting {name} cannot be changed here."
                what = "Settings cannot be changed here." if self.everything else one
                hint = f"The server was started with {flag}. Start it without to change this, or leave the setting out."
                raise RequestError("settings-frozen", what, hint)

    @property
    def for_jobs(self) -> Freeze:
        """What a single job may not set for itself: it stores nothing, so that from where it comes does not matter."""
        return replace(self, only=None)

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
        if frozen:
            return "--freeze-settings-in-sections"
        return self.because if self.only is not None and name not in self.only else None

    def unheeded(self, name: str) -> bool:
        """Is a change of this setting passed over without a word, as upstream does?

        Clients made for another server send settings of its own among those that count here; where others than the
        owner can come in nothing is kept of them.
        """
        known = BY_NAME.get(name)
        if known is None:
            return self.only is not None
        return known.private or (self.hide_paths and name in PATHS)


def freeze_from(flags: Mapping[str, Any], exposed: bool = False) -> Freeze:
    """From the flags by their keys; `exposed`: other computers can reach the server."""
    shared = bool(flags.get("share"))
    return Freeze(
        only=ALWAYS if shared else FROM_OUTSIDE if exposed else None,
        because="--share" if shared else "--listen, --server-name or --allow-host",
        everything=bool(flags.get("freeze_settings")),
        sections=_words(flags.get("freeze_settings_in_sections")),
        names=_words(flags.get("freeze_specific_settings")),
        hide_paths=bool(flags.get("hide_ui_dir_config")),
    )


def _words(text: Any) -> frozenset[str]:
    return frozenset(filter(None, (part.strip() for part in str(text or "").split(","))))
