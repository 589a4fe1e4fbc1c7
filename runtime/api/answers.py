"""What the drawing routes and progress answer, in AUTOMATIC1111's shapes."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from runtime.engine.prompt import without_comments
from runtime.infotext import VERSION, parse_infotext
from runtime.progress import Progress
from runtime.request import Request, Result
from runtime.tasks import ModelState


def coded(data: bytes) -> str:
    """Bare base64."""
    return base64.b64encode(data).decode()


def drawing_answer(echo: dict[str, Any], result: Result, comments: Sequence[str] = ()) -> dict[str, Any]:
    """`images` in bare base64, the request as it was read, and `info` as a string of JSON."""
    pictures = result.pictures if echo.get("send_images", True) else ()
    return {
        "images": [coded(picture.data) for picture in pictures],
        "parameters": echo | _size(echo, result.request),
        "info": json.dumps(info(result, comments), ensure_ascii=False),
    }


def _size(echo: dict[str, Any], drawn: Request) -> dict[str, int | None]:
    """A request that names no size takes the model's: clients that read the echo find the one that was drawn."""
    return {"width": echo.get("width") or drawn.width, "height": echo.get("height") or drawn.height}


def info(result: Result, comments: Sequence[str] = ()) -> dict[str, Any]:
    """Every key that clients look for; seeds are the real ones. The lists run parallel to the pictures, grids aside."""
    request, first = result.request, result.index_of_first_image
    drawn = result.pictures[first:]
    seeds, subseeds = [picture.seed for picture in drawn], [picture.subseed for picture in drawn]
    prompts = [picture.prompt or _said(request.prompt, request) for picture in drawn]
    negatives = [picture.negative_prompt or _said(request.negative_prompt, request) for picture in drawn]
    return {
        "prompt": prompts[0] if prompts else _said(request.prompt, request),
        "all_prompts": prompts,
        "negative_prompt": negatives[0] if negatives else _said(request.negative_prompt, request),
        "all_negative_prompts": negatives,
        "seed": seeds[0] if seeds else request.seed,
        "all_seeds": seeds,
        "subseed": subseeds[0] if subseeds else request.subseed,
        "all_subseeds": subseeds,
        "subseed_strength": request.subseed_strength,
        "width": result.width,
        "height": result.height,
        "sampler_name": request.sampler_name,
        "cfg_scale": request.cfg_scale,
        "steps": request.steps,
        "batch_size": request.batch_size,
        "restore_faces": request.restore_faces,
        "face_restoration_model": request.options.face_restoration_model if request.restore_faces else None,
        "sd_model_name": result.model_name,
        "sd_model_hash": result.model_hash[:10] if result.model_hash else None,
        "sd_vae_name": result.vae_name,
        "sd_vae_hash": result.vae_hash,
        "seed_resize_from_w": request.seed_resize_from_w,
        "seed_resize_from_h": request.seed_resize_from_h,
        "denoising_strength": _denoising(request),
        "extra_generation_params": dict(result.extra_generation_params),
        "index_of_first_image": first,
        "infotexts": [picture.infotext for picture in result.pictures],
        "styles": list(request.styles),
        "job_timestamp": result.job_timestamp,
        "clip_skip": request.options.CLIP_stop_at_last_layers,
        "is_using_inpainting_conditioning": _is_inpainting(result),
        "version": VERSION,
        "comments": [*comments, *result.comments],
    }


def _is_inpainting(result: Result) -> bool:
    """Of the model that drew: only one with nine channels tells a mask's weight in the infotext."""
    return any("Conditional mask weight" in parse_infotext(picture.infotext) for picture in result.pictures[:1])


def _said(prompt: str, request: Request) -> str:
    return without_comments(prompt) if request.options.enable_prompt_comments else prompt


def _denoising(request: Request) -> float | None:
    if request.start:
        return request.start.denoising_strength
    return request.hires.denoising_strength if request.hires else None


def progress_answer(progress: Progress, model: ModelState, skip_image: bool) -> dict[str, Any]:
    """All zero while idle; `textinfo` says when a model is being loaded."""
    return {
        "progress": progress.fraction,
        "eta_relative": progress.seconds_left,
        "state": {
            "skipped": progress.skipped,
            "interrupted": progress.interrupted,
            "stopping_generation": False,
            "job": progress.job,
            "job_count": progress.job_count,
            "job_timestamp": progress.job_timestamp,
            "job_no": progress.job_no,
            "sampling_step": progress.sampling_step,
            "sampling_steps": progress.sampling_steps,
        },
        "current_image": None if skip_image or progress.preview is None else coded(progress.preview),
        "textinfo": text_info(progress, model),
    }


def text_info(progress: Progress, model: ModelState) -> str | None:
    """One line on what is happening, or None."""
    return f"Loading {model.title}" if model.state == "loading" else progress.text
