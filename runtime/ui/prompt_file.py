"""A file of prompts, one a line, read into the text box of the script that draws them."""

from __future__ import annotations

import codecs
from pathlib import Path

import gradio as gr
from gradio.components import Component

from runtime.ui import words
from runtime.ui.fields import QUIET

_MOST_BYTES = 4 * 1024 * 1024
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def prompt_file(box: Component, element: str) -> None:
    """The file's place; what is put there takes the place of the box's text."""
    file = gr.File(label="Upload prompt inputs", type="filepath", elem_id=element, height=120)
    file.upload(_read, file, box, **QUIET)


def _read(path: str) -> str:
    with Path(path).open("rb") as file:
        found = decoded(file.read(_MOST_BYTES + 1))
    if found is None:
        raise gr.Error(words.NO_TEXT, print_exception=False)
    return found


def decoded(data: bytes) -> str | None:
    """UTF-8, UTF-16 with its mark, or GB 18030 as Chinese Windows writes it; None for what is no text of prompts."""
    if len(data) > _MOST_BYTES:
        return None
    for encoding in ("utf-16",) if data.startswith(_WIDE) else ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return None if "\0" in text else "\n".join(text.splitlines())
    return None
