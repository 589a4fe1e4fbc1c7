"""The txt2img tab; labels and element ids are AUTOMATIC1111's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from runtime.catalogue import SAMPLERS, SCHEDULERS
from runtime.studio import Studio
from runtime.ui.drawing import Form, draw

_HINT = "(press Ctrl+Enter or Alt+Enter to generate)"


@dataclass(frozen=True)
class Txt2Img:
    """The parts that the page fills when a model is loaded."""

    width: gr.Slider
    height: gr.Slider


def txt2img_tab(studio: Studio, pictures: Path) -> Txt2Img:
    """Build the tab inside the running Blocks."""
    with gr.Row():
        with gr.Column(scale=6):
            prompt, negative = _prompts()
        with gr.Column(scale=1, min_width=180):
            generate = gr.Button("Generate", variant="primary", elem_id="txt2img_generate")
            interrupt = gr.Button("Interrupt", elem_id="txt2img_interrupt")
    with gr.Row():
        with gr.Column(scale=1, min_width=340):
            settings = _settings()
        with gr.Column(scale=1, min_width=340):
            outputs = _outputs()
    _connect(studio, pictures, [prompt, negative, *settings], outputs, generate)
    interrupt.click(studio.jobs.interrupt, queue=False, show_progress="hidden", api_visibility="private")
    return Txt2Img(settings[3], settings[4])


def _prompts() -> tuple[gr.Textbox, gr.Textbox]:
    prompt = gr.Textbox(
        label="Prompt", show_label=False, lines=3, elem_id="txt2img_prompt", elem_classes=["prompt"],
        placeholder=f"Prompt {_HINT}", autofocus=True,
    )  # fmt: skip
    negative = gr.Textbox(
        label="Negative prompt", show_label=False, lines=2, elem_id="txt2img_neg_prompt", elem_classes=["prompt"],
        placeholder=f"Negative prompt {_HINT}",
    )  # fmt: skip
    return prompt, negative


def _settings() -> list[Any]:
    """In the order of Form's fields after the two prompts."""
    with gr.Row():
        samplers = [one.name for one in SAMPLERS]
        sampler = gr.Dropdown(samplers, value="Euler a", label="Sampling method", elem_id="txt2img_sampling")
        labels = [one.label for one in SCHEDULERS]
        scheduler = gr.Dropdown(labels, value="Automatic", label="Schedule type", elem_id="txt2img_scheduler")
    steps = gr.Slider(1, 150, value=20, step=1, label="Sampling steps", elem_id="txt2img_steps")
    with gr.Row():
        with gr.Column(min_width=200):
            # 0 until a model is loaded: "the model's own size"
            width = gr.Slider(0, 2048, value=0, step=8, label="Width", elem_id="txt2img_width")
            height = gr.Slider(0, 2048, value=0, step=8, label="Height", elem_id="txt2img_height")
        with gr.Column(min_width=200):
            count = gr.Slider(1, 100, value=1, step=1, label="Batch count", elem_id="txt2img_batch_count")
            size = gr.Slider(1, 8, value=1, step=1, label="Batch size", elem_id="txt2img_batch_size")
    cfg = gr.Slider(1.0, 30.0, value=7.0, step=0.5, label="CFG Scale", elem_id="txt2img_cfg_scale")
    seed = gr.Number(value=-1, precision=0, label="Seed", elem_id="txt2img_seed")
    return [sampler, scheduler, steps, width, height, cfg, seed, count, size]


def _outputs() -> list[Any]:
    progress = gr.HTML(elem_id="txt2img_progress")
    gallery = gr.Gallery(
        label="Output", show_label=False, elem_id="txt2img_gallery", columns=3, height=480, object_fit="contain",
        preview=True, format="png", interactive=False, buttons=["download", "fullscreen"],
    )  # fmt: skip
    infotext = gr.HTML(elem_id="html_info_txt2img")
    return [gallery, progress, infotext]


def _connect(studio: Studio, pictures: Path, inputs: list[Any], outputs: list[Any], generate: gr.Button) -> None:
    async def run(*values: Any) -> AsyncIterator[tuple[Any, str, Any]]:
        async for shown in draw(studio, pictures, Form(*values)):
            yield shown

    # the queue is ours: Gradio only carries the waiting
    generate.click(
        run, inputs, outputs, show_progress="hidden", concurrency_limit=None, trigger_mode="multiple",
        api_visibility="private",
    )  # fmt: skip
