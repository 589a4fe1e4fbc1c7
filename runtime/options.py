"""The settings in config.json, in AUTOMATIC1111's form: what is known has a default and a type, the rest is kept."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from runtime.files import write_whole
from runtime.job_options import JobOptions
from runtime.request import RequestError

_LOG = logging.getLogger(__name__)

#: what clients and tutorials touch, with AUTOMATIC1111's defaults; None: the type is not fixed
DEFAULTS: Mapping[str, Any] = {
    **asdict(JobOptions()),
    "sd_model_checkpoint": None,
    "sd_checkpoint_hash": "",
    "samples_save": True,
    "outdir_extras_samples": "outputs/extras-images",
    "outdir_save": "log/images",
    "localization": "None",
    "quicksettings_list": ["sd_model_checkpoint"],
    "send_seed": True,
    "send_size": True,
    "disabled_extensions": [],
}
#: what a single job may set for itself; folders and files are not among them
_JOB = frozenset(field.name for field in fields(JobOptions))
OVERRIDABLE = frozenset(name for name in _JOB if not name.startswith("outdir_"))
_LARGEST = 2**53
_WORDS = dict.fromkeys(("true", "1", "1.0", "yes", "on"), True) | dict.fromkeys(
    ("false", "0", "0.0", "no", "off"), False
)


class Options:
    """The stored settings. Reading is cheap; `update` writes the file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._stored = _read(file)

    def __getitem__(self, name: str) -> Any:
        return self._stored.get(name, DEFAULTS[name])

    def for_job(self, overrides: Mapping[str, Any]) -> JobOptions:
        """The options as one job sees them; of the overrides only those of the drawing count, null is none.

        RequestError names the override that is not of its option's type.
        """
        given = {name: overrides[name] for name in sorted(OVERRIDABLE & overrides.keys())}
        chosen = {name: _override(name, value) for name, value in given.items() if value is not None}
        return JobOptions(**{name: self[name] for name in _JOB} | chosen)

    def known(self) -> dict[str, Any]:
        """Every known option, defaults filled in."""
        return {name: self[name] for name in DEFAULTS}

    def update(self, changes: Mapping[str, Any]) -> None:
        """Cast to the options' types, store, write. Unknown names are kept: AUTOMATIC1111 has hundreds.

        Null, and what cannot be cast, bring the default back.
        """
        with self._lock:
            unchanged = {name: value for name, value in self._stored.items() if name not in changes}
            self._stored = unchanged | _cast_all(changes)
            write_whole(self._file, json.dumps(self._stored, indent=4, ensure_ascii=False))


def cast(name: str, value: Any) -> Any:
    """The value in the option's type: 2.0 and "2" are 2, "false" is False. ValueError where that cannot be."""
    default = DEFAULTS.get(name)
    if default is None:
        return value
    if isinstance(default, bool):
        return _truth(value)
    if isinstance(default, (int, float)):
        return _number(value, type(default))
    if isinstance(default, str) and isinstance(value, (int, float)):
        return str(value)
    if not isinstance(value, type(default)):
        raise ValueError(f"{name} is not of the right type")
    return value


def _truth(value: Any) -> bool:
    found = _WORDS.get(str(value).lower())
    if found is None:
        raise ValueError("neither true nor false")
    return found


def _number(value: Any, kind: type[Any]) -> Any:
    """Nothing that JSON or the engine could not carry: no NaN, no infinity, no number of a thousand digits."""
    if not isinstance(value, (int, float, str)):
        raise ValueError("no number")
    number = float(value)
    if not abs(number) < _LARGEST:
        raise ValueError("no number of a usable size")
    return kind(number)


def _cast_all(found: Mapping[str, Any]) -> dict[str, Any]:
    """What cannot be cast is left out with a warning: its default counts. So is null."""
    kept = {name: _cast_or_warn(name, value) for name, value in found.items()}
    return {name: value for name, value in kept.items() if value is not None}


def _cast_or_warn(name: str, value: Any) -> Any:
    try:
        return None if value is None else cast(name, value)
    except (ValueError, OverflowError):
        _LOG.warning("The option %s cannot be %.60r; its default counts.", name, value)
        return None


def _override(name: str, value: Any) -> Any:
    try:
        return cast(name, value)
    except (ValueError, OverflowError):
        message = f"override_settings.{name} is no {type(DEFAULTS[name]).__name__}."
        raise RequestError("bad-override", message, "Send what GET /sdapi/v1/options shows.") from None


def _read(file: Path) -> dict[str, Any]:
    """The file's content; an unreadable one is moved aside, as AUTOMATIC1111 does."""
    try:
        found = json.loads(file.read_text(encoding="utf-8-sig"))
        if isinstance(found, dict):
            return _cast_all(found)
        raise ValueError("it is no JSON object")
    except FileNotFoundError:
        return {}
    except (ValueError, OSError) as broken:
        aside = file.parent / "tmp" / "config.json"
        _LOG.warning("%s cannot be read (%s); it is moved to %s and the defaults are used.", file, broken, aside)
        try:
            aside.parent.mkdir(parents=True, exist_ok=True)
            file.replace(aside)
        except OSError as refused:
            _LOG.warning("%s cannot be moved: %s", file, refused)
        return {}
