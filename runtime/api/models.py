"""The fields of the drawing routes as AUTOMATIC1111's API names them, with the API's defaults."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from runtime.api.coercion import Body, Bool, Float, Int, Str


class DrawingBody(Body):
    """What txt2img and img2img share. `width` and `height` left out are the model's native size."""

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
    force_task_id: Str | None = None
    script_name: Str | None = None
    script_args: list[Any] = Field(default_factory=list)
    send_images: Bool = True
    save_images: Bool = False
    alwayson_scripts: dict[str, Any] = Field(default_factory=dict)
    infotext: Str | None = None


class Txt2ImgBody(DrawingBody):
    """POST /sdapi/v1/txt2img."""

    denoising_strength: Float | None = None
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


class Img2ImgBody(DrawingBody):
    """POST /sdapi/v1/img2img. Pictures are base64, bare or as a data: address."""

    init_images: list[Str] | None = None
    denoising_strength: Float = 0.75
    resize_mode: Int = 0
    image_cfg_scale: Float | None = None
    mask: Str | None = None
    mask_blur: Int | None = None
    mask_blur_x: Int = 4
    mask_blur_y: Int = 4
    mask_round: Bool = True
    inpainting_fill: Int = 0
    inpaint_full_res: Bool = True
    inpaint_full_res_padding: Int = 0
    inpainting_mask_invert: Int = 0
    initial_noise_multiplier: Float | None = None
    latent_mask: Str | None = None
    include_init_images: Bool = False


class ExtrasBody(Body):
    """What both extras routes share."""

    resize_mode: Int = Field(default=0, ge=0, le=1)
    show_extras_results: Bool = True
    gfpgan_visibility: Float = Field(default=0.0, ge=0, le=1)
    codeformer_visibility: Float = Field(default=0.0, ge=0, le=1)
    codeformer_weight: Float = Field(default=0.0, ge=0, le=1)
    upscaling_resize: Float = Field(default=2.0, gt=0)
    upscaling_resize_w: Int = Field(default=512, ge=1)
    upscaling_resize_h: Int = Field(default=512, ge=1)
    upscaling_crop: Bool = True
    upscaler_1: Str = "None"
    upscaler_2: Str = "None"
    extras_upscaler_2_visibility: Float = Field(default=0.0, ge=0, le=1)
    upscale_first: Bool = False


class ExtraSingleBody(ExtrasBody):
    """POST /sdapi/v1/extra-single-image."""

    image: Str = ""


class NamedImage(Body):
    """One of several pictures."""

    data: Str
    name: Str = ""


class ExtraBatchBody(ExtrasBody):
    """POST /sdapi/v1/extra-batch-images."""

    imageList: list[NamedImage]  # noqa: N815 - the API's name


class PngInfoBody(Body):
    """POST /sdapi/v1/png-info."""

    image: Str


class InterrogateBody(Body):
    """POST /sdapi/v1/interrogate."""

    image: Str = ""
    model: Str = "clip"
