"""What an infotext asks for: its items as fields of a request and as options, by the API's names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from runtime.infotext.versions import options_of_version

#: infotext's keys, and the fields that they fill
_FIELDS = {
    "Prompt": "prompt",
    "Negative prompt": "negative_prompt",
    "Steps": "steps",
    "Sampler": "sampler_name",
    "Schedule type": "scheduler",
    "CFG scale": "cfg_scale",
    "Image CFG scale": "image_cfg_scale",
    "Seed": "seed",
    "Size-1": "width",
    "Size-2": "height",
    "Batch size": "batch_size",
    "Variation seed": "subseed",
    "Variation seed strength": "subseed_strength",
    "Seed resize from-1": "seed_resize_from_w",
    "Seed resize from-2": "seed_resize_from_h",
    "Denoising strength": "denoising_strength",
    "Hires upscale": "hr_scale",
    "Hires upscaler": "hr_upscaler",
    "Hires steps": "hr_second_pass_steps",
    "Hires resize-1": "hr_resize_x",
    "Hires resize-2": "hr_resize_y",
    "Hires checkpoint": "hr_checkpoint_name",
    "Hires sampler": "hr_sampler_name",
    "Hires schedule type": "hr_scheduler",
    "Hires prompt": "hr_prompt",
    "Hires negative prompt": "hr_negative_prompt",
    "Refiner": "refiner_checkpoint",
    "Refiner switch at": "refiner_switch_at",
    "Mask blur": "mask_blur",
    "Masked area padding": "inpaint_full_res_padding",
}
_CONTENTS = ("fill", "original", "latent noise", "latent nothing")
#: keys whose words become a field's number or truth
_MEANINGS: Mapping[str, tuple[str, Callable[[str], str]]] = {
    "Face restoration": ("restore_faces", lambda value: str(value not in ("", "None", "False"))),
    "Mask mode": ("inpainting_mask_invert", lambda value: str(int(value == "Inpaint not masked"))),
    "Inpaint area": ("inpaint_full_res", lambda value: str(value == "Only masked")),
    "Masked content": ("inpainting_fill", lambda value: str(_CONTENTS.index(value) if value in _CONTENTS else 1)),
}
#: keys that set an option for the job
OPTIONS = {
    "Clip skip": "CLIP_stop_at_last_layers",
    "ENSD": "eta_noise_seed_delta",
    "Eta": "eta_ancestral",
    "Eta DDIM": "eta_ddim",
    "Sigma churn": "s_churn",
    "Sigma tmin": "s_tmin",
    "Sigma tmax": "s_tmax",
    "Sigma noise": "s_noise",
    "Schedule min sigma": "sigma_min",
    "Schedule max sigma": "sigma_max",
    "Schedule rho": "rho",
    "Beta schedule alpha": "beta_dist_alpha",
    "Beta schedule beta": "beta_dist_beta",
    "RNG": "randn_source",
    "Emphasis": "emphasis",
    "Extra noise": "img2img_extra_noise",
    "Noise multiplier": "initial_noise_multiplier",
    "Conditional mask weight": "inpainting_mask_weight",
    "Discard penultimate sigma": "always_discard_next_to_last_sigma",
    "SGM noise multiplier": "sgm_noise_multiplier",
    "Noise Schedule": "sd_noise_schedule",
    "Tiling": "tiling",
    "Old prompt editing timelines": "use_old_scheduling",
    "Downcast alphas_cumprod": "use_downcasted_alpha_bar",
    "Pad conds": "pad_cond_uncond",
    "NGMS": "s_min_uncond",
    "NGMS all steps": "s_min_uncond_all",
    "Skip Early CFG": "skip_early_cond",
    "UniPC variant": "uni_pc_variant",
    "UniPC skip type": "uni_pc_skip_type",
    "UniPC order": "uni_pc_order",
    "UniPC lower order final": "uni_pc_lower_order_final",
    "VAE": "sd_vae",
}
_TAG = re.compile(r"<(lora|lyco):([^:>]+)")


@dataclass(frozen=True)
class Pasted:
    """Values as the text has them: strings. `fields` are txt2img's and img2img's, `options` config.json's."""

    fields: dict[str, str]
    options: dict[str, str] = field(default_factory=dict)


def to_fields(items: Mapping[str, str]) -> Pasted:
    """What these items of `parse_infotext` fill; hires fix is on where they speak of it.

    The model is in `options` under `sd_model_checkpoint`: its hash, else its name.
    """
    fields = {name: items[key] for key, name in _FIELDS.items() if key in items}
    fields |= {name: mean(items[key]) for key, (name, mean) in _MEANINGS.items() if key in items}
    if "Hires upscale" in items or "Hires upscaler" in items or _positive(items, "Hires resize-1", "Hires resize-2"):
        fields["enable_hr"] = "True"
    options = options_of_version(items.get("Version", ""))
    options |= {name: items[key] for key, name in OPTIONS.items() if key in items}
    model = items.get("Model hash") or items.get("Model")
    return Pasted(fields, options | ({"sd_model_checkpoint": model} if model else {}))


def hashes_of(text: str) -> dict[str, str]:
    """`Lora hashes` and `TI hashes`: "name: 12 digits, name2: 12 digits"."""
    pairs = (part.rpartition(":") for part in text.split(","))
    return {name.strip(): digits.strip() for name, colon, digits in pairs if colon and name.strip()}


def with_local_names(prompt: str, hashes: Mapping[str, str], local: Callable[[str], str | None]) -> str:
    """The prompt with `<lora:…>` naming the files that are here: `local` gives a hash's name, or None."""

    def rename(tag: re.Match[str]) -> str:
        name = local(hashes[tag[2]]) if tag[2] in hashes else None
        return f"<{tag[1]}:{name}" if name else tag[0]

    return _TAG.sub(rename, prompt)


def _positive(items: Mapping[str, str], *keys: str) -> bool:
    return any(items.get(key, "0") not in ("", "0") for key in keys)
