"""From a request's body to the job that it asks for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from runtime.advice import Advice
from runtime.api.always_on import with_always_on
from runtime.api.models import DrawingBody, ExtrasBody, Img2ImgBody, Txt2ImgBody
from runtime.api.pasted import with_infotext
from runtime.api.pictures import decode_picture, decode_pictures
from runtime.catalogue import find_sampler, find_scheduler
from runtime.limits import MOST_PIXELS_TO_ENLARGE
from runtime.options import unheeded
from runtime.request import Extras, Hires, Mask, Request, RequestError, Script, Start
from runtime.studio import Studio


@dataclass(frozen=True)
class Asked:
    """A job: its request, the checkpoint that it names for itself, and what of it cannot be heeded."""

    body: DrawingBody
    request: Request
    model: str | None
    comments: tuple[str, ...] = ()


def ask_txt2img(body: Txt2ImgBody, studio: Studio) -> Asked:
    """RequestError for what is unknown or cannot be. Decodes pictures: not for the event loop."""
    asked = _ask(body, studio)
    body = asked.body  # type: ignore[assignment]
    if body.firstphase_width or body.firstphase_height:
        size = replace(asked.request, width=body.firstphase_width or None, height=body.firstphase_height or None)
        asked = replace(asked, request=size)
    return replace(asked, request=replace(asked.request, hires=_hires(body, studio))) if body.enable_hr else asked


def ask_img2img(body: Img2ImgBody, studio: Studio) -> Asked:
    """As above; without a start image there is nothing to draw over."""
    if not body.init_images:
        raise RequestError("init-image-not-found", "Init image not found", "Send one or more init_images.")
    asked = _ask(body, studio)
    body = asked.body  # type: ignore[assignment]
    if len(body.init_images or ()) > max(body.batch_size, 1):
        hint = f"Send at most batch_size ({body.batch_size}) of them."
        raise RequestError("too-many-images", f"There are {len(body.init_images or ())} init_images.", hint)
    start = _start(body)
    size = len(start.images) if len(start.images) > 1 else asked.request.batch_size
    comments = ("latent_mask is not heeded; send the mask as mask.",) if body.latent_mask else ()
    request = replace(asked.request, start=start, batch_size=size)
    return replace(asked, request=request, comments=(*asked.comments, *comments))


def ask_extras(body: ExtrasBody, pictures: tuple[tuple[str, str], ...], studio: Studio) -> Extras:
    """`pictures` are (field, base64). RequestError for an unknown upscaler or no picture."""
    fields = body.model_dump(exclude={"image", "imageList", "show_extras_results"})
    for name in ("upscaler_1", "upscaler_2"):
        fields[name] = studio.stock.upscaler(fields[name])
    return Extras(
        images=decode_pictures(pictures, MOST_PIXELS_TO_ENLARGE), options=studio.options.for_job({}), **fields
    )


def sampler_of(name: str, scheduler: str | None) -> tuple[str, str]:
    """The sampler's name and the schedule's label; "DPM++ 2M Karras" holds both.

    An unknown schedule is passed on: whoever draws says in a comment that it is not known.
    """
    found = find_sampler(name)
    if found is None:
        raise RequestError("sampler-not-found", "Sampler not found", f"{name!r:.80} is not in /sdapi/v1/samplers.")
    sampler, suffix = found
    known = find_scheduler(scheduler) if scheduler else None
    if scheduler and known is None:
        return name, scheduler
    if suffix and (known is None or known.label == "Automatic"):
        return sampler.name, suffix
    return sampler.name, known.label if known else "Automatic"


def _ask(found: DrawingBody, studio: Studio) -> Asked:
    body = with_always_on(with_infotext(found, studio), studio)
    overrides = body.override_settings or {}
    model = overrides.get("sd_model_checkpoint")
    advice = studio.advice(model)
    options = studio.options.for_job(overrides, advice.options)
    sampler, scheduler = _sampler(body, advice)
    prompt, negative = studio.stock.with_styles(body.prompt, body.negative_prompt, body.styles or [])
    kept = bool(overrides.get("samples_save", studio.options["samples_save"]))
    request = Request(
        prompt=prompt,
        negative_prompt=negative,
        styles=tuple(body.styles or ()),
        unstyled_prompt=body.prompt if prompt != body.prompt else None,
        sampler_name=sampler,
        scheduler=scheduler,
        width=body.width or None,
        height=body.height or None,
        restore_faces=options.face_restoration if body.restore_faces is None else body.restore_faces,
        tiling=options.tiling if body.tiling is None else body.tiling,
        script=_script(body, studio),
        save=body.save_images and kept,
        save_grid=body.save_images and options.grid_save,
        preview_every=max(options.show_progress_every_n_steps, 0) if options.live_previews_enable else 0,
        options=options,
        **_same(body),
    )
    return Asked(body, request, model if isinstance(model, str) else None, unheeded(overrides))


def _sampler(body: DrawingBody, advice: Advice) -> tuple[str, str]:
    """Where the request names none, the model's, if one is advised."""
    if advice.sampler and not body.sampler_name and "sampler_index" not in body.model_fields_set:
        return sampler_of(advice.sampler, body.scheduler or advice.scheduler)
    return sampler_of(body.sampler_name or body.sampler_index, body.scheduler)


#: fields that body and request call alike
_SAME = (
    *("steps", "cfg_scale", "seed", "subseed", "subseed_strength", "seed_resize_from_w", "seed_resize_from_h"),
    *("batch_size", "n_iter", "eta", "s_churn", "s_tmin", "s_tmax", "s_noise", "s_min_uncond"),
    *("disable_extra_networks", "refiner_checkpoint", "refiner_switch_at"),
)


def _same(body: DrawingBody) -> dict[str, Any]:
    return {name: getattr(body, name) for name in _SAME}


def _hires(body: Txt2ImgBody, studio: Studio) -> Hires:
    sampler, scheduler = body.hr_sampler_name, body.hr_scheduler
    if sampler and sampler != "Use same sampler":
        sampler, scheduler = sampler_of(sampler, scheduler)
    return Hires(
        denoising_strength=0.75 if body.denoising_strength is None else body.denoising_strength,
        scale=body.hr_scale,
        resize_x=body.hr_resize_x,
        resize_y=body.hr_resize_y,
        upscaler=studio.stock.hires_upscaler(body.hr_upscaler or "Latent"),
        steps=body.hr_second_pass_steps,
        checkpoint=body.hr_checkpoint_name,
        sampler_name=_own(sampler, "Use same sampler"),
        scheduler=_own(scheduler, "Use same scheduler"),
        prompt=body.hr_prompt,
        negative_prompt=body.hr_negative_prompt,
    )


def _own(name: str | None, same: str) -> str | None:
    return None if not name or name == same else name


def _start(body: Img2ImgBody) -> Start:
    images = decode_pictures(("init_images", text) for text in body.init_images or ())
    return Start(
        images=images,
        denoising_strength=body.denoising_strength,
        resize_mode=body.resize_mode,
        image_cfg_scale=body.image_cfg_scale,
        initial_noise_multiplier=body.initial_noise_multiplier,
        mask=_mask(body) if body.mask else None,
    )


def _mask(body: Img2ImgBody) -> Mask:
    blur = body.mask_blur
    return Mask(
        image=decode_picture(body.mask or "", "mask"),
        blur_x=body.mask_blur_x if blur is None else blur,
        blur_y=body.mask_blur_y if blur is None else blur,
        round=body.mask_round,
        invert=bool(body.inpainting_mask_invert),
        fill=body.inpainting_fill,
        full_res=body.inpaint_full_res,
        padding=body.inpaint_full_res_padding,
    )


def _script(body: DrawingBody, studio: Studio) -> Script | None:
    if not body.script_name or body.script_name == "None":
        return None
    title = studio.stock.script(body.script_name, isinstance(body, Img2ImgBody))
    if title is None:
        message = f"Script '{body.script_name:.60}' not found"
        raise RequestError("script-not-found", message, "GET /sdapi/v1/scripts lists what there is.")
    return Script(title, tuple(body.script_args))
