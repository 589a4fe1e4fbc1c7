"""The whole page: the quick settings on top, the tabs below; built once, served beside the API."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI, Response
from gradio import processing_utils
from starlette.middleware.cors import CORSMiddleware

from runtime.formats import open_no_others
from runtime.studio import Studio
from runtime.ui.extras import extras_tab
from runtime.ui.frame import Frame
from runtime.ui.img2img import img2img_tab
from runtime.ui.localization import LANGUAGE, localization_script
from runtime.ui.models import models_tab
from runtime.ui.mounting import mount
from runtime.ui.png_info import png_info_tab
from runtime.ui.quicksettings import TopLine, follow_model, top_line
from runtime.ui.saving import opener
from runtime.ui.sending import Tabs, connect_tabs
from runtime.ui.settings import settings_tab
from runtime.ui.theme import page_theme
from runtime.ui.txt2img import txt2img_tab
from runtime.ui.ui_config import UiConfig
from runtime.visitors import USER

_ASSETS = Path(__file__).parent.parent / "assets" / "page"
#: pictures shown in a browser are copies; they go after a day
_CACHE_SECONDS = (3600, 86400)
#: id and title of every tab, in AUTOMATIC1111's order
_TABS = {
    "txt2img": "txt2img",
    "img2img": "img2img",
    "extras": "Extras",
    "pnginfo": "PNG Info",
    "models": "Models",
    "settings": "Settings",
}


def build_page(studio: Studio, protected: bool) -> FastAPI:
    """An application with Gradio at its root; its lifespan starts Gradio's queue.

    `protected`: Gradio too lets in only those whom the gate has let in under a name.
    """
    _fetch_nothing()
    open_no_others()
    pictures = Path(os.environ["GRADIO_TEMP_DIR"]).absolute() / "pictures"
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    # Gradio lets every origin in unless its parent decides; the server in front adds what --cors-allow-origins names
    app.add_middleware(CORSMiddleware)
    app.add_api_route(f"/{LANGUAGE}", lambda: Response(localization_script(studio), media_type="text/javascript"))
    return mount(
        app,
        lambda: build_blocks(studio, pictures),
        auth_dependency=(lambda request: request.scope.get(USER)) if protected else None,
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
        head=_head(),
    )


def _fetch_nothing() -> None:
    """Gradio would fetch a picture that is given by its address, for whoever asks."""

    async def refuse(_url: str, _folder: str) -> str:
        raise gr.Error("An address in place of a file is not fetched.", print_exception=False)

    processing_utils.async_ssrf_protected_download = refuse


def _head() -> str:
    """The language's script is asked for each time, so that another language counts after a reload of the page.

    Refusals are taken apart before it looks at them.
    """
    first, own = (_script(names) for names in (("refusals.js",), ("keys.js", "hints.js", "settings.js")))
    return f'{first}<script src="{LANGUAGE}"></script>{own}'


def _script(names: tuple[str, ...]) -> str:
    return "<script>" + "\n".join((_ASSETS / name).read_text(encoding="utf-8") for name in names) + "</script>"


def build_blocks(studio: Studio, pictures: Path) -> gr.Blocks:
    """Everything on the page; ui-config.json is completed with the defaults that it lacks."""
    file = studio.settings.path("ui_config_file") or studio.settings.data_dir / "ui-config.json"
    frame = Frame(studio, pictures, UiConfig(file), local=not studio.settings.exposed and opener() is not None)
    with gr.Blocks(title="Gesso", analytics_enabled=False, fill_width=True, delete_cache=_CACHE_SECONDS) as blocks:
        top = top_line(frame)
        tabs = _tabs(frame, top)
        connect_tabs(frame, tabs)
        sizes = [(tab.fields["width"], tab.fields["height"]) for tab in (tabs.txt2img, tabs.img2img)]
        samplers = [(tab.fields["sampler_name"], tab.fields["scheduler"]) for tab in (tabs.txt2img, tabs.img2img)]
        follow_model(frame, blocks, top, sizes, samplers)
        frame.current.connect(blocks)
    frame.defaults.write()
    return blocks


def _tabs(frame: Frame, top: TopLine) -> Tabs:
    """Built in the order of the settings; what leads from tab to tab is connected afterwards."""
    build: dict[str, Callable[[], Any]] = {
        "txt2img": lambda: txt2img_tab(frame),
        "img2img": lambda: img2img_tab(frame),
        "extras": lambda: extras_tab(frame),
        "pnginfo": png_info_tab,
        "models": lambda: None,
        "settings": lambda: settings_tab(frame, top.names),
    }
    hidden = frame.studio.options["hidden_tabs"]
    found: dict[str, Any] = {}
    models = None
    with gr.Tabs(elem_id="tabs") as everything:
        for name in tab_order(frame.studio.options["ui_tab_order"]):
            title = _TABS[name]
            with gr.Tab(title, id=name, elem_id=f"tab_{name}", visible=title not in hidden) as tab:
                found[name] = build[name]()
            models = tab if name == "models" else models
            if name == "settings":
                found[name](tab)
    with models or gr.Column():
        models_tab(frame, found["txt2img"], top.clock)
    return Tabs(everything, found["txt2img"], found["img2img"], found["extras"], found["pnginfo"])


def tab_order(first: list[str]) -> list[str]:
    """Those that the setting names by their titles, then the others."""
    named = [name for title in first for name in _TABS if _TABS[name] == title]
    return list(dict.fromkeys((*named, *_TABS)))
