"""/scripts and /script-info: what a request may name in script_name and alwayson_scripts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from runtime.api.always_on import TITLES
from runtime.studio import Studio


def script_routes(studio: Studio) -> APIRouter:
    """Both answer without waiting for the queue."""
    router = APIRouter()

    @router.get("/scripts", summary="Titles of scripts, in small letters.")
    def scripts() -> dict[str, list[str]]:
        return {"txt2img": _titles(studio, False), "img2img": _titles(studio, True)}

    @router.get("/script-info", summary="Scripts with their arguments.")
    def script_info() -> list[dict[str, Any]]:
        return [*_infos(studio, False), *_infos(studio, True)]

    return router


def _titles(studio: Studio, img2img: bool) -> list[str]:
    return [*sorted(TITLES), *(one.title.lower() for one in studio.stock.scripts(img2img))]


def _infos(studio: Studio, img2img: bool) -> list[dict[str, Any]]:
    always = [{"name": title, "is_alwayson": True, "is_img2img": img2img, "args": []} for title in sorted(TITLES)]
    chosen = [
        {
            "name": one.title.lower(),
            "is_alwayson": False,
            "is_img2img": img2img,
            "args": [asdict(argument) for argument in one.args],
        }
        for one in studio.stock.scripts(img2img)
    ]
    return [*always, *chosen]
