"""/internal: progress of a named job, what waits, and what programs beside the page ask for."""

from __future__ import annotations

import platform
import sys
from typing import Any

from fastapi import APIRouter

from runtime.api.answers import coded, text_info
from runtime.api.coercion import Body, Bool, Int, Str
from runtime.api.settings import told_flags
from runtime.infotext import VERSION
from runtime.settings_table import BY_NAME, SETTINGS
from runtime.studio import Studio


class ProgressBody(Body):
    """POST /internal/progress."""

    id_task: Str = ""
    id_live_preview: Int = -1
    live_preview: Bool = True


def internal_routes(studio: Studio) -> APIRouter:
    """None of them waits for the queue."""
    router = APIRouter()

    @router.post("/progress", summary="How far the job of this id is.")
    async def progress(body: ProgressBody) -> dict[str, Any]:
        now = studio.jobs.progress
        state = studio.jobs.book.state(body.id_task, now.task)
        active = state == "active"
        shown = active and body.live_preview and now.preview is not None and now.previews != body.id_live_preview
        return {
            "active": active,
            "queued": state == "queued",
            "completed": state == "completed",
            "progress": now.fraction if active else None,
            "eta": now.seconds_left if active else None,
            "live_preview": _address(now.preview or b"") if shown else None,
            "id_live_preview": now.previews if active else -1,
            "textinfo": text_info(now, studio.jobs.model) if active else "Waiting..." if state == "queued" else None,
        }

    @router.get("/pending-tasks", summary="Ids of the jobs that run or wait.")
    async def pending_tasks() -> dict[str, Any]:
        waiting = studio.jobs.book.waiting()
        return {"size": len(waiting), "tasks": waiting}

    @router.get("/quicksettings-hint", summary="Settings by name and label.")
    async def quicksettings_hint() -> list[dict[str, str]]:
        return [{"name": one.name, "label": one.label} for one in SETTINGS]

    @router.get("/profile-startup", summary="Times of the start; they are not kept.")
    async def profile_startup() -> dict[str, Any]:
        return {"total": None, "records": {}}

    @router.get("/sysinfo", summary="What a question about a fault should say; no path, no password.")
    async def sysinfo() -> dict[str, Any]:
        known = studio.options.known()
        changed = {name: value for name, value in known.items() if value != BY_NAME[name].default}
        hidden = {name for name in changed if name.startswith("outdir_") or name in ("sd_model_checkpoint", "sd_vae")}
        return {
            "Version": VERSION,
            "Platform": platform.platform(),
            "Python": sys.version.split()[0],
            "Commandline": {name: value for name, value in told_flags(studio).items() if value and _plain(value)},
            "Config": {name: value for name, value in changed.items() if name not in hidden},
        }

    return router


def _plain(value: object) -> bool:
    """Switches and numbers: texts may be paths."""
    return isinstance(value, (bool, int))


def _address(picture: bytes) -> str:
    kind = "jpeg" if picture.startswith(b"\xff\xd8") else "png"
    return f"data:image/{kind};base64,{coded(picture)}"
