"""Where a script works: it draws one request after another here, and the user sees one job."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from PIL import Image

from runtime.engine import images
from runtime.engine.filenames import JobFacts
from runtime.engine.saving import Outputs, keep, keep_grid
from runtime.engine.upscale.enlarge import Enlarger
from runtime.engine.watch import Step, Wish
from runtime.infotext import quoted
from runtime.request import LARGEST_SEED, Picture, Request, RequestError, Result

#: draws one request; the steps are told as if it were alone
Draw = Callable[[Request, Callable[[Step], None]], Result]
MOST_PICTURES = 1000
#: of a grid; Pillow itself takes more, browsers do not
MOST_MEGAPIXELS = 200


@dataclass
class Bench:
    """`native`: pixels (width, height) where a request names none."""

    draw_one: Draw
    report: Callable[[Step], None]
    wish: Callable[[], Wish]
    outputs: Outputs
    enlarger: Enlarger
    native: tuple[int, int] = (512, 512)
    stopped: bool = False
    results: list[Result] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    _expected: int = 1
    _done: int = 0
    _began: datetime = field(default_factory=datetime.now)

    def __post_init__(self) -> None:
        self.outputs = replace(self.outputs, say=self.comments.append)

    def expect(self, requests: Sequence[Request], times: int = 1) -> None:
        """What is going to be drawn, so that progress counts it; RequestError `too-many` for what takes days."""
        pictures = times * sum(request.batch_size * request.n_iter for request in requests)
        if pictures > MOST_PICTURES:
            hint = f"One job makes at most {MOST_PICTURES}: give fewer values."
            raise RequestError("too-many", f"The script would draw {pictures} pictures.", hint)
        self._expected = times * sum(map(_passes, requests))

    def draw(self, request: Request) -> Result:
        """One of them; `stopped` is set when the user wants no more."""
        before = self._done

        def tell(step: Step) -> None:
            self.report(replace(step, batch=before + step.batch, batches=max(self._expected, before + step.batches)))

        result = self.draw_one(replace(request, script=None), tell)
        self._done += _passes(request)
        self.stopped = self.stopped or result.interrupted
        self.results.append(result)
        return result

    def finished(self, pictures: Sequence[Picture], grids: int = 0) -> Result:
        """What the script answers; `grids` of the pictures come first."""
        first = self.results[0]
        told = dict.fromkeys((*self.comments, *(one for result in self.results for one in result.comments)))
        return replace(
            first,
            pictures=tuple(pictures),
            index_of_first_image=grids,
            interrupted=self.stopped,
            seconds=sum(result.seconds for result in self.results),
            comments=tuple(told),
        )

    def facts(self, result: Result, request: Request | None = None) -> JobFacts:
        """For names of files that a script writes itself."""
        pictures = result.pictures[result.index_of_first_image :]
        return JobFacts(
            request or result.request,
            tuple(picture.seed for picture in pictures),
            tuple(picture.subseed for picture in pictures),
            result.model_name,
            result.model_hash,
            result.vae_name,
            began=self._began,
        )

    def keep_grid(self, grid: Image.Image, infotext: str, request: Request, basename: str) -> Picture:
        """A grid of the script's own name, written where grids are wanted."""
        save = request.save and request.options.grid_save
        facts = self.facts(self.results[0])
        return keep_grid(grid, infotext, facts, self.outputs, save=save, basename=basename)

    def keep(self, image: Image.Image, infotext: str, facts: JobFacts, save: bool) -> Picture:
        return keep(image, infotext, facts, 0, self.outputs, save=save)


def own_pictures(result: Result) -> tuple[Picture, ...]:
    """Without grids."""
    return result.pictures[result.index_of_first_image :]


def opened(picture: Picture) -> Image.Image:
    """Its pixels."""
    return images.read_image(picture.data)


def with_seed(request: Request) -> Request:
    """-1 drawn once, so that all pictures of a script share the seed."""
    return replace(
        request,
        seed=random.randrange(LARGEST_SEED) if request.seed == -1 else request.seed,
        subseed=random.randrange(LARGEST_SEED) if request.subseed == -1 else request.subseed,
    )


def with_notes(infotext: str, notes: dict[str, Any]) -> str:
    """Further items before the version, which comes last."""
    said = "".join(f", {key}: {quoted(str(value))}" for key, value in notes.items())
    line = infotext.rfind("\n") + 1
    place = infotext.find(", Version: ", line)
    return infotext + said if place < 0 else infotext[:place] + said + infotext[place:]


def check_grid(cells: int, width: int, height: int) -> None:
    """RequestError `grid-too-large`."""
    megapixels = cells * width * height / 1e6
    if megapixels > MOST_MEGAPIXELS:
        hint = f"A grid has at most {MOST_MEGAPIXELS}: draw smaller pictures, or fewer."
        raise RequestError("grid-too-large", f"The grid would have {megapixels:.0f} megapixels.", hint)


def _passes(request: Request) -> int:
    """Hires fix counts as two."""
    return request.n_iter * (2 if request.hires is not None and request.start is None else 1)
