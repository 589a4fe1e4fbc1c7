"""The routes that draw and upscale, and those that follow or stop what is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from runtime.api.admission import client_in
from runtime.api.answers import drawing_answer, progress_answer
from runtime.api.asking import Asked, ask_img2img, ask_txt2img
from runtime.api.models import DrawingBody, Img2ImgBody, InterrogateBody, Txt2ImgBody
from runtime.api.waiting import looking, waited
from runtime.request import RequestError
from runtime.studio import Studio


def acting_routes(studio: Studio) -> APIRouter:
    """Routes that wait are coroutines: however many wait for a picture, the control routes still answer."""
    router = APIRouter()

    @router.post("/txt2img", summary="Draw pictures from a prompt.")
    async def txt2img(body: Txt2ImgBody, asking: Request) -> dict[str, Any]:
        asked = await run_in_threadpool(ask_txt2img, body, studio)
        return await _drawn(asking, body, asked, asked.body.model_dump())

    @router.post("/img2img", summary="Draw over pictures, or over the masked part of one.")
    async def img2img(body: Img2ImgBody, asking: Request) -> dict[str, Any]:
        asked = await run_in_threadpool(ask_img2img, body, studio)
        without = {} if body.include_init_images else {"init_images": None, "mask": None}
        return await _drawn(asking, body, asked, asked.body.model_dump() | without)

    async def _drawn(asking: Request, sent: DrawingBody, asked: Asked, echo: dict[str, Any]) -> dict[str, Any]:
        named = asked.body.force_task_id, client_in(asking.scope)
        aside = looking if asked.model else run_in_threadpool
        job = await aside(studio.generate, asked.request, asked.model, *named)
        result, comments = await waited(asking, job, studio), asked.comments
        if not asked.body.override_settings_restore_afterwards:
            # What a pasted infotext sets is for this job alone, as `asked.body` has it.
            comments += await run_in_threadpool(_not_kept, studio, sent.override_settings or {})
        return drawing_answer(echo, result, comments)

    @router.get("/progress", summary="How far the running job is; all zero while idle.")
    async def progress(skip_current_image: bool = False) -> dict[str, Any]:
        return progress_answer(studio.jobs.progress, studio.jobs.model, skip_current_image)

    @router.post("/interrupt", summary="Stop the running job; what exists is answered.")
    async def interrupt() -> dict[str, Any]:
        studio.jobs.interrupt()
        return {}

    @router.post("/skip", summary="Abandon the running batch, go on with the next.")
    async def skip() -> None:
        studio.jobs.skip()

    @router.post("/interrogate", summary="Captions; there is no model for them, so 404.")
    async def interrogate(body: InterrogateBody) -> dict[str, Any]:
        hint = f"No model that describes pictures ({body.model:.40}) is part of this program."
        raise RequestError("interrogator-not-found", "Model not found", hint)

    return router


def _not_kept(studio: Studio, overrides: Mapping[str, Any]) -> tuple[str, ...]:
    """A remark where what the job has set for itself cannot stay set: its pictures are there all the same."""
    try:
        studio.keep(overrides)
    except RequestError as refused:
        return (f"What this job has set for itself does not stay set: {refused}",)
    return ()
