"""What the samplers ask: noisy latents and a level in, an estimate of the clean latents out, guided by prompts.

Sources: Ho & Salimans 2022 (classifier-free guidance), Liu et al. 2022 (AND), Brooks et al. 2023 (instruct-pix2pix),
Salimans & Ho 2022 (velocity). Where steps leave the negative prompt out: AUTOMATIC1111's NGMS and skip_early_cond.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Protocol

import torch
from torch import Tensor, nn

from runtime.engine.conditioning import Condition, Guidance
from runtime.engine.graphs import Graphs, ask
from runtime.engine.prompt import needs_no_negative
from runtime.engine.schedules import Levels
from runtime.engine.shortage import lacks_memory
from runtime.engine.texts import Bookshelf, Texts
from runtime.engine.traits import Traits
from runtime.job_options import JobOptions


@dataclass(frozen=True)
class View:
    """One model's side of a job; the refiner's replaces it on the way."""

    unet: nn.Module
    dtype: torch.dtype
    traits: Traits
    levels: Levels
    guidance: Guidance
    #: (n, 5, h, w) mask and masked picture, or (n, 4, h, w) picture, for U-Nets that take more than four channels
    channels: Tensor | None = None
    #: where the U-Net's work is captured; `build` as graphs.build_of gives it
    graphs: Graphs | None = None
    build: int | None = None
    #: makes room on the device after memory ran out; False if there is none to be made
    make_room: Callable[[], bool] = bool

    def ask(self, latents: Tensor, time: float, texts: Texts) -> Tensor:
        """What the U-Net tells of latents (batch, channels, h, w) that are all at this timestep."""
        if self.graphs is None:
            return ask(self.unet, latents, time, texts)
        return self.graphs.draw(self.unet, self.build, latents, time, texts)


@dataclass(frozen=True)
class Scales:
    """How strongly the prompts count."""

    cfg: float = 7.0
    #: of the picture, for instruct-pix2pix
    image_cfg: float | None = None
    #: calls of the denoiser in the whole run, as AUTOMATIC1111 counts them
    calls: int = 1
    s_min_uncond: float = 0.0
    s_min_uncond_all: bool = False
    skip_early: float = 0.0
    in_one_batch: bool = True
    #: ask with the negative prompt at every step, even where the scale makes nothing of it
    needs_uncond: bool = False

    @classmethod
    def of(cls, cfg: float, image_cfg: float | None, calls: int, s_min_uncond: float, options: JobOptions) -> Scales:
        every, early = options.s_min_uncond_all, options.skip_early_cond
        return cls(cfg, image_cfg, calls, s_min_uncond, every, early, options.batch_cond_uncond)


def prompts_asked(weights: Sequence[float], scales: Scales, traits: Traits) -> int:
    """With how many prompts the model is asked, the prompt's parts being of these weights, where no step spares one."""
    if _edits(scales, traits):
        return len(weights) + 2
    return len(weights) + (0 if _plain(weights, scales) else 1)


def _edits(scales: Scales, traits: Traits) -> bool:
    """Does instruct-pix2pix tell the picture's guidance from the text's?"""
    return traits.input_channels == 8 and scales.image_cfg not in (None, 1.0)


def _plain(weights: Sequence[float], scales: Scales) -> bool:
    return not scales.needs_uncond and needs_no_negative(weights, scales.cfg)


@dataclass(frozen=True)
class Kept:
    """Inpainting: the latents (n, 4, h, w) that stay, and the share of each cell (n or 1, 1, h, w) that is redrawn."""

    latents: Tensor
    redrawn: Tensor
    #: blend what goes in (samplers on timesteps) instead of what comes out
    before: bool = False

    def blend(self, drawn: Tensor, factor: float = 1.0) -> Tensor:
        return drawn * self.redrawn + self.latents * factor * (1 - self.redrawn)


class Change(Protocol):
    """Another model on the way."""

    def due(self, call: int, sigma: float) -> bool:
        """Is it time, before call `call` (from 0)?"""

    def view(self) -> View:
        """The view to go on with; nobody holds the old one any more."""


_Row = tuple[Condition, Tensor | None]


class Denoiser:
    """Called by a sampler's loop with (x, sigma); counts its calls from 0, which is what prompt editing goes by."""

    def __init__(
        self,
        view: View,
        scales: Scales,
        kept: Kept | None = None,
        change: Change | None = None,
        look: Callable[[Tensor], None] | None = None,
    ) -> None:
        """`look` sees every estimate; what it raises passes through."""
        self._views, self._scales, self._kept, self._change, self._look = [view], scales, kept, change, look
        self._shelf = Bookshelf()
        self._one_by_one = False
        self.calls = 0
        #: did another model take over?
        self.changed = False
        #: what the negative prompt alone led to, for the CFG++ samplers
        self.unconditional: Tensor | None = None
        #: entries of infotext that came up on the way
        self.notes: dict[str, str] = {}

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        if self._change is not None and self._change.due(self.calls, sigma):
            self._views.clear()
            self.changed = True
            self._shelf = Bookshelf()
            self._views.append(self._change.view())
        kept, given = self._kept, x
        if kept is not None and kept.before:
            # those samplers' own x is divided by sqrt(1 + sigma²), and the original goes into it without noise
            x = kept.blend(x, math.hypot(1.0, sigma))
        clean, alone = self._guided(x, sigma)
        if self._look is not None:
            self._look(clean)
        if kept is not None and not kept.before:
            clean = kept.blend(clean)
        self.calls += 1
        # the sampler takes the slope from its own x, the noise seen in the blended one must come out
        self.unconditional = alone + (given - x)
        return clean + (given - x)

    @property
    def _view(self) -> View:
        return self._views[0]

    def _guided(self, x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        """(guided, unconditional) estimates."""
        view, scales, call = self._view, self._scales, self.calls
        parts = [(timeline.at(call), weight) for timeline, weight in view.guidance.parts]
        negative = view.guidance.negative.at(call)
        if _edits(scales, view.traits):
            return self._edited(x, sigma, parts, negative)
        rows: list[_Row] = [(condition, view.channels) for condition, _ in parts]
        alone = self._leaves_negative_out(sigma)
        needless = alone or _plain([weight for _, weight in parts], scales)
        if not needless:
            rows.append((negative, view.channels))
        made = self._estimates(x, sigma, rows)
        base = made[0] if needless else made[-1]
        guided = base
        for (_, weight), towards in zip(parts, made, strict=False):
            guided = guided + (towards - base) * (weight * scales.cfg)
        return guided, base

    def _edited(
        self, x: Tensor, sigma: float, parts: Sequence[tuple[Condition, float]], negative: Condition
    ) -> tuple[Tensor, Tensor]:
        """instruct-pix2pix: away from neither text nor picture, towards the picture, from there towards the text."""
        picture = self._view.channels
        nothing = None if picture is None else torch.zeros_like(picture)
        rows: list[_Row] = [(condition, picture) for condition, _ in parts]
        *texts, seen, blind = self._estimates(x, sigma, [*rows, (negative, picture), (negative, nothing)])
        guided = blind + (seen - blind) * (self._scales.image_cfg or 1.0)
        for (_, weight), towards in zip(parts, texts, strict=True):
            guided = guided + (towards - seen) * (weight * self._scales.cfg)
        return guided, blind

    def _leaves_negative_out(self, sigma: float) -> bool:
        scales = self._scales
        if scales.skip_early > 0 and self.calls / scales.calls <= scales.skip_early:
            self.notes["Skip Early CFG"] = str(scales.skip_early)
            return True
        if (self.calls % 2 or scales.s_min_uncond_all) and 0 < sigma < scales.s_min_uncond:
            self.notes["NGMS"] = str(scales.s_min_uncond)
            if scales.s_min_uncond_all:
                self.notes["NGMS all steps"] = "True"
            return True
        return False

    def _estimates(self, x: Tensor, sigma: float, rows: Sequence[_Row]) -> list[Tensor]:
        """One estimate per row; neighbours whose texts are equally long share a batch."""
        if not self._scales.in_one_batch or self._one_by_one:
            return [one for row in rows for one in self._run(x, sigma, [row])]
        batches = groupby(rows, key=lambda row: row[0].states.shape[1])
        return [one for _, batch in batches for one in self._run(x, sigma, list(batch))]

    def _run(self, x: Tensor, sigma: float, rows: Sequence[_Row]) -> list[Tensor]:
        view = self._view
        seen = x * (1 / math.hypot(1.0, sigma))
        inputs = [seen if channels is None else torch.cat([seen, channels], 1) for _, channels in rows]
        texts = self._shelf.take([condition for condition, _ in rows], len(x), view.dtype, self.calls)
        lacking: BaseException | None = None
        try:
            told = self._ask(torch.cat(inputs).to(view.dtype), view.levels.timestep_of(sigma), texts)
        except (RuntimeError, MemoryError) as failure:
            if len(rows) == 1 or not lacks_memory(failure):
                raise
            lacking = failure.with_traceback(None)
        if lacking is not None:
            # the last that can be spared: prompt and negative prompt take turns, for the rest of the run
            self._one_by_one = True
            return [one for row in rows for one in self._run(x, sigma, [row])]
        return [self._clean(x, one, sigma) for one in told.float().chunk(len(rows))]

    def _ask(self, latents: Tensor, time: float, texts: Texts) -> Tensor:
        """The U-Net's answer. Where memory runs out the same is asked again with less on the device, so that the
        sampler goes on from where it is and knows nothing of it.
        """
        while True:
            try:
                return self._view.ask(latents, time, texts)
            except (RuntimeError, MemoryError) as failure:
                if not lacks_memory(failure):
                    raise
                # its frames hold what the run had in memory
                lacking = failure.with_traceback(None)
            if self._view.graphs is not None:
                self._view.graphs.forget()
            if not self._view.make_room():
                raise lacking
            # the weights lie elsewhere now
            self._views[0] = replace(self._view, graphs=None, build=None)

    def _clean(self, x: Tensor, told: Tensor, sigma: float) -> Tensor:
        if self._view.traits.prediction == "epsilon":
            return x - sigma * told
        return x / (sigma**2 + 1) - told * (sigma / math.hypot(1.0, sigma))
