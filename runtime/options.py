"""The settings in config.json, in AUTOMATIC1111's form: what is known has a default and a type, the rest is kept."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runtime.casting import cast, checked
from runtime.files import BusyError, alone_with, read_object, read_object_alone, write_whole
from runtime.freezing import Freeze
from runtime.job_options import JobOptions
from runtime.request import RequestError
from runtime.setting import JOB_DEFAULTS
from runtime.settings_elsewhere import ELSEWHERE
from runtime.settings_table import BY_NAME, DEFAULTS

_LOG = logging.getLogger(__name__)

#: what a single job may set for itself; folders and files are not among them
OVERRIDABLE = frozenset(name for name in JOB_DEFAULTS if not name.startswith("outdir_"))
#: further settings that a request may name: the queue and the API heed them
_FOR_THE_SERVER = frozenset({"sd_model_checkpoint", "samples_save"})
#: letters of config.json: AUTOMATIC1111's, with hundreds of settings of its extensions, has some fifty thousand
_MOST = 4_000_000


class Options:
    """The stored settings. Reading is cheap; `update` writes the file.

    Several servers may share it: each writes what was changed there and leaves the rest as it finds it. What another
    has written counts here from the next start on.
    """

    def __init__(self, file: Path, freeze: Freeze | None = None) -> None:
        self._file, self.freeze = file, freeze or Freeze()
        self._lock = threading.Lock()
        self._stored, self._unusable = _divided(_read(file) or {})

    def __getitem__(self, name: str) -> Any:
        return self._stored.get(name, DEFAULTS[name])

    def for_job(self, overrides: Mapping[str, Any], advised: Mapping[str, Any] | None = None) -> JobOptions:
        """The options as one job sees them; null is no override. `advised` counts where neither job nor file speak.

        RequestError for an override that is not of its option's type, that nobody knows, or that is frozen.
        """
        chosen = {name: _override(name, value) for name, value in overrides.items() if value is not None}
        changed = {name: value for name, value in chosen.items() if name in DEFAULTS and value != self[name]}
        self.freeze.for_jobs.refuse(changed)
        given = {name: value for name, value in chosen.items() if name in OVERRIDABLE}
        own = {name: value for name, value in (advised or {}).items() if name not in self._stored}
        return JobOptions(**{name: self[name] for name in JOB_DEFAULTS} | own | given)

    def known(self) -> dict[str, Any]:
        """Every known option, defaults filled in; whole numbers whose default is not 0 as floats, as upstream."""
        return {name: _as_listed(name, self[name]) for name in DEFAULTS}

    def update(self, changes: Mapping[str, Any], keep_frozen: bool = True) -> None:
        """Check all, then store and write. Unknown names are kept: AUTOMATIC1111 has hundreds. Null brings the default.

        RequestError, and nothing is stored, where the flags freeze a setting (`keep_frozen` False: the server's own
        changes), a value is not one that the setting takes, or the file cannot be written. A default that somebody sets
        is stored like any other value, so that it wins over what a checkpoint advises.
        """
        with self._lock:
            heeded = {name: value for name, value in changes.items() if not keep_frozen or self._heeds(name)}
            new = self._wanted(heeded) if keep_frozen else self._new(heeded)
            self._write(dict.fromkeys(self._unusable.keys() & heeded.keys()) | new)
            self._stored = _changed(self._stored, new)
            self._unusable = {name: value for name, value in self._unusable.items() if name not in heeded}

    def _write(self, changes: Mapping[str, Any]) -> None:
        if not changes:
            return
        try:
            with alone_with(self._file):
                found = read_object_alone(self._file)
                before = self._unusable | self._stored if found is None else migrated(found)
                if (content := _changed(before, changes)) != before:
                    write_whole(self._file, _written(content))
        except BusyError as busy:
            raise RequestError(
                "settings-busy",
                f"{self._file.name} could not be written: another process is writing it.",
                "Try again in a moment; the settings are as they were.",
            ) from busy
        except OSError as refused:
            raise RequestError(
                "cannot-save",
                f"{self._file.name} could not be written: {refused.strerror or refused}.",
                "Make room on the disk, or look at the folder's rights; the settings are as they were.",
            ) from refused

    def check(self, changes: Mapping[str, Any]) -> None:
        """RequestError where `update` would refuse these."""
        heeded = {name: value for name, value in changes.items() if self._heeds(name)}
        self._wanted(heeded)

    def _wanted(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """The same of what somebody asks for: RequestError for what is frozen, and for more than a file should hold."""
        self._refuse_frozen(changes)
        new = self._new(changes)
        kept = self._unusable | self._stored
        size = len(_written(_changed(kept, new)))
        if size > _MOST and size > len(_written(kept)):
            what = f"All settings together would have more than {_MOST:,} letters."
            raise RequestError("settings-too-large", what, "Send shorter values, or fewer settings.")
        return new

    def _new(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """What of these is to be stored, checked; None for what shall be its default."""
        wanted = {name: None if value is None else checked(name, value) for name, value in changes.items()}
        # whoever sends back all that GET /options lists has not chosen each default in it
        returned = len(changes.keys() & DEFAULTS.keys()) > len(DEFAULTS) / 2
        return {name: value for name, value in wanted.items() if not self._passes(name, value, returned)}

    def _passes(self, name: str, value: Any, returned: bool) -> bool:
        """Is it what counts already, and to be left as it is: frozen, or one of many that are only sent back?"""
        return name in DEFAULTS and value == self[name] and (returned or self.freeze.covers(name))

    def _heeds(self, name: str) -> bool:
        return not self.freeze.unheeded(name)

    def _refuse_frozen(self, changes: Mapping[str, Any]) -> None:
        self.freeze.refuse({name: value for name, value in changes.items() if not self._is(name, value)})

    def _is(self, name: str, value: Any) -> bool:
        """Is this what counts already? Null is the default."""
        now = self._stored.get(name, DEFAULTS.get(name))
        if value is None:
            return bool(now == DEFAULTS.get(name))
        try:
            return bool(cast(name, value) == now)
        except (ValueError, OverflowError):
            return False


def unheeded(overrides: Mapping[str, Any]) -> tuple[str, ...]:
    """Sentences about overrides that change nothing here."""
    folders = JOB_DEFAULTS.keys() - OVERRIDABLE
    idle = [name for name in overrides if name in ELSEWHERE or name in folders or _listed_only(name)]
    return tuple(f"The setting {name} of override_settings has no effect on a job here." for name in idle)


def keepable(name: str) -> bool:
    """May a job leave this setting set? Not the folders, which no job may set, nor the checkpoint, which is chosen."""
    return name in DEFAULTS and name != "sd_model_checkpoint" and not name.startswith("outdir_")


def _listed_only(name: str) -> bool:
    return name in BY_NAME and name not in JOB_DEFAULTS and name not in _FOR_THE_SERVER


def _divided(found: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(what counts, what another program may have written and cannot count here; the file keeps both)."""
    kept = {name: _checked_or_warn(name, value) for name, value in found.items() if value is not None}
    usable = {name: value for name, value in kept.items() if value is not None}
    return usable, {name: value for name, value in found.items() if kept.get(name, ...) is None}


def _checked_or_warn(name: str, value: Any) -> Any:
    try:
        return checked(name, value)
    except RequestError as refused:
        _LOG.warning("%s Its default counts.", refused.message)
        return None


def _override(name: str, value: Any) -> Any:
    if name not in DEFAULTS and name not in ELSEWHERE:
        message = f"override_settings.{name:.60} is no known setting."
        raise RequestError("unknown-override", message, "GET /sdapi/v1/options lists the settings.")
    return checked(name, value)


def _as_listed(name: str, value: Any) -> Any:
    default = DEFAULTS[name]
    whole = isinstance(default, int) and not isinstance(default, bool)
    return float(value) if whole and default != 0 else value


def _written(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=4, ensure_ascii=False)


def _changed(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """None takes a name out."""
    return {name: value for name, value in {**before, **changes}.items() if changes.get(name, ...) is not None}


def _read(file: Path) -> dict[str, Any] | None:
    found = read_object(file)
    return None if found is None else migrated(found)


def migrated(found: dict[str, Any]) -> dict[str, Any]:
    """Settings of earlier versions under their present names; the old names stay in the file."""
    new: dict[str, Any] = {}
    for old, name in (("quicksettings", "quicksettings_list"), ("ui_reorder", "ui_reorder_list")):
        if name not in found and isinstance(found.get(old), str):
            new[name] = [part.strip() for part in found[old].split(",") if part.strip()]
    overriding = "sd_vae_overrides_per_model_preferences"
    if overriding not in found and isinstance(found.get("sd_vae_as_default"), bool):
        new[overriding] = not found["sd_vae_as_default"]
    if found.get("sd_vae") == "auto":
        new["sd_vae"] = "Automatic"
    return found | new
