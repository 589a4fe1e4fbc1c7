"""The routes that take pictures apart or enlarge them: extras and PNG info."""

from __future__ import annotations

import html
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from runtime.api.admission import client_in
from runtime.api.answers import coded
from runtime.api.asking import ask_extras
from runtime.api.models import ExtraBatchBody, ExtrasBody, ExtraSingleBody, PngInfoBody
from runtime.api.pictures import infotext_of
from runtime.api.waiting import waited
from runtime.infotext import parameters, parse_infotext
from runtime.request import ExtrasResult
from runtime.studio import Studio


def picture_routes(studio: Studio) -> APIRouter:
    """Upscaling waits for its turn; PNG info does not."""
    router = APIRouter()

    @router.post("/extra-single-image", summary="Enlarge one picture.")
    async def extra_single_image(body: ExtraSingleBody, asking: Request) -> dict[str, Any]:
        result = await _enlarged(asking, body, (("image", body.image),))
        return {"html_info": html_info(result), "image": coded(result.pictures[0].data) if result.pictures else ""}

    @router.post("/extra-batch-images", summary="Enlarge several pictures.")
    async def extra_batch_images(body: ExtraBatchBody, asking: Request) -> dict[str, Any]:
        result = await _enlarged(asking, body, tuple(("imageList", one.data) for one in body.imageList))
        return {"html_info": html_info(result), "images": [coded(picture.data) for picture in result.pictures]}

    async def _enlarged(asking: Request, body: ExtrasBody, pictures: tuple[tuple[str, str], ...]) -> ExtrasResult:
        extras = await run_in_threadpool(ask_extras, body, pictures, studio)
        return await waited(asking, await run_in_threadpool(studio.enlarge, extras, client_in(asking.scope)), studio)

    @router.post("/png-info", summary="What a picture was made with.")
    def png_info(body: PngInfoBody) -> dict[str, Any]:
        text, items = infotext_of(body.image, "image")
        return {"info": text, "items": items, "parameters": parameters(parse_infotext(text))}

    return router


def html_info(result: ExtrasResult) -> str:
    """What was done, which also lies in each picture under `postprocessing`, and the remarks: a paragraph each."""
    said = next((picture.infotext for picture in result.pictures if picture.infotext), "")
    return "".join(f"<p>{html.escape(one)}</p>" for one in (said, *result.comments) if one)
