"""The top of a drawing tab: the two prompts, Generate, and the small keys around them."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from runtime.limits import LARGEST_PROMPT
from runtime.studio import Studio
from runtime.ui.fields import LOCAL, SWIFT, Fields
from runtime.ui.frame import Frame
from runtime.ui.presets import preset_keys
from runtime.ui.style_list import style_list
from runtime.ui.tokens import counter
from runtime.ui.tool import tool

_HINT = "(press Ctrl+Enter or Alt+Enter to generate)"


@dataclass(frozen=True)
class TopRow:
    """What others connect."""

    generate: gr.Button
    paste: gr.Button
    presets: dict[str, gr.Button]
    counters: tuple[gr.HTML, gr.HTML]
    hint: gr.HTML


def toprow(fields: Fields, frame: Frame) -> TopRow:
    """Prompts on the left, keys on the right."""
    tab = fields.tab
    with gr.Row(elem_id=f"{tab}_toprow"):
        with gr.Column(scale=6, min_width=300, elem_classes=["gesso-prompts"]):
            prompt = _prompt(fields, "prompt", "Prompt", f"{tab}_prompt", 3)
            used = counter(f"{tab}_token_counter")
            hint = gr.HTML(elem_id=f"{tab}_prompt_hint", elem_classes=["gesso-hint"])
            negative = _prompt(fields, "negative_prompt", "Negative prompt", f"{tab}_neg_prompt", 2)
            used_too = counter(f"{tab}_negative_token_counter")
        with gr.Column(scale=2, min_width=240, elem_id=f"{tab}_actions_column"):
            generate = gr.Button("Generate", variant="primary", elem_id=f"{tab}_generate")
            stops(tab, frame.studio)
            with gr.Row(elem_id=f"{tab}_tools", elem_classes=["gesso-tools"]):
                paste = tool("paste" if tab == "txt2img" else f"{tab}_paste")
                clear = tool(f"{tab}_clear_prompt")
            style_list(fields, frame)
            keys = preset_keys(tab)
    clear.click(inputs=None, outputs=[prompt, negative], js="() => ['', '']", **LOCAL)
    return TopRow(generate, paste, keys, (used, used_too), hint)


def _prompt(fields: Fields, name: str, label: str, element: str, lines: int) -> gr.Textbox:
    box = gr.Textbox(
        label=label, show_label=False, lines=lines, max_lines=20, elem_id=element, elem_classes=["prompt"],
        placeholder=f"{label} {_HINT}", autofocus=element == "txt2img_prompt", max_length=LARGEST_PROMPT,
    )  # fmt: skip
    return fields.add(name, box)


def stops(tab: str, studio: Studio) -> None:
    """Interrupt and Skip act on whatever runs, whoever asked for it, as in AUTOMATIC1111."""
    with gr.Row():
        interrupt = gr.Button("Interrupt", elem_id=f"{tab}_interrupt", min_width=90, size="md")
        skip = gr.Button("Skip", elem_id=f"{tab}_skip", min_width=90, size="md")
    interrupt.click(studio.jobs.interrupt, **SWIFT)
    skip.click(studio.jobs.skip, **SWIFT)
