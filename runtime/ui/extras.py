"""The Extras tab: pictures enlarged; labels and element ids are AUTOMATIC1111's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from runtime.request import Extras, ExtrasResult, RequestError
from runtime.studio import Studio
from runtime.ui import choices
from runtime.ui.batch_form import BatchForm, folders_open
from runtime.ui.batch_inputs import batch_files, batch_folders
from runtime.ui.drawing import Values, client_at, followed
from runtime.ui.fields import QUIET, SWIFT, Fields, picked
from runtime.ui.form import Number, plain, whole
from runtime.ui.frame import Frame
from runtime.ui.output import Output, output_panel
from runtime.ui.start_form import read_picture
from runtime.ui.toprow import stops

_SINGLE, _FILES, _FOLDER = range(3)


@dataclass(frozen=True)
class ExtrasForm:
    """The values as the browser sends them; pictures are files."""

    image: str | None = None
    #: of a batch: where the picture goes
    output: Path | None = None
    #: of a batch: what it is called there
    name: str = ""
    to_size: bool = False
    upscaling_resize: Number = 4
    upscaling_resize_w: Number = 512
    upscaling_resize_h: Number = 512
    upscaling_crop: bool = True
    upscaler_1: str = "None"
    upscaler_2: str = "None"
    extras_upscaler_2_visibility: Number = 0

    def extras(self, studio: Studio) -> Extras:
        """RequestError where there is no picture."""
        if not self.image:
            raise RequestError("no-image", "There is no picture to enlarge.", "Put one into the frame above.")
        options = studio.options.for_job({})
        return Extras(
            images=(read_picture(self.image),),
            resize_mode=int(self.to_size),
            upscaling_resize=plain(self.upscaling_resize, 4),
            upscaling_resize_w=whole(self.upscaling_resize_w, 512),
            upscaling_resize_h=whole(self.upscaling_resize_h, 512),
            upscaling_crop=self.upscaling_crop,
            upscaler_1=self.upscaler_1,
            upscaler_2=self.upscaler_2,
            extras_upscaler_2_visibility=plain(self.extras_upscaler_2_visibility, 0),
            save=bool(studio.options["samples_save"]) or self.output is not None,
            name=self.name,
            options=replace(options, outdir_extras_samples=str(self.output)) if self.output else options,
        )


def pieces(studio: Studio, values: Values) -> list[tuple[Path, Values]] | None:
    """The pictures of the two batch tabs, each with its values; None for a single one."""
    if values["mode"] == _SINGLE:
        return None
    form = BatchForm(**picked(BatchForm, values))
    form = BatchForm(batch_files=form.batch_files) if values["mode"] == _FILES else replace(form, batch_files=None)
    output = form.output(studio.settings)
    return [
        (file, values | {"image": str(file), "output": output, "name": file.stem})
        for file in form.pictures(studio.settings)
    ]


@dataclass(frozen=True)
class ExtrasTab:
    """Where a picture can be sent to, and what comes out."""

    tabs: gr.Tabs
    image: gr.Image
    output: Output


def extras_tab(frame: Frame) -> ExtrasTab:
    """Build the tab inside the running Blocks."""
    fields = Fields("extras", frame.defaults)
    with gr.Row():
        with gr.Column(scale=1, min_width=320):
            tabs, own = _pictures(fields, frame)
            _settings(fields, frame, own)
        with gr.Column(scale=1, min_width=320, elem_id="extras_results"):
            generate = gr.Button("Generate", variant="primary", elem_id="extras_generate")
            stops("extras", frame.studio)
            output = output_panel("extras", frame.local)

    async def run(asker: gr.Request, *values: Any) -> AsyncIterator[tuple[Any, ...]]:
        found = dict(zip((*own, *fields.names), values, strict=True))

        def hand_in(of: Values) -> Future[ExtrasResult]:
            return frame.studio.enlarge(ExtrasForm(**picked(ExtrasForm, of)).extras(frame.studio), client_at(asker))

        async for shown in followed(frame, found, hand_in, partial(pieces, frame.studio)):
            yield shown

    generate.click(run, [*own.values(), *fields.controls], output.drawn, trigger_mode="multiple", **QUIET)
    return ExtrasTab(tabs, own["image"], output)


def _pictures(fields: Fields, frame: Frame) -> tuple[gr.Tabs, dict[str, Any]]:
    mode = gr.State(_SINGLE)
    with gr.Tabs(elem_id="mode_extras") as tabs:
        with gr.Tab("Single Image", id="single_image", elem_id="extras_single_tab") as single:
            image = gr.Image(
                label="Source", elem_id="extras_image", type="filepath", image_mode=None, format="png", height=360,
                sources=["upload", "clipboard"], buttons=[],
            )  # fmt: skip
        with gr.Tab("Batch Process", id="batch_process", elem_id="extras_batch_process_tab") as batch:
            files = batch_files("extras_image_batch", "Batch Process")
        shown = folders_open(frame.studio.settings)
        element = "extras_batch_directory_tab"
        with gr.Tab("Batch from Directory", id="batch_from_directory", elem_id=element, visible=shown) as folder:
            batch_folders(fields, frame)
    single.select(lambda: _SINGLE, None, mode, **SWIFT)
    batch.select(lambda: _FILES, None, mode, **SWIFT)
    folder.select(lambda: _FOLDER, None, mode, **SWIFT)
    return tabs, {"mode": mode, "image": image, "batch_files": files}


def _settings(fields: Fields, frame: Frame, own: dict[str, Any]) -> None:
    to_size = own["to_size"] = gr.State(value=False)
    with gr.Tabs(elem_id="extras_resize_mode"):
        with gr.Tab("Scale by", id="by", elem_id="extras_scale_by_tab") as by:
            factor = gr.Slider(1.0, 8.0, value=4, step=0.05, label="Resize", elem_id="extras_upscaling_resize")
            fields.add("upscaling_resize", factor)
        with gr.Tab("Scale to", id="to", elem_id="extras_scale_to_tab") as to:
            with gr.Row():
                for side, label in (("w", "Width"), ("h", "Height")):
                    element = f"extras_upscaling_resize_{side}"
                    slider = gr.Slider(64, 8192, value=512, step=8, label=label, elem_id=element, min_width=140)
                    fields.add(f"upscaling_resize_{side}", slider)
            crop = gr.Checkbox(value=True, label="Crop to fit", elem_id="extras_upscaling_crop", container=False)
            fields.add("upscaling_crop", crop)
    by.select(lambda: False, None, to_size, **SWIFT)
    to.select(lambda: True, None, to_size, **SWIFT)
    names = partial(choices.upscalers, frame.studio)
    with gr.Row():
        for number in (1, 2):
            box = gr.Dropdown(names(), value="None", label=f"Upscaler {number}", elem_id=f"extras_upscaler_{number}")
            fields.add(f"upscaler_{number}", frame.current.listed(box, names))
    visible = gr.Slider(
        0, 1, value=0, step=0.001, label="Upscaler 2 visibility", elem_id="extras_upscaler_2_visibility"
    )
    fields.add("extras_upscaler_2_visibility", visible)
