"""What txt2img and progress answer, in AUTOMATIC1111's shapes."""

from __future__ import annotations

import base64
import json
from typing import Any

from runtime.engine.prompt import without_comments
from runtime.infotext import VERSION
from runtime.progress import Progress
from runtime.request import Result
from runtime.tasks import ModelState


def txt2img_answer(echo: dict[str, Any], result: Result) -> dict[str, Any]:
    """`images` in bare base64, the request as it was read, and `info` as a string of JSON."""
    pictures = result.pictures if echo.get("send_images", True) else ()
    return {
        "images": [base64.b64encode(picture.data).decode() for picture in pictures],
        "parameters": echo,
        "info": json.dumps(info(result), ensure_ascii=False),
    }


def info(result: Result) -> dict[str, Any]:
    """Every key that clients look for; seeds are the real ones."""
    request, pictures = result.request, result.pictures
    seeds = [picture.seed for picture in pictures]
    prompt, negative = without_comments(request.prompt), without_comments(request.negative_prompt)
    return {
        "prompt": prompt,
        "all_prompts": [prompt] * len(pictures),
        "negative_prompt": negative,
        "all_negative_prompts": [negative] * len(pictures),
        "seed": seeds[0] if seeds else request.seed,
        "all_seeds": seeds,
        "subseed": seeds[0] if seeds else -1,
        "all_subseeds": seeds,
        "subseed_strength": 0,
        "width": result.width,
        "height": result.height,
        "sampler_name": request.sampler_name,
        "cfg_scale": request.cfg_scale,
        "steps": request.steps,
        "batch_size": request.batch_size,
        "restore_faces": False,
        "face_restoration_model": None,
        "sd_model_name": result.model_name,
        "sd_model_hash": result.model_hash[:10] if result.model_hash else None,
        "sd_vae_name": None,
        "sd_vae_hash": None,
        "seed_resize_from_w": -1,
        "seed_resize_from_h": -1,
        "denoising_strength": None,
        "extra_generation_params": dict(result.extra_generation_params),
        "index_of_first_image": 0,
        "infotexts": [picture.infotext for picture in pictures],
        "styles": [],
        "job_timestamp": result.job_timestamp,
        "clip_skip": request.options.CLIP_stop_at_last_layers,
        "is_using_inpainting_conditioning": False,
        "version": VERSION,
        "comments": list(result.comments),
    }


def progress_answer(progress: Progress, model: ModelState, skip_image: bool) -> dict[str, Any]:
    """All zero while idle; `textinfo` says when a model is being loaded."""
    shown = None if skip_image or progress.preview is None else base64.b64encode(progress.preview).decode()
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
        "current_image": shown,
        "textinfo": f"Loading {model.title}" if model.state == "loading" else progress.text,
    }
