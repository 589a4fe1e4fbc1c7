"""The settings in config.json, in AUTOMATIC1111's form: what is known has a default and a type, the rest is kept."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runtime.files import write_whole
from runtime.request import RequestError

_LOG = logging.getLogger(__name__)

#: what clients and tutorials touch, with AUTOMATIC1111's defaults; None: the type is not fixed
DEFAULTS: Mapping[str, Any] = {
    "sd_model_checkpoint": None,
    "sd_checkpoint_hash": "",
    "sd_vae": "Automatic",
    "CLIP_stop_at_last_layers": 1,
    "eta_noise_seed_delta": 0,
    "randn_source": "GPU",
    "emphasis": "Original",
    "comma_padding_backtrack": 20,
    "eta_ddim": 0.0,
    "eta_ancestral": 1.0,
    "s_churn": 0.0,
    "s_tmin": 0.0,
    "s_tmax": 0.0,
    "s_noise": 1.0,
    "always_discard_next_to_last_sigma": False,
    "sd_noise_schedule": "Default",
    "img2img_fix_steps": False,
    "img2img_color_correction": False,
    "img2img_background_color": "#ffffff",
    "initial_noise_multiplier": 1.0,
    "inpainting_mask_weight": 1.0,
    "overlay_inpaint": True,
    "samples_save": True,
    "samples_format": "png",
    "samples_filename_pattern": "",
    "save_to_dirs": True,
    "grid_save": True,
    "grid_only_if_multiple": True,
    "directories_filename_pattern": "[date]",
    "outdir_samples": "",
    "outdir_txt2img_samples": "outputs/txt2img-images",
    "outdir_img2img_samples": "outputs/img2img-images",
    "outdir_extras_samples": "outputs/extras-images",
    "outdir_grids": "",
    "outdir_txt2img_grids": "outputs/txt2img-grids",
    "outdir_img2img_grids": "outputs/img2img-grids",
    "outdir_save": "log/images",
    "outdir_init_images": "outputs/init-images",
    "jpeg_quality": 80,
    "enable_pnginfo": True,
    "save_txt": False,
    "add_model_hash_to_info": True,
    "add_model_name_to_info": True,
    "add_version_to_infotext": True,
    "face_restoration": False,
    "face_restoration_model": "CodeFormer",
    "code_former_weight": 0.5,
    "tiling": False,
    "upscaler_for_img2img": None,
    "live_previews_enable": True,
    "show_progress_every_n_steps": 10,
    "show_progress_type": "Approx NN",
    "localization": "None",
    "quicksettings_list": ["sd_model_checkpoint"],
    "send_seed": True,
    "send_size": True,
    "sd_lora": "None",
    "lora_add_hashes_to_infotext": True,
    "enable_prompt_comments": True,
    "use_old_scheduling": False,
    "use_downcasted_alpha_bar": False,
    "batch_cond_uncond": True,
    "pad_cond_uncond": False,
    "disabled_extensions": [],
}

#: what a single job may set for itself; folders and files are not among them
OVERRIDABLE = frozenset(
    {"CLIP_stop_at_last_layers", "eta_ddim", "eta_ancestral", "live_previews_enable", "show_progress_every_n_steps"}
)
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

    def for_job(self, overrides: Mapping[str, Any]) -> dict[str, Any]:
        """The settings as one job sees them; of the overrides only those of the drawing count, null is none.

        RequestError names the override that is not of its option's type.
        """
        given = {name: overrides[name] for name in sorted(OVERRIDABLE & overrides.keys())}
        return self.known() | {name: _override(name, value) for name, value in given.items() if value is not None}

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


def eta_option(sampler: str, settings: Mapping[str, Any]) -> float | None:
    """The eta that the settings say, or None where they say the default."""
    name, default = ("eta_ddim", 0.0) if sampler.startswith("DDIM") else ("eta_ancestral", 1.0)
    return None if settings[name] == default else float(settings[name])


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
