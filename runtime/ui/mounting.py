"""One application for the page: Gradio makes one as blocks begin, one as they end, and one as they are mounted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr
from fastapi import FastAPI
from gradio.routes import App

from runtime.ui.calls import answer_for_callers
from runtime.ui.page_queue import bound_pages
from runtime.ui.picture_controls import refuse_in_words
from runtime.ui.uploads import keep_to_uploads


def mount(app: FastAPI, build: Callable[[], gr.Blocks], **words: Any) -> FastAPI:
    """`app` with what `build` makes at its root, as gr.mount_gradio_app(**words) puts it there."""
    with _without_application():
        blocks = build()
    bound_pages(blocks)
    mounted: FastAPI = gr.mount_gradio_app(app, blocks, path="/", **words)
    # the queue works through the application that answers
    blocks.app = next(inner for route in mounted.routes if isinstance(inner := getattr(route, "app", None), App))
    answer_for_callers(blocks.app)
    keep_to_uploads(blocks)
    refuse_in_words()
    return mounted


@contextmanager
def _without_application() -> Iterator[None]:
    make = App.__dict__["create_app"]
    App.create_app = staticmethod(lambda *_words, **_named: None)
    try:
        yield
    finally:
        App.create_app = make
