"""Pictures that a browser sends: what is none is refused in our words."""

from __future__ import annotations

from functools import wraps
from typing import Any

import gradio as gr

from runtime.request import RequestError
from runtime.ui import words
from runtime.ui.start_form import UNREADABLE, unreadable


def refuse_in_words() -> None:
    """A picture's file goes to our readers as it is, and a painted picture that cannot be read is told as they tell it.

    Gradio opens both, and answers where it cannot with the names of its controls and this computer's paths.
    Where a path leads has been looked at before (uploads.py).
    """
    opened, put_together = gr.Image.preprocess, gr.ImageEditor.preprocess

    @wraps(opened)
    def as_it_is(control: gr.Image, sent: Any) -> Any:
        return sent.path if sent and sent.path and control.type == "filepath" else opened(control, sent)

    @wraps(put_together)
    def painted(control: gr.ImageEditor, sent: Any) -> Any:
        try:
            return put_together(control, sent)
        except UNREADABLE as broken:
            raise _told(unreadable(broken)) from broken

    gr.Image.preprocess, gr.ImageEditor.preprocess = as_it_is, painted


def _told(error: RequestError) -> gr.Error:
    return gr.Error(words.toast(words.COULD_NOT, error), print_exception=False)
