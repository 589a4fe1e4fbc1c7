"""The routes of --api-server-stop: end the server, at once or in order."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from runtime.api.errors import four_keys

_SECONDS_FOR_THE_ANSWER = 0.2


def stopping_routes() -> APIRouter:
    """A killed server drops its connection; a stopped one answers first."""
    router = APIRouter()

    @router.post("/server-kill", summary="End at once; the connection drops.")
    def server_kill() -> None:
        os._exit(0)

    @router.post("/server-restart", summary="Ask whoever started the server to start it again.")
    def server_restart() -> Response:
        marker = os.environ.get("SD_WEBUI_RESTART")
        if not marker:
            return four_keys(501, "HTTPException", "Nothing would start this server again.")
        with open(marker, "w", encoding="utf-8"):  # noqa: PTH123 - the wrapper's marker: to be there is enough
            pass
        _soon(lambda: os._exit(0))
        return PlainTextResponse("Restarting.")

    @router.post("/server-stop", summary="End in order: the answer comes first.")
    def server_stop() -> Response:
        _soon(lambda: signal.raise_signal(signal.SIGINT))
        return PlainTextResponse("Stopping.")

    return router


def _soon(do: Callable[[], object]) -> None:
    timer = threading.Timer(_SECONDS_FOR_THE_ANSWER, do)
    timer.daemon = True
    timer.start()
