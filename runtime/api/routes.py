"""The routes that do something: txt2img, progress, interrupt, options."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from runtime.api.answers import progress_answer, txt2img_answer
from runtime.api.models import Txt2ImgBody, to_request
from runtime.api.pasted import with_infotext
from runtime.studio import Studio


def acting_routes(studio: Studio) -> APIRouter:
    """Routes that wait are coroutines: however many wait for a picture, the control routes still answer."""
    router = APIRouter()

    @router.post("/txt2img")
    async def txt2img(body: Txt2ImgBody) -> dict[str, Any]:
        body = with_infotext(body)
        request = to_request(body, studio.options)
        model = (body.override_settings or {}).get("sd_model_checkpoint")
        job = studio.generate(request, model if isinstance(model, str) else None)
        return txt2img_answer(body.model_dump(), await asyncio.wrap_future(job))

    @router.get("/progress")
    async def progress(skip_current_image: bool = False) -> dict[str, Any]:
        return progress_answer(studio.jobs.progress, studio.jobs.model, skip_current_image)

    @router.post("/interrupt")
    async def interrupt() -> dict[str, Any]:
        studio.jobs.interrupt()
        return {}

    @router.post("/skip")
    async def skip() -> None:
        studio.jobs.skip()

    @router.get("/options")
    async def options() -> dict[str, Any]:
        chosen = studio.chosen
        hashed = {"sd_checkpoint_hash": chosen.sha256 or ""} if chosen else {}
        return {**studio.options.known(), "sd_model_checkpoint": chosen.title if chosen else None, **hashed}

    @router.post("/options")
    async def set_options(changes: dict[str, Any]) -> None:
        model = changes.get("sd_model_checkpoint")
        if model is not None:
            await asyncio.wrap_future(studio.choose(str(model)))
        rest = {key: value for key, value in changes.items() if key != "sd_model_checkpoint"}
        if rest:
            await run_in_threadpool(studio.options.update, rest)

    @router.post("/refresh-checkpoints")
    def refresh_checkpoints() -> None:
        studio.library.refresh()
        studio.jobs.forget_refusals()

    return router
