"""Between the tabs: pictures with what made them, last seeds, the paste key, Save and the folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from runtime.studio import Studio
from runtime.ui import words
from runtime.ui.archive import archive
from runtime.ui.extras import ExtrasTab
from runtime.ui.fields import QUIET, SWIFT
from runtime.ui.frame import Frame, Tab
from runtime.ui.img2img import Img2Img
from runtime.ui.output import Output, Shown
from runtime.ui.pasting import filled, last_infotext
from runtime.ui.png_info import PngInfoTab
from runtime.ui.saving import open_folder, save_picture
from runtime.ui.start_form import IMG2IMG, INPAINT


@dataclass(frozen=True)
class Tabs:
    """What can send and be sent to."""

    all: gr.Tabs
    txt2img: Tab
    img2img: Img2Img
    extras: ExtrasTab
    png_info: PngInfoTab


def connect_tabs(frame: Frame, tabs: Tabs) -> None:
    """Every key of every tab that leads to another."""
    outputs = (tabs.txt2img.output, tabs.img2img.output, tabs.extras.output)
    for output, kind in zip(outputs, ("txt2img", "img2img", "extras"), strict=True):
        for target, button in output.send.items():
            _send(frame.studio, tabs, button, output.shown, target)
        _keep(frame, output, kind)
    for target, button in tabs.png_info.send.items():
        _send(frame.studio, tabs, button, tabs.png_info.shown, target)
    for tab in (tabs.txt2img, tabs.img2img):
        _paste(frame.studio, tab)
        _reuse(tab)


def _send(studio: Studio, tabs: Tabs, button: gr.Button, shown: gr.State, target: str) -> None:
    if target == "extras":
        button.click(_extras, shown, [tabs.all, tabs.extras.tabs, tabs.extras.image], **QUIET)
        return
    fields = tabs.txt2img.fields if target == "txt2img" else tabs.img2img.fields
    places, place = _picture_place(tabs.img2img, target)

    def go(found: Shown) -> list[Any]:
        picture, file = found.picture, found.file
        if picture is None or file is None:
            raise gr.Error(words.NOTHING_TO_SEND, print_exception=False)
        where = "txt2img" if target == "txt2img" else "img2img"
        return [gr.Tabs(selected=where), *place(file), *filled(studio, fields, picture.infotext, sent=True)]

    button.click(go, shown, [tabs.all, *places, *fields.controls], **QUIET)


def _picture_place(tab: Img2Img, target: str) -> tuple[list[Any], Callable[[str], list[Any]]]:
    """The sub-tab, its number and its picture, and what they become."""
    pictures = tab.pictures
    if target == "txt2img":
        return [], lambda _: []
    if target == "inpaint":
        return [pictures.tabs, pictures.mode, pictures.controls["inpaint"]], lambda file: [
            gr.Tabs(selected="img2img_inpaint_tab"), INPAINT, {"background": file, "layers": [], "composite": file},
        ]  # fmt: skip
    return [pictures.tabs, pictures.mode, pictures.controls["image"]], lambda file: [
        gr.Tabs(selected="img2img_img2img_tab"), IMG2IMG, file,
    ]  # fmt: skip


def _extras(found: Shown) -> tuple[Any, ...]:
    if found.file is None:
        raise gr.Error(words.NOTHING_TO_SEND, print_exception=False)
    return gr.Tabs(selected="extras"), gr.Tabs(selected="single_image"), found.file


def _paste(studio: Studio, tab: Tab) -> None:
    """The prompt box may hold a whole infotext; an empty one takes the last job's."""

    def fill(prompt: str | None) -> list[Any]:
        return filled(studio, tab.fields, prompt if prompt and prompt.strip() else last_infotext(studio))

    tab.paste.click(fill, tab.fields["prompt"], tab.fields.controls, **SWIFT)


def _reuse(tab: Tab) -> None:
    """The seeds of the picture that is looked at."""
    for button, name, of in zip(tab.reuse, ("seed", "subseed"), (_seed, _subseed), strict=True):
        button.click(of, tab.output.shown, tab.fields[name], **SWIFT)


def _seed(shown: Shown) -> int:
    return shown.picture.seed if shown.picture else -1


def _subseed(shown: Shown) -> int:
    return shown.picture.subseed if shown.picture else -1


def _keep(frame: Frame, output: Output, kind: str) -> None:
    def save(shown: Shown) -> str:
        return shown.taken + save_picture(frame.studio, shown)

    def show(shown: Shown) -> str:
        return shown.taken + open_folder(frame.studio, kind)

    def pack(shown: Shown) -> gr.File:
        found = archive(shown, frame.pictures)
        if found is None:
            raise gr.Error(words.NOTHING_TO_SAVE, print_exception=False)
        return gr.File(value=str(found), visible=True)

    output.zip.click(pack, output.shown, output.download, **QUIET)
    output.save.click(save, output.shown, output.log, **QUIET)
    # a key that is not shown could still be called by its number
    if frame.local:
        output.open_folder.click(show, output.shown, output.log, **QUIET)
