"""Hires. fix and Refiner: what happens after, or late in, the first pass."""

from __future__ import annotations

from functools import partial

import gradio as gr

from runtime.catalogue import SAMPLERS, SCHEDULERS
from runtime.ui import choices
from runtime.ui.fields import Fields
from runtime.ui.form import SAME_CHECKPOINT, SAME_SAMPLER, SAME_SCHEDULER
from runtime.ui.frame import Frame


def accordions(fields: Fields, frame: Frame) -> None:
    """Both, as txt2img has them."""
    hires_fix(fields, frame)
    refiner(fields, frame)


def hires_fix(fields: Fields, frame: Frame) -> None:
    """The box shows its fields while it is ticked."""
    tab = fields.tab
    with gr.Column(elem_id=f"{tab}_hr", elem_classes=["gesso-switch"]):
        tick = gr.Checkbox(
            label="Hires. fix", elem_id=f"{tab}_hr-checkbox", container=False, elem_classes=["gesso-tick"]
        )
        fields.add("enable_hr", tick)
        with gr.Column(elem_classes=["gesso-switched"]):
            with gr.Row():
                names = partial(choices.hires_upscalers, frame.studio)
                upscaler = gr.Dropdown(names(), value="Latent", label="Upscaler", elem_id=f"{tab}_hr_upscaler")
                fields.add("hr_upscaler", frame.current.listed(upscaler, names))
                steps = gr.Slider(0, 150, value=0, step=1, label="Hires steps", elem_id=f"{tab}_hires_steps")
                fields.add("hr_second_pass_steps", steps)
            denoising_strength(fields, 0.7)
            scale = gr.Slider(1.0, 4.0, value=2.0, step=0.05, label="Upscale by", elem_id=f"{tab}_hr_scale")
            fields.add("hr_scale", scale)
            with gr.Row():
                for side, label in (("x", "Resize width to"), ("y", "Resize height to")):
                    slider = gr.Slider(0, 4096, value=0, step=8, label=label, elem_id=f"{tab}_hr_resize_{side}")
                    fields.add(f"hr_resize_{side}", slider)
            _of_its_own(fields, frame)


def _of_its_own(fields: Fields, frame: Frame) -> None:
    """What the second pass may do otherwise than the first."""
    titles = partial(choices.checkpoints, frame.studio, SAME_CHECKPOINT)
    checkpoint = gr.Dropdown(titles(), value=SAME_CHECKPOINT, label="Hires checkpoint", elem_id="hr_checkpoint")
    fields.add("hr_checkpoint_name", frame.current.listed(checkpoint, titles))
    with gr.Row():
        samplers = [SAME_SAMPLER, *(one.name for one in SAMPLERS)]
        sampler = gr.Dropdown(samplers, value=SAME_SAMPLER, label="Hires sampling method", elem_id="hr_sampler")
        fields.add("hr_sampler_name", sampler)
        labels = [SAME_SCHEDULER, *(one.label for one in SCHEDULERS)]
        scheduler = gr.Dropdown(labels, value=SAME_SCHEDULER, label="Hires schedule type", elem_id="hr_scheduler")
        fields.add("hr_scheduler", scheduler)
    for name, label, element in (
        ("hr_prompt", "Hires prompt", "hires_prompt"),
        ("hr_negative_prompt", "Hires negative prompt", "hires_neg_prompt"),
    ):
        hint = f"{label} (empty: as in the first pass)"
        box = gr.Textbox(label=label, lines=2, placeholder=hint, elem_id=element, elem_classes=["prompt"])
        fields.add(name, box)


def denoising_strength(fields: Fields, value: float) -> None:
    """How much of what is there already is drawn anew."""
    slider = gr.Slider(
        0, 1, value=value, step=0.01, label="Denoising strength", elem_id=f"{fields.tab}_denoising_strength"
    )
    fields.add("denoising_strength", slider)


def refiner(fields: Fields, frame: Frame) -> None:
    """A checkpoint that takes over late."""
    tab = fields.tab
    with gr.Column(elem_id=f"{tab}_enable", elem_classes=["gesso-switch"]):
        tick = gr.Checkbox(
            label="Refiner", elem_id=f"{tab}_enable-checkbox", container=False, elem_classes=["gesso-tick"]
        )
        fields.add("enable_refiner", tick)
        with gr.Row(elem_classes=["gesso-switched"]):
            titles = partial(choices.checkpoints, frame.studio, "None")
            checkpoint = gr.Dropdown(titles(), value="None", label="Checkpoint", elem_id=f"{tab}_checkpoint")
            fields.add("refiner_checkpoint", frame.current.listed(checkpoint, titles))
            at = gr.Slider(0.01, 1.0, value=0.8, step=0.01, label="Switch at", elem_id=f"{tab}_switch_at")
            fields.add("refiner_switch_at", at)
