"""The routes that only list: models, samplers, options, memory."""

from __future__ import annotations

from typing import Any

import psutil
from fastapi import APIRouter

from runtime.catalogue import SAMPLERS, SCHEDULERS
from runtime.studio import Studio

#: their values are never told
_SECRETS = ("gradio_auth", "gradio_auth_path", "api_auth", "ngrok", "ngrok_options")
#: what this version has none of; the lists are part of the contract all the same
_EMPTY = (
    "upscalers", "latent-upscale-modes", "sd-vae", "hypernetworks", "face-restorers", "realesrgan-models",
    "prompt-styles", "loras", "script-info", "extensions",
)  # fmt: skip


def listing_routes(studio: Studio) -> APIRouter:
    """The GET routes; each answers without waiting for the queue."""
    router = APIRouter()

    @router.get("/samplers")
    def samplers() -> list[dict[str, Any]]:
        return [{"name": one.name, "aliases": list(one.aliases), "options": one.options} for one in SAMPLERS]

    @router.get("/schedulers")
    def schedulers() -> list[dict[str, Any]]:
        return [
            {"name": one.name, "label": one.label, "aliases": list(one.aliases) or None,
             "default_rho": one.default_rho, "need_inner_model": one.need_inner_model}
            for one in SCHEDULERS
        ]  # fmt: skip

    @router.get("/sd-models")
    def sd_models() -> list[dict[str, Any]]:
        return [
            {"title": one.title, "model_name": one.model_name, "hash": one.short_hash, "sha256": one.sha256,
             "filename": str(one.path), "config": str(one.config) if one.config else None}
            for one in studio.library.checkpoints()
        ]  # fmt: skip

    @router.get("/cmd-flags")
    def cmd_flags() -> dict[str, Any]:
        return {key: "" if key in _SECRETS and value else value for key, value in studio.settings.flags.items()}

    @router.get("/embeddings")
    def embeddings() -> dict[str, Any]:
        return {"loaded": {}, "skipped": {}}

    @router.get("/scripts")
    def scripts() -> dict[str, list[str]]:
        return {"txt2img": [], "img2img": []}

    @router.get("/memory")
    def memory() -> dict[str, Any]:
        return {"ram": _ram(), "cuda": {"error": "unavailable"}}

    for name in _EMPTY:
        router.add_api_route(f"/{name}", _nothing, methods=["GET"], name=name)
    return router


def _nothing() -> list[Any]:
    """There are none in this version."""
    return []


def _ram() -> dict[str, float]:
    """Bytes: this process's own, and what it could have at most."""
    used = psutil.Process().memory_info().rss
    total = psutil.virtual_memory().total
    return {"free": total - used, "used": used, "total": total}
