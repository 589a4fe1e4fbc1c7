"""Presets as the guides to Stable Diffusion 1.5 give them: one key sets steps, scale, sampler and size."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import gradio as gr

from runtime.ui.fields import LOCAL, Fields

_FIELDS = ("steps", "cfg_scale", "sampler_name", "scheduler", "width", "height")
PRESETS: Mapping[str, tuple[Any, ...]] = {
    "Quick": (20, 7, "Euler a", "Automatic", 512, 512),
    "Fine": (30, 10, "DPM++ 2M", "Karras", 768, 768),
    "Artistic": (25, 9, "DDIM", "Automatic", 512, 768),
}


def preset_keys(tab: str) -> dict[str, gr.Button]:
    """A key for each preset, by its name."""
    with gr.Row(elem_id=f"{tab}_presets", elem_classes=["gesso-presets"]):
        return {
            name: gr.Button(name, size="sm", min_width=60, elem_id=f"{tab}_preset_{name.lower()}") for name in PRESETS
        }


def connect_presets(keys: Mapping[str, gr.Button], fields: Fields) -> None:
    """Once the tab's controls are all there."""
    for name, key in keys.items():
        targets = [fields[field] for field in _FIELDS]
        key.click(inputs=None, outputs=targets, js=f"() => {json.dumps(PRESETS[name])}", **LOCAL)
