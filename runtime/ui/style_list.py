"""The styles of a drawing tab: chosen by name, written into the prompts, saved from them, deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from runtime.request import RequestError
from runtime.studio import Studio
from runtime.styles import Style, StyleBook
from runtime.ui import choices, words
from runtime.ui.fields import LOCAL, QUIET, SWIFT, Fields
from runtime.ui.tool import tool


def style_list(fields: Fields, studio: Studio) -> None:
    """Chosen styles join every picture's prompts; the first key writes them into the prompts instead."""
    tab = fields.tab
    with gr.Row(elem_id=f"{tab}_styles_row", elem_classes=["gesso-seed"]):
        names = gr.Dropdown(
            choices.styles(studio), value=[], multiselect=True, label="Styles", elem_id=f"{tab}_styles", min_width=120
        )
        fields.add("styles", names)
        apply, edit = tool(f"{tab}_style_apply"), tool(f"{tab}_styles_edit_button")

    def write(prompt: str | None, negative: str | None, chosen: list[str] | None) -> tuple[str, str, list[str]]:
        return (*studio.stock.with_styles(prompt or "", negative or "", chosen or []), [])

    prompts = [fields["prompt"], fields["negative_prompt"], names]
    apply.click(write, prompts, prompts, **SWIFT)
    _editor(fields, studio, edit)


def _editor(fields: Fields, studio: Studio, edit: gr.Button) -> None:
    """Behind its key: the prompts as they stand are saved under a name."""
    tab, names = fields.tab, fields["styles"]
    with gr.Column(elem_id=f"{tab}_styles_editor", elem_classes=["gesso-style-editor"]):
        name = gr.Textbox(
            label="Name of the style", placeholder="Name of the style", show_label=False, max_lines=1,
            elem_id=f"{tab}_style_name",
        )  # fmt: skip
        with gr.Row():
            save = gr.Button("Save", size="sm", min_width=70, elem_id=f"{tab}_style_save")
            delete = gr.Button("Delete", size="sm", min_width=70, elem_id=f"{tab}_style_delete")
        said = gr.HTML(elem_id=f"{tab}_style_said", elem_classes=["gesso-hint"])
    toggle = f"() => {{ document.querySelector('#{tab}_styles_editor').classList.toggle('open'); }}"
    edit.click(js=toggle, **LOCAL)

    def keep(wanted: str | None, prompt: str | None, negative: str | None) -> tuple[Any, str]:
        return _changed(studio, lambda book: book.save(Style((wanted or "").strip(), prompt or "", negative or "")))

    def drop(wanted: str | None) -> tuple[Any, str]:
        return _changed(studio, lambda book: book.delete((wanted or "").strip()))

    save.click(keep, [name, fields["prompt"], fields["negative_prompt"]], [names, said], **QUIET)
    delete.click(drop, name, [names, said], **QUIET)


def _changed(studio: Studio, change: Callable[[StyleBook], None]) -> tuple[Any, str]:
    """The list as it is now, and what the page says."""
    try:
        change(studio.stock.style_book)
    except (RequestError, OSError) as refused:
        return gr.skip(), words.remark(words.STYLE_NOT_SAVED, str(refused))
    return gr.Dropdown(choices=choices.styles(studio)), words.remark(words.STYLES_SAVED)
