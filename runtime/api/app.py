"""The API as one FastAPI application: routes, errors, gate, origins."""

from __future__ import annotations

import time
from urllib.parse import quote

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime.announce import say
from runtime.api.admission import Admission
from runtime.api.docs import docs_page
from runtime.api.errors import add_error_answers
from runtime.api.internal import internal_routes
from runtime.api.listings import listing_routes
from runtime.api.paths import PING, PREFIX
from runtime.api.pictures_routes import picture_routes
from runtime.api.published import publish_answers
from runtime.api.routes import acting_routes
from runtime.api.scripts import script_routes
from runtime.api.settings import settings_routes
from runtime.api.stopping import stopping_routes
from runtime.api.training import training_routes
from runtime.infotext import VERSION
from runtime.studio import Studio

#: signs of a path that a line of the log shows as they are
_PLAIN = "/:@!$&'()*+,;=~%"


def build_api(studio: Studio) -> ASGIApp:
    """The whole API; /internal is there even with --no-api, but not with --nowebui, its ping aside."""
    # clients of the tutorials post JSON without saying so; the gate refuses what says that it is something else
    app = FastAPI(title="Gesso", version=VERSION, docs_url=None, redoc_url=None, strict_content_type=False)
    add_error_answers(app)
    app.add_api_route(PING, _ping, methods=["GET"], summary="Is anybody there?")
    if studio.settings.page:
        app.include_router(internal_routes(studio), prefix="/internal")
    if studio.settings.api:
        _add_api(app, studio)
    publish_answers(app)
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    return _Timed(Admission(app, studio.jobs), studio.settings.on("api_log"))


def _add_api(app: FastAPI, studio: Studio) -> None:
    routers = [acting_routes(studio), picture_routes(studio), settings_routes(studio), listing_routes(studio)]
    routers += [script_routes(studio), training_routes()]
    # whoever comes from elsewhere never ends the server, credentials or not
    if studio.settings.on("api_server_stop") and not studio.settings.exposed:
        routers.append(stopping_routes())
    for router in routers:
        app.include_router(router, prefix=PREFIX)
    for path in ("/docs", "/redoc"):
        app.add_api_route(
            path, lambda: HTMLResponse(docs_page(app.openapi())), methods=["GET"], include_in_schema=False
        )


async def _ping() -> dict[str, str]:
    return {}


class _Timed:
    """Adds X-Process-Time; with --api-log, one line per request."""

    def __init__(self, app: ASGIApp, log: bool) -> None:
        self._app, self._log = app, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()

        async def timed(message: Message) -> None:
            if message["type"] == "http.response.start":
                spent = time.perf_counter() - began
                message["headers"] = [*message["headers"], (b"x-process-time", f"{spent:.4f}".encode())]
                if self._log:
                    client = (scope.get("client") or ("",))[0]
                    # as it was sent: what is decoded may hold the end of this line, and another one
                    path = quote(scope["path"], safe=_PLAIN)
                    say(f"API {message['status']} {scope['method']} {path} {client} {spent:.4f}")
            await send(message)

        await self._app(scope, receive, timed)
