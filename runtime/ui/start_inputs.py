"""img2img's own controls: the picture in its six sub-tabs, the mask, the resizing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from runtime.ui import generation
from runtime.ui.batch_inputs import batch_files, batch_folders
from runtime.ui.fields import SWIFT, Fields
from runtime.ui.frame import Frame
from runtime.ui.start_form import INPAINT_AREAS, MASK_MODES, MASKED_CONTENTS, RESIZE_MODES

_HEIGHT = 420
_BLACK = "#000000"


@dataclass(frozen=True)
class Pictures:
    """What is drawn over: the open sub-tab and its pictures, under StartForm's names."""

    tabs: gr.Tabs
    mode: gr.State
    controls: dict[str, Any]

    @property
    def inputs(self) -> dict[str, Any]:
        return {"mode": self.mode, **self.controls}


def pictures(fields: Fields, frame: Frame) -> Pictures:
    """The sub-tabs; opening one says which picture counts."""
    mode = gr.State(0)

    def batch() -> dict[str, Any]:
        files = batch_files("img2img_batch_upload", "Files")
        batch_folders(fields, frame)
        return {"batch_files": files}

    with gr.Tabs(elem_id="mode_img2img") as tabs:
        found: dict[str, Any] = {}
        for number, (label, element, build) in enumerate((*_SUB_TABS, ("Batch", "img2img_batch_tab", batch))):
            with gr.Tab(label, id=element, elem_id=element) as tab:
                found |= build()
            tab.select(lambda number=number: number, None, mode, **SWIFT)
    return Pictures(tabs, mode, found)


def _plain() -> dict[str, Any]:
    return {"image": _image("Image for img2img", "img2img_image")}


def _sketch() -> dict[str, Any]:
    brush = gr.Brush(default_size=12, colors=["#ffffff", _BLACK, "#ff0000", "#00a000", "#0050ff", "#ffd000"])
    return {"sketch": _editor("Image for img2img sketch", "img2img_sketch", brush)}


def _inpaint() -> dict[str, Any]:
    brush = gr.Brush(default_size=24, colors=[_BLACK], color_mode="fixed")
    return {"inpaint": _editor("Image for inpainting with mask", "img2maskimg", brush)}


def _inpaint_sketch() -> dict[str, Any]:
    brush = gr.Brush(default_size=24, colors=["#ff0000", "#ffffff", _BLACK, "#00a000", "#0050ff", "#ffd000"])
    return {"inpaint_sketch": _editor("Color sketch inpainting", "inpaint_sketch", brush)}


def _inpaint_upload() -> dict[str, Any]:
    return {
        "mask_base": _image("Image for inpainting", "img_inpaint_base"),
        "mask_image": _image("Mask", "img_inpaint_mask"),
    }


_SUB_TABS: tuple[tuple[str, str, Callable[[], dict[str, Any]]], ...] = (
    ("img2img", "img2img_img2img_tab", _plain),
    ("Sketch", "img2img_img2img_sketch_tab", _sketch),
    ("Inpaint", "img2img_inpaint_tab", _inpaint),
    ("Inpaint sketch", "img2img_inpaint_sketch_tab", _inpaint_sketch),
    ("Inpaint upload", "img2img_inpaint_upload_tab", _inpaint_upload),
)


def _image(label: str, element: str) -> gr.Image:
    """`image_mode` None: the file stays as it was uploaded, its metadata included."""
    return gr.Image(
        label=label, elem_id=element, type="filepath", image_mode=None, format="png", height=_HEIGHT,
        sources=["upload", "clipboard"], buttons=[],
    )  # fmt: skip


def _editor(label: str, element: str, brush: gr.Brush) -> gr.ImageEditor:
    return gr.ImageEditor(
        label=label, elem_id=element, type="pil", format="png", height=_HEIGHT, brush=brush, layers=False,
        transforms=(), sources=["upload", "clipboard"], buttons=[],
    )  # fmt: skip


def resizing(fields: Fields) -> None:
    """How the picture is fitted, to which size, or by which factor."""
    fields.add(
        "resize_mode", gr.Radio(list(RESIZE_MODES), value=RESIZE_MODES[0], label="Resize mode", elem_id="resize_mode")
    )
    by = gr.Checkbox(visible="hidden", elem_id="img2img_resize_by", label="Resize by")
    with gr.Tabs(elem_id="img2img_tabs_resize"):
        with gr.Tab("Resize to", id="to", elem_id="img2img_tab_resize_to") as to_tab:
            generation.size(fields)
        with gr.Tab("Resize by", id="by", elem_id="img2img_tab_resize_by") as by_tab:
            scale = gr.Slider(0.05, 4.0, value=1.0, step=0.01, label="Scale", elem_id="img2img_scale")
            fields.add("scale", scale)
    fields.add("resize_by", by)
    to_tab.select(lambda: False, None, by, **SWIFT)
    by_tab.select(lambda: True, None, by, **SWIFT)


def masking(fields: Fields) -> None:
    """Shown while a sub-tab with a mask is open."""
    with gr.Column(elem_id="inpaint_controls"):
        with gr.Row():
            blur = gr.Slider(0, 64, value=4, step=1, label="Mask blur", elem_id="img2img_mask_blur")
            fields.add("mask_blur", blur)
            alpha = gr.Slider(0, 100, value=0, step=1, label="Mask transparency", elem_id="img2img_mask_alpha")
            fields.add("mask_alpha", alpha)
        _radio(fields, "inpainting_mask_invert", MASK_MODES, 0, "Mask mode", "img2img_mask_mode")
        _radio(fields, "inpainting_fill", MASKED_CONTENTS, 1, "Masked content", "img2img_inpainting_fill")
        with gr.Row():
            _radio(fields, "inpaint_full_res", INPAINT_AREAS, 0, "Inpaint area", "img2img_inpaint_full_res")
            padding = gr.Slider(
                0, 256, value=32, step=4, label="Only masked padding, pixels",
                elem_id="img2img_inpaint_full_res_padding",
            )  # fmt: skip
            fields.add("inpaint_full_res_padding", padding)


def _radio(fields: Fields, name: str, options: tuple[str, ...], first: int, label: str, element: str) -> None:
    fields.add(name, gr.Radio(list(options), value=options[first], label=label, elem_id=element))
