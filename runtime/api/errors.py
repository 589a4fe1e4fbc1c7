"""Every failure as JSON with the four keys error, detail, body, errors."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as RoutingError
from starlette.responses import JSONResponse, Response

from runtime.request import RequestError
from runtime.tasks import NoModelError

_LOG = logging.getLogger(__name__)
#: failures that are not the caller's
_OURS = {
    "worker-died": 500,
    "worker-fault": 500,
    "worker-stuck": 500,
    "worker-cannot-start": 500,
    "server-fault": 500,
    "out-of-memory": 500,
    "nan-unet": 500,
    "nan-vae": 500,
    "cannot-save": 500,
    "stopping": 503,
    "settings-busy": 503,
    "queue-full": 503,
    # nobody hears it
    "client-gone": 499,
}
#: seconds after which another try makes sense, where the server cannot serve now
_LATER = {"Retry-After": "5"}
_CALLERS = {
    "script-not-found": 422,
    "init-image-not-found": 404,
    "interrogator-not-found": 404,
    "settings-frozen": 403,
    "not-there": 501,
}
#: of a body's faults as many are told; it may have a hundred thousand
_MOST_FAULTS = 100


@dataclass(frozen=True)
class Refusal:
    """A status, a code, and two sentences: what happened, and what to do."""

    status: int
    code: str
    message: str
    hint: str = ""


class BodyError(RoutingError):
    """A body that is refused while it is read: whoever reads it answers with the refusal's status."""

    def __init__(self, refusal: Refusal) -> None:
        later = _LATER if refusal.status == 503 else {}
        super().__init__(refusal.status, refusal.message, {"Connection": "close"} | later)
        self.refusal = refusal


def four_keys(status: int, error: str, detail: object = "", errors: str = "", hint: str | None = None) -> JSONResponse:
    """AUTOMATIC1111's error body; `hint` is ours."""
    body = {"error": error, "detail": detail, "body": "", "errors": errors}
    headers = _LATER if status == 503 else None
    return JSONResponse({**body, "hint": hint} if hint else body, status, headers)


def said(refusal: Refusal) -> JSONResponse:
    """The answer that says it; where the rest of a body is not to be read, the connection ends."""
    answer = four_keys(refusal.status, refusal.code, refusal.message, hint=refusal.hint or None)
    if refusal.status in (400, 408, 413):
        answer.headers["Connection"] = "close"
    return answer


def add_error_answers(app: FastAPI) -> None:
    """Register the handlers below."""
    app.add_exception_handler(RequestError, _request_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(RoutingError, _http_error)
    app.add_exception_handler(Exception, _bug)


def refusal(error: RequestError) -> Response:
    """The answer that says it."""
    status = 503 if isinstance(error, NoModelError) else _OURS.get(error.code) or _CALLERS.get(error.code, 400)
    return four_keys(status, error.code, error.message, str(error), error.hint)


async def _request_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)  # noqa: S101 - the registration above says so
    return refusal(error)


async def _invalid(_: Request, error: Exception) -> Response:
    """FastAPI's list without `input` and `ctx`: those echo the caller's data and may hold what JSON cannot."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    found = [
        {key: entry[key] for key in ("loc", "msg", "type") if key in entry} for entry in error.errors()[:_MOST_FAULTS]
    ]
    return four_keys(422, "RequestValidationError", found)


async def _http_error(_: Request, error: Exception) -> Response:
    """The router's own (no such path, wrong method) have `detail` alone, as upstream; the others the four keys."""
    assert isinstance(error, RoutingError)  # noqa: S101
    if isinstance(error, BodyError):
        return said(error.refusal)
    if error.status_code in (404, 405):
        return JSONResponse({"detail": error.detail}, error.status_code, headers=error.headers)
    return four_keys(error.status_code, "HTTPException", error.detail)


async def _bug(request: Request, error: Exception) -> Response:
    _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return four_keys(500, type(error).__name__, "", str(error))
