"""The styles of a drawing tab: chosen by name, written into the prompts, edited, deleted."""

from __future__ import annotations

from functools import partial
from typing import Any

import gradio as gr

from runtime.request import RequestError
from runtime.studio import Studio
from runtime.styles import Style
from runtime.ui import choices, words
from runtime.ui.fields import LOCAL, QUIET, SWIFT, Fields
from runtime.ui.frame import Frame
from runtime.ui.tool import tool


def style_list(fields: Fields, frame: Frame) -> None:
    """Chosen styles join every picture's prompts; the first key writes them into the prompts instead."""
    tab, styles = fields.tab, partial(choices.styles, frame.studio)
    with gr.Row(elem_id=f"{tab}_styles_row", elem_classes=["gesso-seed"]):
        names = gr.Dropdown(
            styles(), value=[], multiselect=True, label="Styles", elem_id=f"{tab}_styles", min_width=120
        )
        fields.add("styles", frame.current.listed(names, styles))
        apply, edit = tool(f"{tab}_style_apply"), tool(f"{tab}_styles_edit_button")

    def write(prompt: str | None, negative: str | None, chosen: list[str] | None) -> tuple[str, str, list[str]]:
        return (*frame.studio.stock.with_styles(prompt or "", negative or "", chosen or []), [])

    prompts = [fields["prompt"], fields["negative_prompt"], names]
    apply.click(write, prompts, prompts, **SWIFT)
    _editor(fields, frame, edit)


def _editor(fields: Fields, frame: Frame, edit: gr.Button) -> None:
    """Behind its key: a style's texts, of the one that is chosen or from the prompts as they stand."""
    tab, studio, styles = fields.tab, frame.studio, partial(choices.styles, frame.studio)
    with gr.Column(elem_id=f"{tab}_styles_editor", elem_classes=["gesso-style-editor"]):
        name = gr.Dropdown(
            styles(), value=None, allow_custom_value=True, label="Name of the style", elem_id=f"{tab}_style_name"
        )
        frame.current.listed(name, styles)
        texts = [_text(tab, "prompt", "Prompt"), _text(tab, "neg_prompt", "Negative prompt")]
        with gr.Row():
            copy = _key(tab, "copy", "Take the prompts")
            save = _key(tab, "save", "Save")
            delete = _key(tab, "delete", "Delete")
        said = gr.HTML(elem_id=f"{tab}_style_said", elem_classes=["gesso-hint"])
    toggle = (
        f"(chosen) => {{ document.querySelector('#{tab}_styles_editor').classList.toggle('open'); return chosen; }}"
    )

    def load(wanted: str | None) -> tuple[Any, ...]:
        return _texts(studio, wanted)

    def first(chosen: list[str] | None) -> tuple[Any, ...]:
        return (chosen[0], *_texts(studio, chosen[0])) if chosen else (gr.skip(), gr.skip(), gr.skip())

    edit.click(first, fields["styles"], [name, *texts], js=toggle, **SWIFT)
    name.input(load, name, texts, **SWIFT)
    copy.click(inputs=[fields["prompt"], fields["negative_prompt"]], outputs=texts, js="(p, n) => [p, n]", **LOCAL)
    frame.current.changed_by(save.click(partial(_save, studio), [name, *texts], said, **QUIET))
    frame.current.changed_by(delete.click(partial(_delete, studio), name, said, **QUIET))


def _text(tab: str, name: str, label: str) -> gr.Textbox:
    return gr.Textbox(label=label, lines=2, max_lines=6, elem_id=f"{tab}_edit_style_{name}")


def _key(tab: str, name: str, label: str) -> gr.Button:
    return gr.Button(label, size="sm", min_width=70, elem_id=f"{tab}_style_{name}")


def _texts(studio: Studio, name: str | None) -> tuple[Any, Any]:
    """A new name keeps the texts that stand there."""
    found = next((style for style in studio.stock.style_book.styles() if style.name == name), None)
    return (gr.skip(), gr.skip()) if found is None else (found.prompt or "", found.negative_prompt or "")


def _save(studio: Studio, name: str | None, prompt: str | None, negative: str | None) -> str:
    try:
        studio.stock.style_book.save(Style((name or "").strip(), prompt or "", negative or ""))
    except (RequestError, OSError) as refused:
        return words.remark(words.STYLE_NOT_SAVED, refused)
    return words.remark(words.STYLES_SAVED)


def _delete(studio: Studio, name: str | None) -> str:
    wanted = (name or "").strip()
    try:
        if wanted not in choices.styles(studio):
            return words.remark(words.NO_STYLE, wanted)
        studio.stock.style_book.delete(wanted)
    except (RequestError, OSError) as refused:
        return words.remark(words.STYLE_NOT_SAVED, refused)
    return words.remark(words.STYLE_DELETED, wanted)
