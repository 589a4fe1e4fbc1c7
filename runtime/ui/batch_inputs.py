"""The controls of a batch, in img2img and in Extras: files, and folders where the page may name any."""

from __future__ import annotations

import gradio as gr

from runtime.ui.batch_form import folders_open
from runtime.ui.fields import Fields
from runtime.ui.frame import Frame


def batch_files(element: str, label: str) -> gr.File:
    """Pictures of the reader's own computer."""
    return gr.File(label=label, file_count="multiple", file_types=["image"], elem_id=element)


def batch_folders(fields: Fields, frame: Frame) -> None:
    """Folders of the server's computer; an empty output is the usual place."""
    with gr.Column(visible=folders_open(frame.studio.settings), elem_id=f"{fields.tab}_batch_folders"):
        for name, label in (("batch_input_dir", "Input directory"), ("batch_output_dir", "Output directory")):
            fields.add(name, gr.Textbox(label=label, max_lines=1, elem_id=f"{fields.tab}_{name}"))
