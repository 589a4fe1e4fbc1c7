"""The generation settings that txt2img and img2img have in common; labels and element ids are AUTOMATIC1111's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gradio as gr

from runtime.catalogue import SAMPLERS, SCHEDULERS
from runtime.ui.fields import LOCAL, SWIFT, Fields
from runtime.ui.tool import tool

#: width to height
ASPECTS = {"1:1": (1, 1), "3:2": (3, 2), "2:3": (2, 3), "4:3": (4, 3), "3:4": (3, 4), "16:9": (16, 9), "9:16": (9, 16)}
_STEP = 8


def sampling(fields: Fields) -> None:
    """Sampler, schedule, steps."""
    tab = fields.tab
    names, labels = [one.name for one in SAMPLERS], [one.label for one in SCHEDULERS]
    with gr.Row(elem_id=f"sampler_selection_{tab}"):
        fields.add(
            "sampler_name", gr.Dropdown(names, value="Euler a", label="Sampling method", elem_id=f"{tab}_sampling")
        )
        fields.add(
            "scheduler", gr.Dropdown(labels, value="Automatic", label="Schedule type", elem_id=f"{tab}_scheduler")
        )
    fields.add("steps", gr.Slider(1, 150, value=20, step=1, label="Sampling steps", elem_id=f"{tab}_steps"))


def size(fields: Fields) -> None:
    """Width and height, the button that swaps them, and the usual ratios."""
    tab = fields.tab
    with gr.Row(elem_classes=["gesso-size"]):
        with gr.Column(scale=4, min_width=200, elem_id=f"{tab}_column_size"):
            # 0 until a model is loaded: "the model's own size"
            width = fields.add("width", gr.Slider(0, 2048, value=0, step=_STEP, label="Width", elem_id=f"{tab}_width"))
            height = fields.add(
                "height", gr.Slider(0, 2048, value=0, step=_STEP, label="Height", elem_id=f"{tab}_height")
            )
        with gr.Column(scale=1, min_width=96, elem_id=f"{tab}_dimensions_row"):
            swap = tool(f"{tab}_res_switch_btn")
            aspect = gr.Dropdown(list(ASPECTS), value=None, label="Aspect ratio", elem_id=f"{tab}_aspect")
    swap.click(inputs=[width, height], outputs=[width, height], js="(w, h) => [h, w]", **LOCAL)
    aspect.input(with_aspect, [aspect, width, height], [width, height], **SWIFT)


def batch(fields: Fields) -> None:
    """How many pictures: one after the other, and at once."""
    tab = fields.tab
    with gr.Row(elem_id=f"{tab}_column_batch"):
        count = gr.Slider(1, 100, value=1, step=1, label="Batch count", elem_id=f"{tab}_batch_count", min_width=140)
        fields.add("n_iter", count)
        at_once = gr.Slider(1, 8, value=1, step=1, label="Batch size", elem_id=f"{tab}_batch_size", min_width=140)
        fields.add("batch_size", at_once)


def scale(fields: Fields) -> None:
    """How closely the picture follows the prompt."""
    tab = fields.tab
    fields.add("cfg_scale", gr.Slider(1.0, 30.0, value=7.0, step=0.5, label="CFG Scale", elem_id=f"{tab}_cfg_scale"))


def seed(fields: Fields) -> tuple[gr.Button, gr.Button]:
    """Seed and its variations; the two buttons that take the last picture's seeds are given back."""
    tab = fields.tab
    with gr.Column(elem_classes=["gesso-switch"]):
        return _seed_row(fields, tab)


def _seed_row(fields: Fields, tab: str) -> tuple[gr.Button, gr.Button]:
    with gr.Row(elem_id=f"{tab}_seed_row", elem_classes=["gesso-seed"]):
        number = gr.Number(value=-1, precision=0, label="Seed", elem_id=f"{tab}_seed", min_width=90, scale=4)
        fields.add("seed", number)
        random, reuse = _seed_buttons(tab, "seed")
        extra = gr.Checkbox(
            label="Extra",
            elem_id=f"{tab}_subseed_show",
            scale=1,
            min_width=80,
            container=False,
            elem_classes=["gesso-tick"],
        )
        fields.add("seed_extra", extra)
    with gr.Column(elem_id=f"{tab}_seed_extras", elem_classes=["gesso-switched"]):
        with gr.Row(elem_classes=["gesso-seed"]):
            other = gr.Number(
                value=-1, precision=0, label="Variation seed", elem_id=f"{tab}_subseed", min_width=120, scale=4
            )
            fields.add("subseed", other)
            random_other, reuse_other = _seed_buttons(tab, "subseed")
        strength = gr.Slider(0, 1, value=0, step=0.01, label="Variation strength", elem_id=f"{tab}_subseed_strength")
        fields.add("subseed_strength", strength)
        with gr.Row():
            for side, label in (("w", "Resize seed from width"), ("h", "Resize seed from height")):
                slider = gr.Slider(0, 2048, value=0, step=_STEP, label=label, elem_id=f"{tab}_seed_resize_from_{side}")
                fields.add(f"seed_resize_from_{side}", slider)
    for button, target in ((random, number), (random_other, other)):
        button.click(inputs=None, outputs=target, js="() => -1", **LOCAL)
    return reuse, reuse_other


def _seed_buttons(tab: str, kind: str) -> tuple[gr.Button, gr.Button]:
    return tool(f"{tab}_random_{kind}"), tool(f"{tab}_reuse_{kind}")


def in_order(groups: Mapping[str, Callable[[], Any]], first: Sequence[str]) -> dict[str, Any]:
    """Build the groups of controls, those that the setting ui_reorder_list names first; what each gave, by its name."""
    names = dict.fromkeys((*(name for name in first if name in groups), *groups))
    return {name: groups[name]() for name in names}


def tiling(fields: Fields) -> None:
    """Pictures whose edges fit each other."""
    fields.add("tiling", gr.Checkbox(label="Tiling", elem_id=f"{fields.tab}_tiling", container=False))


def with_aspect(ratio: str | None, width: float | None, height: float | None) -> tuple[int, int]:
    """The same area in another shape, sides in steps of 8 pixels."""
    across, down = ASPECTS.get(ratio or "", (1, 1))
    area = (width or 512) * (height or 512)
    unit = (area / (across * down)) ** 0.5
    return _rounded(unit * across), _rounded(unit * down)


def _rounded(pixels: float) -> int:
    return max(round(pixels / _STEP), 1) * _STEP
