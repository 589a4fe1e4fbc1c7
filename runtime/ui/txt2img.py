"""The txt2img tab; labels and element ids are AUTOMATIC1111's."""

from __future__ import annotations

import gradio as gr

from runtime.request import Request
from runtime.ui import generation, second_pass
from runtime.ui.drawing import Values, connect
from runtime.ui.fields import Fields
from runtime.ui.form import Form
from runtime.ui.frame import Frame, Tab
from runtime.ui.hires_again import connect_again
from runtime.ui.output import output_panel
from runtime.ui.overrides import override_list
from runtime.ui.presets import connect_presets
from runtime.ui.scripts import script_list
from runtime.ui.tokens import connect_counters
from runtime.ui.toprow import toprow


def txt2img_tab(frame: Frame) -> Tab:
    """Build the tab inside the running Blocks."""
    studio = frame.studio
    fields = Fields("txt2img", frame.defaults)
    top = toprow(fields, frame)
    with gr.Row():
        with gr.Column(scale=1, min_width=320, elem_id="txt2img_settings"):
            groups = {
                "sampler": lambda: generation.sampling(fields),
                "dimensions": lambda: generation.size(fields),
                "batch": lambda: generation.batch(fields),
                "cfg": lambda: generation.scale(fields),
                "seed": lambda: generation.seed(fields),
                "accordions": lambda: second_pass.accordions(fields, frame),
                "checkboxes": lambda: generation.tiling(fields),
                "override_settings": lambda: override_list(fields),
                "scripts": lambda: script_list(fields, frame),
            }
            built = generation.in_order(groups, studio.options["ui_reorder_list"])
            seeds, scripts = built["seed"], built["scripts"]
        with gr.Column(scale=1, min_width=320, elem_id="txt2img_results"):
            output = output_panel("txt2img", frame.local)
    tab = Tab(fields, top.generate, top.paste, seeds, output)
    connect_presets(top.presets, fields)
    connect_counters(studio, fields, top.counters, top.hint)

    def ask(values: Values) -> Request:
        return Form.of(values | {"script": scripts.chosen(values)}).request(studio)

    inputs = {**fields.by_name, **scripts.controls}
    connect(frame, tab, inputs, ask)
    connect_again(frame, tab, inputs, ask)
    return tab
