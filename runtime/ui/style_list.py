"""The styles of a drawing tab."""

from __future__ import annotations

import gradio as gr

from runtime.studio import Studio
from runtime.ui import choices
from runtime.ui.fields import SWIFT, Fields
from runtime.ui.tool import tool


def style_list(fields: Fields, studio: Studio) -> None:
    """Chosen styles join every picture's prompts; the first key writes them into the prompts instead."""
    tab = fields.tab
    with gr.Row(elem_id=f"{tab}_styles_row", elem_classes=["gesso-seed"]):
        names = gr.Dropdown(
            choices.styles(studio), value=[], multiselect=True, label="Styles", elem_id=f"{tab}_styles", min_width=120
        )
        fields.add("styles", names)
        apply = tool(f"{tab}_style_apply")

    def write(prompt: str | None, negative: str | None, chosen: list[str] | None) -> tuple[str, str, list[str]]:
        return (*studio.stock.with_styles(prompt or "", negative or "", chosen or []), [])

    prompts = [fields["prompt"], fields["negative_prompt"], names]
    apply.click(write, prompts, prompts, **SWIFT)
