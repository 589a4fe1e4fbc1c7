"""Override settings: settings that count for the tab's pictures alone, as a pasted infotext asks for them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from runtime.casting import cast
from runtime.infotext import OPTIONS
from runtime.settings_table import BY_NAME
from runtime.studio import Studio
from runtime.ui.fields import Fields

#: the control's name; its values are `Clip skip: 2`, as infotext has it, or `option: value`
OVERRIDES = "override_settings"
_KEYS = {option: key for key, option in OPTIONS.items()}
_NAMES = {key.casefold(): option for key, option in OPTIONS.items()} | dict.fromkeys(
    ("model hash", "model"), "sd_model_checkpoint"
)
_HASH = re.compile("[0-9a-f]{8,64}")
#: has a box of its own on the page
_ELSEWHERE = ("tiling",)


def override_list(fields: Fields) -> None:
    """Empty until an infotext is pasted; entries can be taken out."""
    box = gr.Dropdown(
        [], value=[], multiselect=True, allow_custom_value=True, label="Override settings",
        elem_id=f"{fields.tab}_override_settings", elem_classes=["gesso-overrides"],
    )  # fmt: skip
    fields.add(OVERRIDES, box)


def overriding(studio: Studio, options: Mapping[str, str]) -> list[str]:
    """Those of an infotext's options that differ from the settings, as the control shows them."""
    return [f"{_key(name, value)}: {value}" for name, value in options.items() if _differs(studio, name, value)]


def read_overrides(entries: Sequence[str] | None) -> dict[str, str]:
    """The control's entries as options.for_job takes them."""
    pairs = (entry.partition(":") for entry in entries or ())
    return {_option(name.strip()): value.strip() for name, colon, value in pairs if colon}


def _key(option: str, value: str) -> str:
    if option == "sd_model_checkpoint":
        return "Model hash" if _HASH.fullmatch(value) else "Model"
    return _KEYS.get(option, option)


def _option(name: str) -> str:
    return _NAMES.get(name.casefold(), name)


def _differs(studio: Studio, name: str, value: str) -> bool:
    if name in _ELSEWHERE or name not in BY_NAME:
        return False
    if name == "sd_model_checkpoint":
        found = studio.library.find(value)
        return found is not None and (studio.chosen is None or found.path != studio.chosen.path)
    try:
        wanted: Any = cast(name, value)
    except (ValueError, OverflowError):
        return False
    return bool(wanted != studio.options[name])
