"""What a drawing tab's controls hold, and the Request that they ask for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runtime.request import Hires, Request, Script, Start
from runtime.studio import Studio
from runtime.ui.fields import picked
from runtime.ui.overrides import read_overrides

SAME_CHECKPOINT, SAME_SAMPLER, SAME_SCHEDULER = "Use same checkpoint", "Use same sampler", "Use same scheduler"
Number = float | None


@dataclass(frozen=True)
class Form:
    """The values as the browser sends them, under the API's names; an emptied field is None."""

    prompt: str | None = None
    negative_prompt: str | None = None
    styles: list[str] | None = None
    sampler_name: str = "Euler a"
    scheduler: str = "Automatic"
    steps: Number = 20
    width: Number = None
    height: Number = None
    n_iter: Number = 1
    batch_size: Number = 1
    cfg_scale: Number = 7
    seed: Number = -1
    #: `option: value`, for these pictures alone
    override_settings: list[str] | None = None
    #: the "Extra" box: without it the five below do not count
    seed_extra: bool = False
    subseed: Number = -1
    subseed_strength: Number = 0
    seed_resize_from_w: Number = 0
    seed_resize_from_h: Number = 0
    tiling: bool = False
    enable_hr: bool = False
    hr_upscaler: str = "Latent"
    hr_second_pass_steps: Number = 0
    denoising_strength: Number = 0.7
    hr_scale: Number = 2
    hr_resize_x: Number = 0
    hr_resize_y: Number = 0
    hr_checkpoint_name: str = SAME_CHECKPOINT
    hr_sampler_name: str = SAME_SAMPLER
    hr_scheduler: str = SAME_SCHEDULER
    hr_prompt: str | None = None
    hr_negative_prompt: str | None = None
    enable_refiner: bool = False
    refiner_checkpoint: str | None = None
    refiner_switch_at: Number = 0.8
    script: Script | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Form:
        """From the values of a tab that has more, or fewer, controls."""
        return cls(**picked(cls, values))

    def request(self, studio: Studio, start: Start | None = None, user: str | None = None) -> Request:
        """What the form asks for; emptied fields are the defaults, no size is the model's own."""
        options = studio.options.for_job(read_overrides(self.override_settings), studio.advice().options)
        every = max(options.show_progress_every_n_steps, 0) if options.live_previews_enable else 0
        save, grid = bool(studio.options["samples_save"]), options.grid_save
        refined = self.enable_refiner and self.refiner_checkpoint not in (None, "", "None")
        return Request(
            **self._prompts(studio),
            sampler_name=self.sampler_name,
            scheduler=self.scheduler,
            steps=whole(self.steps, 20),
            cfg_scale=plain(self.cfg_scale, 7),
            width=whole(self.width, 0) or None,
            height=whole(self.height, 0) or None,
            n_iter=whole(self.n_iter, 1),
            batch_size=whole(self.batch_size, 1),
            **self._seeds(),
            tiling=self.tiling or options.tiling,
            restore_faces=options.face_restoration,
            refiner_checkpoint=self.refiner_checkpoint if refined else None,
            refiner_switch_at=plain(self.refiner_switch_at, 0.8) if refined else None,
            hires=self._hires() if self.enable_hr and start is None else None,
            start=start,
            script=self.script,
            save=save,
            save_grid=grid,
            preview_every=every,
            user=user,
            options=options,
        )

    def _prompts(self, studio: Studio) -> dict[str, Any]:
        bare, names = self.prompt or "", tuple(self.styles or ())
        prompt, negative = studio.stock.with_styles(bare, self.negative_prompt or "", names)
        return {
            "prompt": prompt,
            "negative_prompt": negative,
            "styles": names,
            "unstyled_prompt": bare if prompt != bare else None,
        }

    def _seeds(self) -> dict[str, Any]:
        seeds: dict[str, Any] = {"seed": whole(self.seed, -1)}
        if self.seed_extra:
            seeds |= {
                "subseed": whole(self.subseed, -1),
                "subseed_strength": plain(self.subseed_strength, 0),
                "seed_resize_from_w": whole(self.seed_resize_from_w, 0),
                "seed_resize_from_h": whole(self.seed_resize_from_h, 0),
            }
        return seeds

    def _hires(self) -> Hires:
        return Hires(
            denoising_strength=plain(self.denoising_strength, 0.7),
            scale=plain(self.hr_scale, 2),
            resize_x=whole(self.hr_resize_x, 0),
            resize_y=whole(self.hr_resize_y, 0),
            upscaler=self.hr_upscaler,
            steps=whole(self.hr_second_pass_steps, 0),
            checkpoint=_other(self.hr_checkpoint_name, SAME_CHECKPOINT),
            sampler_name=_other(self.hr_sampler_name, SAME_SAMPLER),
            scheduler=_other(self.hr_scheduler, SAME_SCHEDULER),
            prompt=self.hr_prompt or "",
            negative_prompt=self.hr_negative_prompt or "",
        )


def plain(value: Number, default: float) -> float:
    """7.0 as 7, as the page of AUTOMATIC1111 writes it into the picture."""
    if value is None or not math.isfinite(value):
        return default
    return int(value) if float(value).is_integer() else value


def whole(value: Number, default: int) -> int:
    """The number without its fraction."""
    return default if value is None or not math.isfinite(value) else int(value)


def _other(chosen: str | None, same: str) -> str | None:
    return None if chosen in (None, "", same) else chosen
