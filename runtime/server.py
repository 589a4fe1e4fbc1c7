"""The one application behind the port: the API at once, the page as soon as Gradio has been imported."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from urllib.parse import parse_qs, urlencode

from fastapi import FastAPI
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from runtime.api.app import build_api
from runtime.api.errors import four_keys
from runtime.api.paths import is_api, plain_path
from runtime.starting_page import starting_page
from runtime.studio import Studio

_LOG = logging.getLogger(__name__)


class Server:
    """An ASGI application. `ready(page)` is called when the API answers, and again with True when the page does."""

    def __init__(self, studio: Studio, protected: bool, ready: Callable[[bool], None]) -> None:
        """`protected`: the page is asked for with accounts."""
        self._studio, self._protected, self._ready = studio, protected, ready
        self._api = build_api(studio)
        self._page: ASGIApp | None = None
        self._failure: str | None = None
        self._leaving = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http" and (not self._studio.settings.page or is_api(plain_path(scope))):
            await self._api(scope, receive, send)
        elif scope["type"] == "http" and self._page is None:
            await self._without_page(scope)(scope, receive, send)
        elif scope["type"] == "http" and (themed := self._themed(scope)) is not None:
            await themed(scope, receive, send)
        elif self._page is not None:
            await self._page(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1013})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        page = asyncio.create_task(self._bring_page())
        await receive()
        self._leaving.set()
        if self._page is None:
            page.cancel()
        else:
            await page
        await asyncio.to_thread(self._studio.jobs.stop)
        await send({"type": "lifespan.shutdown.complete"})

    async def _bring_page(self) -> None:
        """Import Gradio beside the running server, then keep the page's own lifespan open until the end."""
        self._ready(False)
        if not self._studio.settings.page:
            return
        try:
            app = await _aside(lambda: _build_page(self._studio, self._protected))
        except Exception as failure:  # noqa: BLE001 - the API goes on without a page, whatever its import did
            _LOG.exception("The page could not be built; the API goes on without it.")
            self._failure = f"{type(failure).__name__}: {failure}"
            return
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(app.router.lifespan_context(app))
            self._page = app
            self._ready(True)
            await self._leaving.wait()

    def _without_page(self, scope: Scope) -> Response:
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        if plain_path(scope) == "/":
            return starting_page(headers.get("accept-language", ""), self._failure)
        return four_keys(503, "PageNotReady", "The page is not ready yet.", self._failure or "")

    def _themed(self, scope: Scope) -> Response | None:
        """A browser that asks for the bare page is sent to the theme of --theme; other clients are not."""
        theme = self._studio.settings.text("theme")
        if scope["method"] != "GET" or plain_path(scope) != "/" or theme not in ("light", "dark"):
            return None
        accept = dict(scope["headers"]).get(b"accept", b"")
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if b"text/html" not in accept or "__theme" in query:
            return None
        where = f"{scope.get('root_path', '')}/?{urlencode({**query, '__theme': [theme]}, doseq=True)}"
        return RedirectResponse(where)


async def _aside(work: Callable[[], FastAPI]) -> FastAPI:
    """The result of `work` from a daemon thread: an import that still runs must not hold up the server's end."""
    done: Future[FastAPI] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as failure:  # noqa: BLE001 - raised again where it is awaited
            done.set_exception(failure)

    threading.Thread(target=run, name="page", daemon=True).start()
    return await asyncio.wrap_future(done)


def _build_page(studio: Studio, protected: bool) -> FastAPI:
    """Gradio reads these when it is imported."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("GRADIO_TEMP_DIR", str(studio.settings.data_dir / "cache" / "gradio"))
    from runtime.ui.page import build_page

    return build_page(studio, protected)
