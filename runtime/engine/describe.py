"""What a picture says it was made with: the infotext's items, in AUTOMATIC1111's words."""

from __future__ import annotations

from dataclasses import dataclass

from runtime import catalogue, infotext
from runtime.engine.job import Job
from runtime.engine.model import Model
from runtime.hashes import Digest, short


@dataclass(frozen=True)
class Maker:
    """What is told of the job's own checkpoint, whichever takes its place on the way."""

    name: str
    digest: str | Digest | None
    vae_name: str | None
    vae_hash: str | None
    inpainting: bool

    @classmethod
    def of(cls, model: Model) -> Maker:
        return cls(model.title, model.sha256, model.vae_name, model.vae_hash, model.traits.input_channels == 9)

    @property
    def sha256(self) -> str | None:
        """Ten digits; waits for them."""
        return short(self.digest)


def describe(job: Job, maker: Maker, seed: int, subseed: int, notes: dict[str, str], start_hash: str | None) -> str:
    """The infotext of the picture of these seeds; `notes` are further items, in order."""
    request, options = job.request, job.request.options
    start, varied = request.start, request.subseed_strength != 0
    resized = request.seed_resize_from_w > 0 and request.seed_resize_from_h > 0
    items = {
        "Steps": request.steps,
        "Sampler": job.sampler.name,
        "Schedule type": catalogue.written_scheduler(job.sampler, job.scheduler),
        "CFG scale": request.cfg_scale,
        "Image CFG scale": None if start is None else start.image_cfg_scale,
        "Seed": seed,
        "Size": f"{job.width}x{job.height}",
        "Model hash": maker.sha256 if options.add_model_hash_to_info else None,
        "Model": maker.name if options.add_model_name_to_info else None,
        "VAE hash": maker.vae_hash if options.add_vae_hash_to_info else None,
        "VAE": maker.vae_name if options.add_vae_name_to_info else None,
        "Variation seed": subseed if varied else None,
        "Variation seed strength": request.subseed_strength if varied else None,
        "Seed resize from": f"{request.seed_resize_from_w}x{request.seed_resize_from_h}" if resized else None,
        "Denoising strength": _strength(job),
        "Conditional mask weight": options.inpainting_mask_weight if maker.inpainting else None,
        "Clip skip": options.CLIP_stop_at_last_layers if options.CLIP_stop_at_last_layers > 1 else None,
        "ENSD": options.eta_noise_seed_delta if options.eta_noise_seed_delta and job.uses_ensd else None,
        "Init image hash": start_hash,
        "RNG": options.randn_source if options.randn_source != "GPU" else None,
        "Tiling": "True" if job.tiling else None,
        **notes,
        "Version": infotext.VERSION if options.add_version_to_infotext else None,
        "User": request.user if options.add_user_name_to_info else None,
    }
    return infotext.write_infotext(job.prompt, job.negative_prompt, items)


def _strength(job: Job) -> float | None:
    if job.request.start is not None:
        return job.request.start.denoising_strength
    return None if job.hires is None else job.hires.denoising_strength
