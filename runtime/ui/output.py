"""The right half of a tab: progress, gallery, what made the picture, and where it can go from here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import gradio as gr

from runtime.request import Picture
from runtime.ui import words
from runtime.ui.fields import SWIFT
from runtime.ui.tool import tool


@dataclass(frozen=True)
class Shown:
    """What the gallery shows, in order: files for the browser, and what is known of each."""

    files: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    notes: str = ""
    #: time and memory, which stay while the page says what Save or the folder's key did
    taken: str = ""
    #: the one whose infotext is shown
    selected: int = 0

    @property
    def file(self) -> str | None:
        return self.files[self.selected] if self.selected < len(self.files) else None

    @property
    def picture(self) -> Picture | None:
        return self.pictures[self.selected] if self.selected < len(self.pictures) else None


@dataclass(frozen=True)
class Output:
    """The parts of one tab's output; `send` by the tab that the button leads to."""

    progress: gr.HTML
    gallery: gr.Gallery
    info: gr.HTML
    log: gr.HTML
    shown: gr.State
    save: gr.Button
    open_folder: gr.Button
    zip: gr.Button
    #: shows what the zip key made
    download: gr.File
    #: draws the picture again with hires fix; None where there is no hires fix
    upscale: gr.Button | None
    send: dict[str, gr.Button] = field(default_factory=dict)

    @property
    def drawn(self) -> list[Any]:
        """What a job's end changes, in the order in which drawing yields it."""
        return [self.gallery, self.progress, self.info, self.log, self.shown]


_TARGETS = ("img2img", "inpaint", "extras")


def output_panel(tab: str, local: bool) -> Output:
    """`local`: the reader sits at this computer, so that a folder can be opened for them."""
    progress = gr.HTML(elem_id=f"{tab}_progress")
    gallery = gr.Gallery(
        label="Output", show_label=False, elem_id=f"{tab}_gallery", columns=3, height=480, object_fit="contain",
        preview=True, format="png", interactive=False, buttons=["download", "fullscreen"],
    )  # fmt: skip
    with gr.Row(elem_id=f"image_buttons_{tab}", elem_classes=["gesso-tools"]):
        open_folder = tool(f"{tab}_open_folder", visible=local)
        save = tool(f"save_{tab}")
        zipped = tool(f"save_zip_{tab}")
        targets = [target for target in _TARGETS if target != tab]
        send = {target: tool(f"{tab}_send_to_{target}") for target in targets}
        upscale = tool(f"{tab}_upscale") if tab == "txt2img" else None
    download = gr.File(show_label=False, interactive=False, visible=False, elem_id=f"download_files_{tab}")
    info = gr.HTML(elem_id=f"html_info_{tab}")
    log = gr.HTML(elem_id=f"html_log_{tab}")
    shown = gr.State(Shown())
    gallery.select(_select, shown, [shown, info], **SWIFT)
    return Output(progress, gallery, info, log, shown, save, open_folder, zipped, download, upscale, send)


def _select(shown: Shown, event: gr.SelectData) -> tuple[Shown, str]:
    now = replace(shown, selected=int(event.index))
    return now, words.infotext(now.picture.infotext if now.picture else "", now.notes)


def copies(pictures: tuple[Picture, ...], folder: Path) -> tuple[str, ...]:
    """The very bytes of the pictures, as files that the page may show: a download keeps its infotext."""
    place = folder / uuid4().hex
    place.mkdir(parents=True)
    files = []
    for number, picture in enumerate(pictures):
        name = Path(picture.path).name if picture.path else f"{number:05}-{picture.seed}.{ending(picture.data)}"
        file = place / re.sub(r"[^\w.-]", "_", name)
        file.write_bytes(picture.data)
        files.append(str(file))
    return tuple(files)


def ending(data: bytes) -> str:
    """png, jpg or webp, by the file's first bytes."""
    if data.startswith(b"\xff\xd8"):
        return "jpg"
    return "webp" if data[8:12] == b"WEBP" else "png"
