"""The img2img tab: a picture drawn over, whole or under a mask; labels and element ids are AUTOMATIC1111's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import gradio as gr

from runtime.request import Request
from runtime.studio import Studio
from runtime.ui import generation, second_pass, start_inputs
from runtime.ui.batch_form import BatchForm, placed
from runtime.ui.drawing import Values, connect
from runtime.ui.fields import Fields, picked
from runtime.ui.form import Form
from runtime.ui.frame import Frame, Tab
from runtime.ui.output import output_panel
from runtime.ui.overrides import override_list
from runtime.ui.scripts import script_list
from runtime.ui.start_form import BATCH, IMG2IMG, StartForm
from runtime.ui.start_inputs import Pictures
from runtime.ui.tokens import connect_counters
from runtime.ui.toprow import toprow


@dataclass(frozen=True)
class Img2Img(Tab):
    """The tab, and where pictures can be sent to."""

    pictures: Pictures


def img2img_tab(frame: Frame) -> Img2Img:
    """Build the tab inside the running Blocks."""
    studio = frame.studio
    fields = Fields("img2img", frame.defaults)
    top = toprow(fields, frame)
    with gr.Row():
        with gr.Column(scale=1, min_width=320, elem_id="img2img_settings"):
            pictures = start_inputs.pictures(fields, frame)
            start_inputs.masking(fields)
            groups = {
                "dimensions": lambda: start_inputs.resizing(fields),
                "sampler": lambda: generation.sampling(fields),
                "batch": lambda: generation.batch(fields),
                "cfg": lambda: generation.scale(fields),
                "denoising": lambda: second_pass.denoising_strength(fields, 0.75),
                "seed": lambda: generation.seed(fields),
                "accordions": lambda: second_pass.refiner(fields, frame),
                "checkboxes": lambda: generation.tiling(fields),
                "override_settings": lambda: override_list(fields),
                "scripts": lambda: script_list(fields, frame),
            }
            built = generation.in_order(groups, studio.options["ui_reorder_list"])
            seeds, scripts = built["seed"], built["scripts"]
        with gr.Column(scale=1, min_width=320, elem_id="img2img_results"):
            output = output_panel("img2img", frame.local)
    tab = Img2Img(fields, top.generate, top.paste, seeds, output, pictures)
    connect_counters(studio, fields, top.counters, top.hint)

    def ask(values: Values) -> Request:
        return asked(studio, values | {"script": scripts.chosen(values)})

    inputs = {**pictures.inputs, **fields.by_name, **scripts.controls}
    connect(frame, tab, inputs, ask, partial(pieces, studio))
    return tab


def pieces(studio: Studio, values: Values) -> list[tuple[Path, Values]] | None:
    """The pictures of the Batch sub-tab, each with the values that draw over it; None in another sub-tab."""
    if values["mode"] != BATCH:
        return None
    form = BatchForm(**picked(BatchForm, values))
    output = form.output(studio.settings)
    return [
        (file, values | {"mode": IMG2IMG, "image": str(file), "output": output})
        for file in form.pictures(studio.settings)
    ]


def asked(studio: Studio, values: Values) -> Request:
    """RequestError where there is no picture to start from."""
    form = StartForm(**picked(StartForm, values))
    request = Form.of(values).request(studio, form.start())
    if output := values.get("output"):
        options = placed(request.options, output, Path(values["image"]).stem)
        request = replace(request, options=options, save=True)
    size = form.size()
    return request if size is None else replace(request, width=size[0], height=size[1])
