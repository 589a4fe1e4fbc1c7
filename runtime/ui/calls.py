"""What is asked of Gradio's own addresses and is not there, or not in their form: it says 500, and is the caller's."""

from __future__ import annotations

import errno
import logging
import re

from gradio.route_utils import FnIndexInferError
from gradio.routes import App
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOG = logging.getLogger(__name__)
#: what its routes let through, before any function of the page runs: a number, a name or a session that nobody has …
_UNKNOWN = (KeyError, FnIndexInferError)
#: … and a body that is no JSON, or no object, or lacks something
_MISSHAPEN = (ValueError, TypeError, RecursionError)
_NO_NAMES = (errno.ENAMETOOLONG, errno.EINVAL, errno.ELOOP)
#: where functions are called without the queue
_DIRECT = re.compile(r"/(run|api)/[^/]*/?")


def answer_for_callers(app: App) -> None:
    """Register answers with 404 and 422; to be called before the first request."""
    for fault in _UNKNOWN:
        app.add_exception_handler(fault, _unknown)
    for fault in _MISSHAPEN:
        app.add_exception_handler(fault, _misshapen)
    app.add_exception_handler(OSError, _no_file)
    app.add_middleware(_Answers)


class _Answers:
    """A function that refuses what it was given: Gradio says 500 of that too, its clients look for 200 alone.

    A fault of ours is said the same way; its traceback stands in the log. And a stream of a page or call that is not
    there says so and ends, where Gradio would write a traceback for it too.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        direct = _DIRECT.search(scope["path"])

        async def told(message: Message) -> None:
            if direct and message["type"] == "http.response.start" and message["status"] == 500:
                message = {**message, "status": 422}
            await send(message)

        try:
            await self._app(scope, receive, told)
        except RuntimeError as failed:
            # "Caught handled exception, but response already started."
            if not isinstance(failed.__cause__, HTTPException):
                raise
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _no_file(request: Request, fault: Exception) -> Response:
    """Of its own files: a name that no file system takes."""
    if not isinstance(fault, OSError) or fault.errno not in _NO_NAMES:
        raise fault
    _LOG.info("%.200s: %s", request.url.path, fault.strerror)
    return JSONResponse({"detail": "Not Found"}, 404)


async def _unknown(request: Request, fault: Exception) -> Response:
    _LOG.info("%s: %r", request.url.path, fault)
    return JSONResponse({"detail": "The page has nothing of this number or name."}, 404)


async def _misshapen(request: Request, fault: Exception) -> Response:
    _LOG.info("%s: %r", request.url.path, fault)
    return JSONResponse({"detail": "This is not what Gradio's clients send here."}, 422)
