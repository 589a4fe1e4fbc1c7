"""The settings that shape the picture: prompts, noise, samplers, img2img, models, upscaling."""

from __future__ import annotations

from functools import partial

from runtime.setting import Section, Setting, row

_SD = partial(row, Section("sd", "Stable Diffusion"))
_XL = partial(row, Section("sdxl", "Stable Diffusion XL"))
_VAE = partial(row, Section("vae", "VAE"))
_I2I = partial(row, Section("img2img", "img2img"))
_OPT = partial(row, Section("optimizations", "Optimizations"))
_OLD = partial(row, Section("compatibility", "Compatibility"))
_NET = partial(row, Section("extra_networks", "Extra Networks"))
_SAM = partial(row, Section("sampler-params", "Sampler parameters"))
_UP = partial(row, Section("upscaling", "Upscaling"))
_FACE = partial(row, Section("face-restoration", "Face restoration"))

STABLE_DIFFUSION: tuple[Setting, ...] = (
    _SD("sd_model_checkpoint", "Stable Diffusion checkpoint", "The model that draws.", None),
    _SD("sd_checkpoints_limit", "Maximum number of checkpoints loaded at the same time",
        "Going back to one that is still in memory takes no time. 1: as many as the computer's memory has room for.",
        unit="checkpoints", low=1, high=10),
    _SD("sd_checkpoint_hash", "SHA256 hash of the current checkpoint", "Only told, never set.", "", private=True),
    _SD("emphasis", "Emphasis mode", "How the weights of (brackets) act on the prompt.",
        choices=("None", "Ignore", "Original", "No norm")),
    _SD("enable_prompt_comments", "Enable comments", "What follows # on a line of the prompt is left out."),
    _SD("comma_padding_backtrack", "Prompt word wrap length limit",
        "So many tokens may move to the next chunk of 75 so that a phrase is not cut.", unit="tokens", low=0, high=74),
    _SD("CLIP_stop_at_last_layers", "Clip skip",
        "Which layer of CLIP, counted from its end, gives the text's meaning; 1 is the last.",
        unit="layers", low=1, high=12),
    _SD("randn_source", "Random number generator source",
        "Where a seed's noise is made: pictures differ between GPU, CPU and NV (an NVIDIA GPU's numbers anywhere).",
        choices=("GPU", "CPU", "NV")),
    _SD("tiling", "Tiling", "Pictures whose edges fit each other, unless a request says otherwise."),
    _SD("hires_fix_use_firstpass_conds",
        "For hires fix, calculate conds of second pass using extra networks of first pass",
        "The second pass keeps the prompt as the first pass read it."),
    _SD("hires_fix_refiner_pass", "Hires fix: which pass to enable refiner for",
        "The pass of hires fix that switches to the refiner.", choices=("first pass", "second pass", "both passes")),
    _SD("refiner_switch_by_sample_steps", "Switch to refiner by sampling steps instead of model timesteps.",
        "Refiner switch at counts steps done, not noise removed."),
    _XL("sdxl_crop_top", "crop top coordinate", "SDXL is told that its picture was cut here at the top.",
        unit="pixels", low=0, high=4096),
    _XL("sdxl_crop_left", "crop left coordinate", "SDXL is told that its picture was cut here at the left.",
        unit="pixels", low=0, high=4096),
    _XL("sdxl_refiner_low_aesthetic_score", "SDXL low aesthetic score",
        "The beauty that the refiner is told of the negative prompt.", unit="score", low=0, high=10),
    _XL("sdxl_refiner_high_aesthetic_score", "SDXL high aesthetic score",
        "The beauty that the refiner is told of the prompt.", unit="score", low=0, high=10),
    _XL("sdxl_clip_l_skip", "Clip skip SDXL", "Clip skip also acts on the first text model of SDXL."),
    _VAE("sd_vae", "SD VAE",
         "The file that turns latents into pixels: Automatic, None (the checkpoint's own) or a name."),
    _VAE("sd_vae_overrides_per_model_preferences", "Selected VAE overrides per-model preferences",
         "A chosen VAE wins over the one that belongs to the model."),
    _VAE("auto_vae_precision", "Automatically revert VAE to 32-bit floats",
         "A picture that comes out as no numbers is decoded again in float32."),
)  # fmt: skip

IMG2IMG: tuple[Setting, ...] = (
    _I2I("inpainting_mask_weight", "Inpainting conditioning mask strength",
         "How much of the masked picture an inpainting model sees.", unit="share", low=0, high=1),
    _I2I("initial_noise_multiplier", "Noise multiplier for img2img", "Factor on the noise laid over a start image.",
         unit="factor", low=0, high=1.5),
    _I2I("img2img_extra_noise", "Extra noise multiplier for img2img and hires fix",
         "So much noise is added beyond what the denoising strength asks for.", unit="factor", low=0, high=1),
    _I2I("img2img_color_correction", "Apply color correction to img2img results to match original colors.",
         "The result's colours are drawn towards the start image's."),
    _I2I("img2img_fix_steps", "With img2img, do exactly the amount of steps the slider specifies.",
         "Otherwise a denoising strength below 1 runs that share of the steps."),
    _I2I("img2img_background_color", "With img2img, fill transparent parts of the input image with this color.",
         "What lies under a transparent start image, as #rrggbb."),
    _I2I("return_mask", "For inpainting, include the greyscale mask in results for web",
         "The mask follows each picture."),
    _I2I("return_mask_composite", "For inpainting, include masked composite in results for web",
         "The picture with all but the mask cut away follows each picture."),
    _I2I("overlay_inpaint", "Overlay original for inpaint", "What is outside the mask keeps its very pixels."),
)  # fmt: skip

OPTIMIZATIONS: tuple[Setting, ...] = (
    _OPT("s_min_uncond", "Negative Guidance minimum sigma",
         "Below this noise level every second step leaves the negative prompt out; 0 never.",
         unit="sigma", low=0, high=15),
    _OPT("s_min_uncond_all", "Negative Guidance minimum sigma all steps",
         "With the setting above: every step below it leaves the negative prompt out."),
    _OPT("skip_early_cond", "Ignore negative prompt during early sampling",
         "This share of the steps, at the start, is drawn without the negative prompt.", unit="share", low=0, high=1),
    _OPT("batch_cond_uncond", "Batch cond/uncond",
         "Prompt and negative prompt are evaluated at once: faster, more memory."),
    _OPT("pad_cond_uncond", "Pad prompt/negative prompt",
         "The shorter of the two is filled up with empty chunks; the picture changes a little."),
    _OLD("use_old_scheduling", "Use old prompt editing timelines.",
         "In [from:to:when] a number below 1 is a share of the steps, as before version 1.6."),
    _OLD("use_downcasted_alpha_bar", "Downcast model alphas_cumprod to fp16 before sampling.",
         "The noise levels of before version 1.7."),
    _OLD("use_old_karras_scheduler_sigmas", "Use old karras scheduler sigmas (0.1 to 10).",
         "The Karras schedule of the first days."),
)  # fmt: skip

NETWORKS: tuple[Setting, ...] = (
    _NET("sd_lora", "Add network to prompt", "A LoRA for every picture, by name; None is none."),
    _NET("lora_preferred_name", "When adding to prompt, refer to Lora by",
         "Which name the page writes into the prompt.", choices=("Alias from file", "Filename")),
    _NET("lora_add_hashes_to_infotext", "Add Lora hashes to infotext", "So that others find the same file."),
    _NET("textual_inversion_add_hashes_to_infotext", "Add Textual Inversion hashes to infotext",
         "So that others find the same file."),
)  # fmt: skip

SAMPLERS: tuple[Setting, ...] = (
    _SAM("eta_ddim", "Eta for DDIM", "Fresh noise in every step of DDIM; 0 is none.", unit="factor", low=0, high=1),
    _SAM("eta_ancestral", "Eta for k-diffusion samplers", "Fresh noise in every step of the ancestral samplers.",
         unit="factor", low=0, high=1),
    _SAM("ddim_discretize", "img2img DDIM discretize", "How DDIM spreads its timesteps.", choices=("uniform", "quad")),
    _SAM("s_churn", "sigma churn", "Noise stirred into the picture in Euler, Heun and DPM2.",
         unit="factor", low=0, high=100),
    _SAM("s_tmin", "sigma tmin", "Below this noise level nothing is stirred in.", unit="sigma", low=0, high=10),
    _SAM("s_tmax", "sigma tmax", "Above this noise level nothing is stirred in; 0 is no limit.",
         unit="sigma", low=0, high=999),
    _SAM("s_noise", "sigma noise", "Factor on the noise that is stirred in.", unit="factor", low=0, high=1.1),
    _SAM("sigma_min", "sigma min", "The schedule's lowest noise level; 0 is the model's own.", unit="sigma", low=0,
         high=2),
    _SAM("sigma_max", "sigma max", "The schedule's highest noise level; 0 is the model's own.",
         unit="sigma", low=0, high=60),
    _SAM("rho", "rho", "The bend of the Karras and polyexponential schedules; 0 is the schedule's own.",
         unit="exponent", low=0),
    _SAM("eta_noise_seed_delta", "Eta noise seed delta",
         "ENSD: added to the seed for the noise of the steps; 31337 repeats pictures of NovelAI.", unit="seed"),
    _SAM("always_discard_next_to_last_sigma", "Always discard next-to-last sigma",
         "The last step but one is left out of every schedule."),
    _SAM("sgm_noise_multiplier", "SGM noise multiplier", "The first noise is scaled as Stability's SDXL code does."),
    _SAM("uni_pc_variant", "UniPC variant", "The formula of UniPC.", choices=("bh1", "bh2", "vary_coeff")),
    _SAM("uni_pc_skip_type", "UniPC skip type", "How UniPC spreads its steps.",
         choices=("time_uniform", "time_quadratic", "logSNR")),
    _SAM("uni_pc_order", "UniPC order", "How many steps back UniPC looks; fewer than the steps.",
         unit="steps", low=1, high=50),
    _SAM("uni_pc_lower_order_final", "UniPC lower order final", "The last steps of UniPC look back less far."),
    _SAM("sd_noise_schedule", "Noise schedule for sampling",
         "With Zero Terminal SNR the first step starts from pure noise.",
         choices=("Default", "Zero Terminal SNR")),
    _SAM("beta_dist_alpha", "Beta scheduler - alpha", "The beta schedule's first shape.", unit="shape", low=0.01,
         high=1),
    _SAM("beta_dist_beta", "Beta scheduler - beta", "The beta schedule's second shape.", unit="shape", low=0.01,
         high=1),
)  # fmt: skip

UPSCALING: tuple[Setting, ...] = (
    _UP("ESRGAN_tile", "Tile size for ESRGAN upscalers.",
        "Side of the tiles that are enlarged one by one; 0 is no tiling.",
        unit="pixels", low=0, high=512),
    _UP("ESRGAN_tile_overlap", "Tile overlap for ESRGAN upscalers.",
        "How far neighbouring tiles reach into each other.",
        unit="pixels", low=0, high=48),
    _UP("upscaler_for_img2img", "Upscaler for img2img",
        "What enlarges a start image that is too small; none is Lanczos."),
    _FACE("face_restoration", "Restore faces",
          "Faces are gone over, unless a request says otherwise; needs a model for it."),
    _FACE("face_restoration_model", "Face restoration model", "Which model goes over faces.",
          choices=("CodeFormer", "GFPGAN"), open=True),
    _FACE("code_former_weight", "CodeFormer weight", "0 changes a face most, 1 least.", unit="share", low=0, high=1),
)  # fmt: skip
