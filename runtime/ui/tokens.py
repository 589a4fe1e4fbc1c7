"""Beside the prompts: how many tokens they take, and a hint where CLIP will not understand the language."""

from __future__ import annotations

from typing import Any

import gradio as gr

from runtime.engine.prompt import count_tokens
from runtime.request import RequestError
from runtime.studio import Studio
from runtime.ui import words
from runtime.ui.fields import SWIFT, Fields

#: beyond Latin with all its accents
_LATIN_ENDS = 0x24F


def counter(element: str) -> gr.HTML:
    """An empty prompt takes none of a chunk's 75."""
    return gr.HTML(words.tokens(0, 75), elem_id=element, elem_classes=["gesso-counter"])


def connect_counters(studio: Studio, fields: Fields, counters: tuple[gr.HTML, gr.HTML], hint: gr.HTML) -> None:
    """Counted again whenever a prompt rests, whoever changed it."""

    def prompt_notes(prompt: str | None, steps: float | None, styles: list[str] | None) -> tuple[str, str]:
        styled, _ = studio.stock.with_styles(prompt or "", "", styles or [])
        return counted(studio, styled, steps), words.prompt_hint() if not_latin(styled) else ""

    def negative_notes(negative: str | None, steps: float | None, styles: list[str] | None) -> str:
        return counted(studio, studio.stock.with_styles("", negative or "", styles or [])[1], steps)

    more = [fields["steps"], fields["styles"]]
    # one request at a time, and the last letter's always: the reader's typing sets the pace, not the server
    pace: dict[str, Any] = {**SWIFT, "trigger_mode": "always_last"}
    prompt, negative = fields["prompt"], fields["negative_prompt"]
    gr.on([prompt.change, fields["styles"].change], prompt_notes, [prompt, *more], [counters[0], hint], **pace)
    gr.on([negative.change, fields["styles"].change], negative_notes, [negative, *more], counters[1], **pace)


def counted(studio: Studio, prompt: str, steps: float | None) -> str:
    """`used/room`, as AUTOMATIC1111 shows it; nothing for what cannot be read."""
    reach = int(studio.options["comma_padding_backtrack"])
    try:
        return words.tokens(*count_tokens(prompt, int(steps or 1), reach=reach))
    except RequestError:
        return words.tokens(None, None)


def not_latin(text: str) -> bool:
    """Are there letters of another script?"""
    return any(letter.isalpha() and ord(letter) > _LATIN_ENDS for letter in text)
