"""What is asked of Gradio's own addresses and is not there, or not in their form: it says 500, and is the caller's."""

from __future__ import annotations

import logging

from gradio.route_utils import FnIndexInferError
from gradio.routes import App
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

_LOG = logging.getLogger(__name__)
#: what its routes let through, before any function of the page runs: a number, a name or a session that nobody has …
_UNKNOWN = (KeyError, FnIndexInferError)
#: … and a body that is no JSON, or no object, or lacks something
_MISSHAPEN = (ValueError, TypeError, RecursionError)


def answer_for_callers(app: App) -> None:
    """Register answers with 404 and 422; to be called before the first request."""
    for fault in _UNKNOWN:
        app.add_exception_handler(fault, _unknown)
    for fault in _MISSHAPEN:
        app.add_exception_handler(fault, _misshapen)


async def _unknown(request: Request, fault: Exception) -> Response:
    _LOG.info("%s: %r", request.url.path, fault)
    return JSONResponse({"detail": "The page has nothing of this number or name."}, 404)


async def _misshapen(request: Request, fault: Exception) -> Response:
    _LOG.info("%s: %r", request.url.path, fault)
    return JSONResponse({"detail": "This is not what Gradio's clients send here."}, 422)
