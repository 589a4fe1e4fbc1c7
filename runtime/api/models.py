"""The fields of txt2img as AUTOMATIC1111's API names them, with the API's defaults, and what they ask for."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from runtime.api.coercion import Body, Bool, Float, Int, Str
from runtime.catalogue import find_sampler, find_scheduler
from runtime.options import Options
from runtime.request import Request, RequestError


class Txt2ImgBody(Body):
    """`width` and `height` left out are the model's native size; the other defaults are AUTOMATIC1111's."""

    prompt: Str = ""
    negative_prompt: Str = ""
    styles: list[Str] | None = None
    seed: Int = -1
    subseed: Int = -1
    subseed_strength: Float = 0.0
    seed_resize_from_h: Int = -1
    seed_resize_from_w: Int = -1
    sampler_name: Str | None = None
    sampler_index: Str = "Euler"
    scheduler: Str | None = None
    batch_size: Int = 1
    n_iter: Int = 1
    steps: Int = 50
    cfg_scale: Float = 7.0
    width: Int | None = None
    height: Int | None = None
    restore_faces: Bool | None = None
    tiling: Bool | None = None
    do_not_save_samples: Bool = False
    do_not_save_grid: Bool = False
    eta: Float | None = None
    denoising_strength: Float | None = None
    s_min_uncond: Float | None = None
    s_churn: Float | None = None
    s_tmax: Float | None = None
    s_tmin: Float | None = None
    s_noise: Float | None = None
    override_settings: dict[str, Any] | None = None
    override_settings_restore_afterwards: Bool = True
    refiner_checkpoint: Str | None = None
    refiner_switch_at: Float | None = None
    disable_extra_networks: Bool = False
    firstpass_image: Str | None = None
    comments: dict[str, Any] | None = None
    enable_hr: Bool = False
    firstphase_width: Int = 0
    firstphase_height: Int = 0
    hr_scale: Float = 2.0
    hr_upscaler: Str | None = None
    hr_second_pass_steps: Int = 0
    hr_resize_x: Int = 0
    hr_resize_y: Int = 0
    hr_checkpoint_name: Str | None = None
    hr_sampler_name: Str | None = None
    hr_scheduler: Str | None = None
    hr_prompt: Str = ""
    hr_negative_prompt: Str = ""
    force_task_id: Str | None = None
    script_name: Str | None = None
    script_args: list[Any] = Field(default_factory=list)
    send_images: Bool = True
    save_images: Bool = False
    alwayson_scripts: dict[str, Any] = Field(default_factory=dict)
    infotext: Str | None = None


def to_request(body: Txt2ImgBody, options: Options) -> Request:
    """What the body asks for; RequestError if it names something unknown or not there yet."""
    _refuse_missing_features(body)
    settings = options.for_job(body.override_settings or {})
    sampler, scheduler = sampler_of(body.sampler_name or body.sampler_index, body.scheduler)
    return Request(
        prompt=body.prompt,
        negative_prompt=body.negative_prompt,
        sampler_name=sampler,
        scheduler=scheduler,
        steps=body.steps,
        cfg_scale=body.cfg_scale,
        width=body.width or None,
        height=body.height or None,
        seed=body.seed,
        batch_size=body.batch_size,
        n_iter=body.n_iter,
        eta=body.eta,
        save=body.save_images,
        preview_every=max(settings.show_progress_every_n_steps, 0) if settings.live_previews_enable else 0,
        options=settings,
    )


def sampler_of(name: str, scheduler: str | None) -> tuple[str, str]:
    """The sampler's name and the schedule's label; "DPM++ 2M Karras" holds both.

    An unknown schedule is passed on: whoever draws says in a comment that it is not known.
    """
    found = find_sampler(name)
    if found is None:
        raise RequestError("sampler-not-found", "Sampler not found", f"{name!r} is not in /sdapi/v1/samplers.")
    sampler, suffix = found
    known = find_scheduler(scheduler) if scheduler else None
    if scheduler and known is None:
        return name, scheduler
    if suffix and (known is None or known.label == "Automatic"):
        return sampler.name, suffix
    return sampler.name, known.label if known else "Automatic"


def _refuse_missing_features(body: Txt2ImgBody) -> None:
    """A picture that silently lacks what was asked for is worse than a refusal."""
    if body.script_name:
        raise RequestError("script-not-found", f"Script '{body.script_name}' not found", "There are no scripts yet.")
    for title in body.alwayson_scripts:
        raise RequestError("script-not-found", f"always on script {title} not found", "There are no scripts yet.")
    asked = {
        "enable_hr": body.enable_hr,
        "tiling": body.tiling,
        "subseed_strength": body.subseed_strength > 0,
        "seed_resize_from_w": body.seed_resize_from_w > 0 and body.seed_resize_from_h > 0,
        "refiner_checkpoint": body.refiner_checkpoint,
    }
    for name, wanted in asked.items():
        if wanted:
            raise RequestError("not-there-yet", f"{name} is not supported yet.", "Leave it out of the request.")
