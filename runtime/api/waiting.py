"""Waiting for a job as long as whoever asked does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Request

from runtime.places import FOR_LATECOMERS, MOST_WAITING
from runtime.request import RequestError
from runtime.studio import Studio

_Result = TypeVar("_Result")
#: threads for what may wait for a look into a checkpoint for minutes: all whom the queue has places for
_LOOKING = CapacityLimiter(MOST_WAITING + FOR_LATECOMERS)


async def looking(do: Callable[..., _Result], *words: Any) -> _Result:
    """The result of what judges a checkpoint before it answers."""
    return await to_thread.run_sync(do, *words, limiter=_LOOKING)


async def waited(asking: Request, job: Future[_Result], studio: Studio) -> _Result:
    """The job's result. RequestError as the job fails, or `client-gone`: then the job is given up."""
    result = asyncio.wrap_future(job)
    if not studio.options["api_stop_abandoned"]:
        return await result
    leaving = asyncio.create_task(_gone(asking))
    either: set[asyncio.Future[Any]] = {result, leaving}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not result.done():
            result.cancel()
            studio.jobs.abandon(job)
            raise RequestError("client-gone", "Whoever asked for this has gone.", "")
        return result.result()
    finally:
        leaving.cancel()


async def _gone(asking: Request) -> None:
    """Until the connection is closed from the other side; the body has been read by then."""
    message: Any = {}
    while message.get("type") != "http.disconnect":
        message = await asking.receive()
