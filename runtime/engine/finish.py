"""The last steps of a job: pixels put right, infotext, files, grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from PIL import Image
from torch import Tensor

from runtime.engine import grids, images, masks
from runtime.engine.colours import correct
from runtime.engine.describe import Maker, describe
from runtime.engine.filenames import JobFacts
from runtime.engine.job import Job
from runtime.engine.passes import Drawn
from runtime.engine.resize import FILL, resize
from runtime.engine.run import Batch
from runtime.engine.saving import Outputs, keep, keep_grid, remember
from runtime.engine.start import Underpainting
from runtime.request import Picture


@dataclass
class Portfolio:
    """The finished pictures of a job, in order."""

    job: Job
    maker: Maker
    facts: JobFacts
    outputs: Outputs
    under: Underpainting | None
    #: of the start image, where it is told
    start_hash: str | None = None
    pictures: list[Picture] = field(default_factory=list)
    _shown: list[Image.Image] = field(default_factory=list)

    def add(self, drawn: Drawn, batch: Batch, notes: dict[str, str]) -> None:
        """A batch; what was cut short is not saved."""
        first = batch.number * self.job.request.batch_size
        save = self.job.request.save and not drawn.unfinished
        for place, decoded in enumerate(drawn.pictures):
            seed, subseed = batch.seeds[place], batch.subseeds[place]
            text = describe(self.job, self.maker, seed, subseed, notes, self.start_hash)
            if not self.pictures:
                remember(text, self.outputs)
            if drawn.small:
                self._keep(drawn.small[place], text, first + place, save, "-before-highres-fix")
            self._add(decoded, text, first + place, place, save)

    def _keep(self, image: Image.Image, text: str, index: int, save: bool, suffix: str = "") -> Picture:
        return keep(image, text, self.facts, index, self.outputs, save=save, suffix=suffix)

    def _add(self, decoded: Tensor, text: str, index: int, place: int, save: bool) -> None:
        options, under = self.job.request.options, self.under
        raw = image = images.to_image(decoded)
        if under is not None and options.img2img_color_correction:
            raw = image = correct(image, under.pictures[place % len(under.pictures)])
        if under is not None and under.kept and options.overlay_inpaint:
            image = masks.lay_over(image, under.kept[place % len(under.kept)], under.box)
        self.pictures.append(self._keep(image, text, index, save))
        self._shown.append(image)
        if under is not None and under.overlay is not None:
            self._add_masks(raw, under.overlay, text, index, save)

    def _add_masks(self, raw: Image.Image, mask: Image.Image, text: str, index: int, save: bool) -> None:
        """The mask, and what was drawn under it alone, where they are wanted."""
        options = self.job.request.options
        if options.return_mask or options.save_mask:
            picture = self._keep(mask.convert("RGB"), text, index, save and options.save_mask, "-mask")
            self.pictures += [picture] if options.return_mask else []
        if options.return_mask_composite or options.save_mask_composite:
            composite = Image.new("RGBa", raw.size)
            fitted = mask if mask.size == raw.size else resize(FILL, mask, *raw.size)
            composite.paste(raw.convert("RGBA").convert("RGBa"), mask=fitted)
            saves = save and options.save_mask_composite
            picture = self._keep(composite.convert("RGBA"), text, index, saves, "-mask-composite")
            self.pictures += [picture] if options.return_mask_composite else []

    def add_grid(self, notes: dict[str, str]) -> int:
        """How many grids now lie before the first picture: 0 or 1."""
        request, options = self.job.request, self.job.request.options
        enough = len(self._shown) > 1 or not options.grid_only_if_multiple
        if not (request.save_grid and enough and self._shown and (options.return_grid or options.grid_save)):
            return 0
        rows = grids.rows_for(len(self._shown), options.n_rows, request.batch_size)
        grid = grids.image_grid(self._shown, rows)
        text = describe(self.job, self.maker, self.job.seed, self.job.subseed, notes, self.start_hash)
        picture = keep_grid(grid, text, self.facts, self.outputs, save=options.grid_save)
        self.pictures = [picture, *self.pictures] if options.return_grid else self.pictures
        return int(options.return_grid)


def all_seeds(job: Job) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(seeds, subseeds) of the whole job, in order."""
    batches: Sequence[int] = range(job.request.n_iter)
    return (
        tuple(seed for batch in batches for seed in job.seeds(batch)),
        tuple(seed for batch in batches for seed in job.subseeds(batch)),
    )
