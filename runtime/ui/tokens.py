"""Beside the prompts: how many tokens they take, and a hint where CLIP will not understand the language."""

from __future__ import annotations

from typing import Any

import gradio as gr

from runtime.engine.prompt import count_tokens
from runtime.limits import MOST_STEPS
from runtime.request import RequestError
from runtime.studio import Studio
from runtime.ui import words
from runtime.ui.fields import SWIFT, Fields
from runtime.ui.form import whole

#: letters that are counted after each key, of one text and of all that editing makes of it: more would hold up
#: everybody's page; a job may have more
_MOST_COUNTED, _MOST_EDITED = 50_000, 5_000_000
#: beyond Latin with all its accents
_LATIN_ENDS = 0x24F


def counter(element: str) -> gr.HTML:
    """An empty prompt takes none of a chunk's 75."""
    return gr.HTML(words.tokens(0, 75), elem_id=element, elem_classes=["gesso-counter"])


def connect_counters(studio: Studio, fields: Fields, counters: tuple[gr.HTML, gr.HTML], hint: gr.HTML) -> None:
    """Counted again whenever a prompt rests, whoever changed it."""

    def prompt_notes(prompt: str | None, steps: float | None, styles: list[str] | None) -> tuple[str, str]:
        styled, _ = _styled(studio, prompt or "", "", styles or [])
        return counted(studio, styled, steps), words.prompt_hint() if not_latin(styled) else ""

    def negative_notes(negative: str | None, steps: float | None, styles: list[str] | None) -> str:
        return counted(studio, _styled(studio, "", negative or "", styles or [])[1], steps)

    more = [fields["steps"], fields["styles"]]
    # one request at a time, and the last letter's always: the reader's typing sets the pace, not the server
    pace: dict[str, Any] = {**SWIFT, "trigger_mode": "always_last"}
    prompt, negative = fields["prompt"], fields["negative_prompt"]
    gr.on([prompt.change, fields["styles"].change], prompt_notes, [prompt, *more], [counters[0], hint], **pace)
    gr.on([negative.change, fields["styles"].change], negative_notes, [negative, *more], counters[1], **pace)


def _styled(studio: Studio, prompt: str, negative: str, styles: list[str]) -> tuple[str, str]:
    """As the job will have them; what is too long to be counted stays bare, and a style counts once."""
    if len(prompt) + len(negative) > _MOST_COUNTED:
        return prompt, negative
    return studio.stock.with_styles(prompt, negative, list(dict.fromkeys(styles)))


def counted(studio: Studio, prompt: str, steps: float | None) -> str:
    """`used/room`, as AUTOMATIC1111 shows it; `?` for what cannot be read or is too long to be counted."""
    taken = min(max(whole(steps, 1), 1), MOST_STEPS)
    if len(prompt) > _MOST_COUNTED or len(prompt) * min(taken, prompt.count("[")) > _MOST_EDITED:
        return words.tokens(None, None)
    reach = int(studio.options["comma_padding_backtrack"])
    try:
        return words.tokens(*count_tokens(prompt, taken, reach=reach))
    except RequestError:
        return words.tokens(None, None)


def not_latin(text: str) -> bool:
    """Are there letters of another script?"""
    return any(letter.isalpha() and ord(letter) > _LATIN_ENDS for letter in text[:_MOST_COUNTED])
