"""One setting as a control: which kind it takes, what it says, and how its value is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component

from runtime.setting import Setting
from runtime.studio import Studio
from runtime.ui import choices
from runtime.ui.frame import Frame

#: lists that depend on what lies in the folders
_LISTS: Mapping[str, Callable[[Studio], list[str]]] = {
    "sd_model_checkpoint": choices.checkpoints,
    "sd_vae": choices.vaes,
    "sd_lora": choices.lora_names,
    "localization": choices.localizations,
    "upscaler_for_img2img": choices.upscalers,
}


def setting_control(frame: Frame, setting: Setting, brief: bool = False) -> Component:
    """The control, with what is stored now; `brief` leaves the explanation out."""
    shared: dict[str, Any] = {
        "label": setting.label,
        "info": None if brief else explanation(setting),
        "elem_id": f"setting_{setting.name}",
        "interactive": setting.name != "sd_checkpoint_hash",
    }
    value = shown(setting, frame.studio.options[setting.name])
    if setting.name in _LISTS:
        names = partial(_names, frame.studio, setting)
        return frame.current.listed(gr.Dropdown(names(), value=value, **shared), names)
    if setting.choices:
        return gr.Dropdown(_with(list(setting.choices), value), value=value, **shared)
    if setting.kind == "bool":
        return gr.Checkbox(value=value, **shared)
    if setting.kind in ("int", "float"):
        return _number(setting, value, shared)
    return gr.Textbox(value=value, max_lines=1, **shared)


def _number(setting: Setting, value: float, shared: dict[str, Any]) -> Component:
    whole = setting.kind == "int"
    if setting.low is not None and setting.high is not None:
        step = 1 if whole else 0.1 if setting.high - setting.low > 5 else 0.01
        return gr.Slider(setting.low, setting.high, value=value, step=step, **shared)
    return gr.Number(value=value, precision=0 if whole else None, minimum=setting.low, **shared)


def _names(studio: Studio, setting: Setting) -> list[Any]:
    return _with(_LISTS[setting.name](studio), shown(setting, studio.options[setting.name]))


def _with(options: list[Any], value: Any) -> list[Any]:
    """A stored value stays choosable, though its file may have gone."""
    return options if value in options or value is None else [*options, value]


def shown(setting: Setting, value: Any) -> Any:
    """Lists as words with commas between them."""
    if setting.kind == "list":
        return ", ".join(str(one) for one in value)
    return "" if value is None and setting.name not in _LISTS else value


def stored(setting: Setting, value: Any) -> Any:
    """The control's value as config.json holds it; an emptied number is None: the default."""
    if setting.kind == "list":
        return [part.strip() for part in str(value or "").split(",") if part.strip()]
    return value


def explanation(setting: Setting) -> str:
    """What it does, and what its number counts."""
    return f"{setting.effect} ({setting.unit})" if setting.unit else setting.effect
