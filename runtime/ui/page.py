"""The whole page: the checkpoint on top, the tabs below; built once, served beside the API."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from runtime.request import RequestError
from runtime.studio import Studio
from runtime.tasks import ModelState
from runtime.ui import words
from runtime.ui.localization import localization_head
from runtime.ui.theme import page_theme
from runtime.ui.txt2img import Txt2Img, txt2img_tab

_ASSETS = Path(__file__).parent.parent / "assets" / "page"
_SECONDS_BETWEEN_LOOKS = 1.0
#: pictures shown in a browser are copies; they go after a day
_CACHE_SECONDS = (3600, 86400)
Native = tuple[int, int]


def build_page(studio: Studio, accounts: Mapping[str, str]) -> FastAPI:
    """An application with Gradio at its root, asking for `accounts` if any; its lifespan starts Gradio's queue."""
    pictures = Path(os.environ["GRADIO_TEMP_DIR"]).absolute() / "pictures"
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    # Gradio lets every origin in unless its parent decides; the server in front adds what --cors-allow-origins names
    app.add_middleware(CORSMiddleware)
    mounted: FastAPI = gr.mount_gradio_app(
        app,
        _blocks(studio, pictures),
        path="/",
        auth=list(accounts.items()) or None,
        allowed_paths=[str(Path(path).absolute()) for path in studio.settings.flags["gradio_allowed_path"]],
        favicon_path=str(_ASSETS / "favicon.png"),
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        enable_monitoring=False,
        theme=page_theme(),
        css_paths=[_ASSETS / "page.css"],
        head=localization_head(studio) + (_ASSETS / "keys.html").read_text(encoding="utf-8"),
    )
    return mounted


def _blocks(studio: Studio, pictures: Path) -> gr.Blocks:
    with gr.Blocks(title="Gesso", analytics_enabled=False, fill_width=True, delete_cache=_CACHE_SECONDS) as blocks:
        with gr.Row(elem_id="quicksettings"):
            checkpoint = gr.Dropdown(
                [], label="Stable Diffusion checkpoint", elem_id="setting_sd_model_checkpoint", scale=2, min_width=320
            )
            status = gr.HTML(elem_id="model_status")
        with gr.Tabs(elem_id="tabs"), gr.Tab("txt2img", id="txt2img", elem_id="tab_txt2img"):
            tab = txt2img_tab(studio, pictures)
        _follow_model(studio, blocks, checkpoint, status, tab)
    return blocks


def _follow_model(studio: Studio, blocks: gr.Blocks, checkpoint: gr.Dropdown, status: gr.HTML, tab: Txt2Img) -> None:
    """Keep the top line and the size in step with what the worker has loaded."""
    native = gr.State((0, 0))
    clock = gr.Timer(_SECONDS_BETWEEN_LOOKS)
    sizes = [tab.width, tab.height, native]
    shown = [checkpoint, status, *sizes, clock]

    def look(width: float | None, height: float | None, before: Native) -> tuple[Any, ...]:
        model = studio.jobs.model
        waiting = model.state == "loading"
        return (*_top(studio, model), *_sizes(model, width, height, before), gr.Timer(active=waiting))

    async def choose(title: str | None) -> Any:
        """Begin to load; the clock tells how it goes, and the queue stays free."""
        if title:
            try:
                loading = studio.choose(title)
            except RequestError as error:
                raise gr.Error(str(error)) from error
            await asyncio.wait([asyncio.wrap_future(loading)], timeout=_SECONDS_BETWEEN_LOOKS)
        return gr.Timer(active=True)

    quiet: dict[str, Any] = {"show_progress": "hidden", "concurrency_limit": None, "api_visibility": "private"}
    blocks.load(look, sizes, shown, **quiet)
    clock.tick(look, sizes, shown, **quiet)
    checkpoint.input(choose, checkpoint, clock, **quiet)


def _top(studio: Studio, model: ModelState) -> tuple[Any, str]:
    titles = [one.title for one in studio.library.checkpoints()]
    chosen = studio.chosen
    dropdown = gr.Dropdown(choices=titles, value=chosen.title if chosen and chosen.title in titles else None)
    return dropdown, words.model_status(model, bool(titles))


def _sizes(model: ModelState, width: float | None, height: float | None, before: Native) -> tuple[Any, Any, Any]:
    """A size that the user has not touched follows the model's native one."""
    if model.state != "ready" or not (model.width and model.height) or (width, height) not in ((0, 0), tuple(before)):
        return gr.skip(), gr.skip(), gr.skip()
    return model.width, model.height, (model.width, model.height)
