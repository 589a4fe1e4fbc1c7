"""The routes that only list: models, samplers, networks, scripts, memory."""

from __future__ import annotations

from typing import Any

import psutil
from fastapi import APIRouter

from runtime.catalogue import SAMPLERS, SCHEDULERS
from runtime.stock import LATENT_UPSCALERS, Stock
from runtime.studio import Studio

#: what there is none of, and why
_EMPTY = {
    "face-restorers": "Models that go over faces; there are none.",
    "extensions": "Extensions; their code is never run.",
}


def listing_routes(studio: Studio) -> APIRouter:
    """The GET routes; each answers without waiting for the queue."""
    router = APIRouter()
    _list_drawing(router, studio)
    _list_files(router, studio.stock)
    for name, summary in _EMPTY.items():
        router.add_api_route(f"/{name}", _nothing, methods=["GET"], name=name, summary=summary)
    return router


def _list_drawing(router: APIRouter, studio: Studio) -> None:
    @router.get("/samplers", summary="Samplers by name.")
    def samplers() -> list[dict[str, Any]]:
        return [{"name": one.name, "aliases": list(one.aliases), "options": one.options} for one in SAMPLERS]

    @router.get("/schedulers", summary="Schedules of noise levels.")
    def schedulers() -> list[dict[str, Any]]:
        return [
            {"name": one.name, "label": one.label, "aliases": list(one.aliases) or None,
             "default_rho": one.default_rho, "need_inner_model": one.need_inner_model}
            for one in SCHEDULERS
        ]  # fmt: skip

    @router.get("/sd-models", summary="Checkpoints.")
    def sd_models() -> list[dict[str, Any]]:
        return [
            {"title": one.title, "model_name": one.model_name, "hash": one.short_hash, "sha256": one.sha256,
             "filename": str(one.path), "config": str(one.config) if one.config else None}
            for one in studio.library.checkpoints()
        ]  # fmt: skip

    @router.get("/latent-upscale-modes", summary="Upscalers of latents, for hires fix.")
    def latent_upscale_modes() -> list[dict[str, str]]:
        return [{"name": name} for name in LATENT_UPSCALERS]

    @router.get("/embeddings", summary="Textual inversions: those that fit the model, and those that do not.")
    def embeddings() -> dict[str, Any]:
        return studio.jobs.embeddings

    @router.get("/memory", summary="Memory in bytes; the card's as it was at the worker's last word.")
    def memory() -> dict[str, Any]:
        return {"ram": _ram(), "cuda": studio.jobs.cuda or {"error": "unavailable"}}


def _list_files(router: APIRouter, stock: Stock) -> None:
    @router.get("/sd-vae", summary="VAE files.")
    def sd_vae() -> list[dict[str, str]]:
        return stock.vaes()

    @router.get("/upscalers", summary="Upscalers of pictures.")
    def upscalers() -> list[dict[str, Any]]:
        return [
            {"name": one.name, "model_name": one.path and one.path.stem, "model_path": one.path and str(one.path),
             "model_url": None, "scale": one.scale}
            for one in stock.upscalers()
        ]  # fmt: skip

    @router.get("/realesrgan-models", summary="Upscalers of the Real-ESRGAN family.")
    def realesrgan_models() -> list[dict[str, Any]]:
        found = (one for one in stock.upscalers() if one.kind == "RealESRGAN")
        return [{"name": one.name, "path": str(one.path), "scale": one.scale} for one in found]

    @router.get("/hypernetworks", summary="Hypernetworks.")
    def hypernetworks() -> list[dict[str, str]]:
        return stock.networks.hypernetwork_listing()

    @router.get("/loras", summary="LoRAs with their metadata.")
    def loras() -> list[dict[str, Any]]:
        return stock.networks.loras().listing()

    @router.get("/prompt-styles", summary="Saved styles.")
    def prompt_styles() -> list[dict[str, Any]]:
        return stock.styles()


def _nothing() -> list[Any]:
    return []


def _ram() -> dict[str, float]:
    """Bytes: this process's own, and what it could have at most."""
    used = psutil.Process().memory_info().rss
    total = psutil.virtual_memory().total
    return {"free": total - used, "used": used, "total": total}
