"""A place in the queue is asked for before a request to draw is looked at: a refusal costs next to nothing."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime.api.errors import refusal
from runtime.api.paths import JOBS, plain_path
from runtime.jobs import Jobs
from runtime.places import Place
from runtime.request import RequestError
from runtime.visitors import client_of

#: in the scope of a request: the place that it was given
_PLACE = "gesso.place"


class Admission:
    """Wraps the API, whose JOBS become a job for each POST.

    Whoever finds the queue full is refused before the body is read. A body that comes whole takes its place at once, so
    that of a thousand that come together only those go on that will be drawn; one in pieces takes it when it is handed
    in, since a slow one would keep others out.
    """

    def __init__(self, app: ASGIApp, jobs: Jobs) -> None:
        self._app, self._jobs = app, jobs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or plain_path(scope) not in JOBS:
            await self._app(scope, receive, send)
            return
        client = client_of(scope)
        place: Place | None = None
        try:
            self._jobs.refuse_if_full(client)
            first = await receive()
            if first["type"] == "http.request" and not first.get("more_body", False):
                place = scope[_PLACE] = self._jobs.enter(client)
        except RequestError as full:
            await refusal(full)(scope, receive, send)
            return
        try:
            await self._app(scope, _again(first, receive), send)
        finally:
            if place is not None:
                place.leave()


def client_in(scope: Scope) -> str | Place:
    """Who asks, and the place that this request has already been given, if any."""
    place = scope.get(_PLACE)
    return place if isinstance(place, Place) else client_of(scope)


def _again(first: Message, receive: Receive) -> Receive:
    """`receive`, with the message that was read already."""
    waiting = [first]

    async def received() -> Message:
        return waiting.pop() if waiting else await receive()

    return received
