"""The routes that read and change settings, models and memory."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from pydantic import BeforeValidator

from runtime.api.coercion import readable
from runtime.api.waiting import looking
from runtime.studio import Studio

Changes = Annotated[dict[str, Any], BeforeValidator(readable)]
#: their values are never told
_SECRETS = ("gradio_auth", "gradio_auth_path", "api_auth", "ngrok", "ngrok_options")


def settings_routes(studio: Studio) -> APIRouter:
    """GET and POST of the options, the flags, and what looks again at the folders."""
    router = APIRouter()

    @router.get("/options", summary="Every known setting.")
    async def options() -> dict[str, Any]:
        chosen = studio.chosen
        hashed = {"sd_checkpoint_hash": chosen.sha256 or ""} if chosen else {}
        return {**studio.options.known(), "sd_model_checkpoint": chosen.title if chosen else None, **hashed}

    @router.post("/options", summary="Change settings; a new sd_model_checkpoint is loaded before the answer.")
    async def set_options(changes: Changes) -> None:
        model = changes.get("sd_model_checkpoint")
        rest = {key: value for key, value in changes.items() if key != "sd_model_checkpoint"}
        await run_in_threadpool(studio.options.check, rest)
        if model is not None:
            await asyncio.wrap_future(await looking(studio.choose, str(model)))
        if rest:
            await run_in_threadpool(studio.options.update, rest)

    @router.get("/cmd-flags", summary="Every flag's value; passwords are left out.")
    async def cmd_flags() -> dict[str, Any]:
        return told_flags(studio)

    @router.post("/refresh-checkpoints", summary="Look for checkpoints again.")
    def refresh_checkpoints() -> None:
        studio.look_again()

    @router.post("/unload-checkpoint", summary="Free the memory that the model takes.")
    async def unload_checkpoint() -> dict[str, Any]:
        await asyncio.wrap_future(studio.unload())
        return {}

    @router.post("/reload-checkpoint", summary="Load the chosen model again.")
    async def reload_checkpoint() -> dict[str, Any]:
        await asyncio.wrap_future(studio.reload())
        return {}

    for name in ("refresh-loras", "refresh-vae", "refresh-embeddings"):
        router.add_api_route(f"/{name}", _looked_at_anyway, methods=["POST"], name=name, summary="Nothing to do.")
    return router


def told_flags(studio: Studio) -> dict[str, Any]:
    """Every flag's value, secrets blanked."""
    return {key: "" if key in _SECRETS and value else value for key, value in studio.settings.flags.items()}


def _looked_at_anyway() -> None:
    """Their folders are looked at whenever they are needed."""
