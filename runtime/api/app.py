"""The API as one FastAPI application: routes, errors, gate, a small page that lists the routes."""

from __future__ import annotations

import html
import sys
import time

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime.api.errors import add_error_answers
from runtime.api.gate import Gate
from runtime.api.listings import listing_routes
from runtime.api.routes import acting_routes
from runtime.infotext import VERSION
from runtime.studio import Studio

PREFIX = "/sdapi/v1"
#: answers without credentials: it says only that somebody is there
OPEN = "/internal/ping"


def build_api(studio: Studio, gate: Gate) -> ASGIApp:
    """The whole API behind its gate; /internal/ping is there even with --no-api."""
    app = FastAPI(title="Gesso", version=VERSION, docs_url=None, redoc_url=None, openapi_url="/openapi.json")
    add_error_answers(app)
    app.add_api_route(OPEN, _ping, methods=["GET"])
    if studio.settings.api:
        app.include_router(acting_routes(studio), prefix=PREFIX)
        app.include_router(listing_routes(studio), prefix=PREFIX)
        app.add_api_route("/docs", lambda: HTMLResponse(_docs(app)), methods=["GET"], include_in_schema=False)
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    return _Timed(_Guarded(app, gate) if studio.settings.api else app, studio.settings.on("api_log"))


def _ping() -> dict[str, str]:
    return {}


class _Guarded:
    """Nothing of the request is read before the credentials are right."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app, self._gate = app, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = None
        if scope["type"] == "http" and scope["path"] != OPEN:
            given = dict(scope["headers"]).get(b"authorization")
            refusal = self._gate.refuse(None if given is None else given.decode("latin-1"))
        await (refusal or self._app)(scope, receive, send)


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
                    line = f"API {message['status']} {scope['method']} {scope['path']} {client} {spent:.4f}\n"
                    sys.stderr.write(line)
            await send(message)

        await self._app(scope, receive, timed)


def _docs(app: FastAPI) -> str:
    """A page of our own: FastAPI's takes its scripts from another host."""
    rows = []
    for path, methods in app.openapi()["paths"].items():
        for method, about in methods.items():
            fields = ", ".join(parameter["name"] for parameter in about.get("parameters", []))
            rows.append(f"<tr><td>{method.upper()}</td><td><code>{html.escape(path)}</code></td><td>{fields}</td></tr>")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Gesso API</title><style>'
        "body{font:16px system-ui,sans-serif;margin:3rem auto;max-width:50rem;padding:0 1rem;color-scheme:light dark}"
        "td{padding:.25rem 1rem .25rem 0}</style><h1>Gesso API</h1>"
        '<p>The routes of AUTOMATIC1111. Bodies and answers: <a href="openapi.json">openapi.json</a>.</p>'
        f"<table>{''.join(rows)}</table></html>"
    )
