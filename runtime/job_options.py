"""The options of AUTOMATIC1111 that shape a picture or its file: their names, defaults and meaning.

runtime/options.py stores them in config.json; a job carries its own copy, overrides included.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class JobOptions:
    """Field names and defaults are AUTOMATIC1111's."""

    # --- prompts
    #: layers of CLIP left out at its end, plus one
    CLIP_stop_at_last_layers: int = 1
    #: "Original", "No norm", "Ignore" or "None"
    emphasis: str = "Original"
    #: tokens that may move to the next chunk so that a phrase is not cut
    comma_padding_backtrack: int = 20
    enable_prompt_comments: bool = True
    #: prompt editing as before version 1.6
    use_old_scheduling: bool = False
    sdxl_clip_l_skip: bool = False
    sdxl_crop_top: int = 0
    sdxl_crop_left: int = 0
    sdxl_refiner_low_aesthetic_score: float = 2.5
    sdxl_refiner_high_aesthetic_score: float = 6.0
    #: evaluate prompt and negative prompt in one batch where they are equally long
    batch_cond_uncond: bool = True
    #: pad the shorter of the two with empty chunks
    pad_cond_uncond: bool = False
    #: in memory at once; 1: the one that draws, and others that were drawn with while there is room for them
    sd_checkpoints_limit: int = 1

    # --- seeds and noise
    #: "GPU", "CPU" or "NV"
    randn_source: str = "GPU"
    #: ENSD: added to the seed for the noise of the steps
    eta_noise_seed_delta: int = 0

    # --- samplers
    eta_ddim: float = 0.0
    eta_ancestral: float = 1.0
    #: "uniform" or "quad"
    ddim_discretize: str = "uniform"
    s_churn: float = 0.0
    s_tmin: float = 0.0
    #: 0 is infinity
    s_tmax: float = 0.0
    s_noise: float = 1.0
    #: sigma below which every second step leaves the negative prompt out (NGMS); 0 never
    s_min_uncond: float = 0.0
    s_min_uncond_all: bool = False
    #: share of the steps, at the start, without guidance
    skip_early_cond: float = 0.0
    #: 0 is the model's own
    sigma_min: float = 0.0
    sigma_max: float = 0.0
    #: 0 is the schedule's own
    rho: float = 0.0
    beta_dist_alpha: float = 0.6
    beta_dist_beta: float = 0.6
    always_discard_next_to_last_sigma: bool = False
    sgm_noise_multiplier: bool = False
    #: "Default" or "Zero Terminal SNR"
    sd_noise_schedule: str = "Default"
    use_old_karras_scheduler_sigmas: bool = False
    #: alphas rounded to float16, as before version 1.7
    use_downcasted_alpha_bar: bool = False
    uni_pc_variant: str = "bh1"
    uni_pc_skip_type: str = "time_uniform"
    uni_pc_order: int = 3
    uni_pc_lower_order_final: bool = True

    # --- img2img, inpainting, hires fix, refiner
    #: run exactly the steps asked for, however little is redrawn
    img2img_fix_steps: bool = False
    img2img_color_correction: bool = False
    #: what lies under a transparent start image, #rrggbb
    img2img_background_color: str = "#ffffff"
    img2img_extra_noise: float = 0.0
    initial_noise_multiplier: float = 1.0
    inpainting_mask_weight: float = 1.0
    #: lay the unmasked pixels over the result
    overlay_inpaint: bool = True
    return_mask: bool = False
    return_mask_composite: bool = False
    hires_fix_use_firstpass_conds: bool = False
    #: "first pass", "second pass" or "both passes" of hires fix may switch to the refiner
    hires_fix_refiner_pass: str = "second pass"  # noqa: S105 - no password
    #: count `refiner_switch_at` in steps done, not in noise removed
    refiner_switch_by_sample_steps: bool = False
    tiling: bool = False
    face_restoration: bool = False
    face_restoration_model: str = "CodeFormer"
    code_former_weight: float = 0.5

    # --- models
    #: "Automatic", "None" (the checkpoint's own) or a file's name
    sd_vae: str = "Automatic"
    sd_vae_overrides_per_model_preferences: bool = True
    #: decode in float32 when the result is no number
    auto_vae_precision: bool = True
    #: a LoRA for every picture, by name; "None" is none
    sd_lora: str = "None"
    lora_preferred_name: str = "Alias from file"
    lora_add_hashes_to_infotext: bool = True
    textual_inversion_add_hashes_to_infotext: bool = True

    # --- upscaling
    upscaler_for_img2img: str | None = None
    #: side of a tile in pixels; 0 is no tiling
    ESRGAN_tile: int = 192
    ESRGAN_tile_overlap: int = 8

    # --- live preview
    live_previews_enable: bool = True
    #: steps between two previews; -1 only at the end of a batch
    show_progress_every_n_steps: int = 10
    show_progress_type: str = "Approx NN"

    # --- files
    #: "png", "jpg", "jpeg" or "webp"
    samples_format: str = "png"
    samples_filename_pattern: str = ""
    save_images_add_number: bool = True
    save_to_dirs: bool = True
    grid_save_to_dirs: bool = True
    directories_filename_pattern: str = "[date]"
    directories_max_prompt_words: int = 8
    grid_save: bool = True
    grid_format: str = "png"
    grid_only_if_multiple: bool = True
    grid_extended_filename: bool = False
    return_grid: bool = True
    #: -1 lets the number of pictures decide, 0 is the batch size
    n_rows: int = -1
    jpeg_quality: int = 80
    webp_lossless: bool = False
    #: a .jpg beside pictures of more than `img_downscale_threshold` MB or a side above `target_side_length` pixels
    export_for_4chan: bool = True
    img_downscale_threshold: float = 4.0
    target_side_length: int = 4000
    enable_pnginfo: bool = True
    save_txt: bool = False
    save_init_img: bool = False
    save_images_before_highres_fix: bool = False
    save_mask: bool = False
    save_mask_composite: bool = False
    add_model_hash_to_info: bool = True
    add_model_name_to_info: bool = True
    add_vae_name_to_info: bool = True
    add_vae_hash_to_info: bool = True
    add_user_name_to_info: bool = False
    add_version_to_infotext: bool = True
    #: "" takes the folder of the kind of picture, below
    outdir_samples: str = ""
    outdir_txt2img_samples: str = "outputs/txt2img-images"
    outdir_img2img_samples: str = "outputs/img2img-images"
    outdir_extras_samples: str = "outputs/extras-images"
    outdir_grids: str = ""
    outdir_txt2img_grids: str = "outputs/txt2img-grids"
    outdir_img2img_grids: str = "outputs/img2img-grids"
    outdir_init_images: str = "outputs/init-images"
