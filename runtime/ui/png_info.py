"""The PNG Info tab: what a picture says it was made with, and the keys that fill the other tabs with it."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from runtime.formats import PICTURES
from runtime.infotext.carriers import read_infotext
from runtime.request import Picture, RequestError
from runtime.ui import words
from runtime.ui.fields import QUIET
from runtime.ui.output import Shown
from runtime.ui.start_form import UNREADABLE, picture_file, unreadable


@dataclass(frozen=True)
class PngInfoTab:
    """`send` by the tab that the key leads to; `shown` is the picture with its infotext."""

    shown: gr.State
    send: dict[str, gr.Button]


def png_info_tab() -> PngInfoTab:
    """Build the tab inside the running Blocks."""
    with gr.Row():
        with gr.Column(min_width=320):
            image = gr.Image(
                label="Source", elem_id="pnginfo_image", type="filepath", image_mode=None, format="png", height=480,
                sources=["upload", "clipboard"], buttons=[],
            )  # fmt: skip
        with gr.Column(min_width=320):
            told = gr.HTML(elem_id="pnginfo_html2_info")
            with gr.Row(elem_classes=["gesso-tools"]):
                send = {
                    target: gr.Button(f"Send to {target}", elem_id=f"pnginfo_send_to_{target}", min_width=120)
                    for target in ("txt2img", "img2img", "inpaint", "extras")
                }
    shown = gr.State(Shown())
    image.change(read, image, [told, shown], **QUIET)
    return PngInfoTab(shown, send)


def read(file: str | None) -> tuple[str, Shown]:
    """The picture's texts for people, and the picture for the other tabs."""
    if file is None:
        return "", Shown()
    try:
        data = picture_file(file)
        text, items = read_infotext(data, PICTURES)
    except (RequestError, *UNREADABLE) as broken:
        told = broken if isinstance(broken, RequestError) else unreadable(broken)
        return words.remark(told.message) + words.remark(told.hint), Shown()
    picture = Picture(data, -1, text)
    return words.png_info(text, items), Shown((file,), (picture,))
