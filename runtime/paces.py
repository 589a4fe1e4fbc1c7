"""How long a picture will take, told before its first step: from the steps that were taken here with its checkpoint.

A step's work grows with the pixels, its attention with their square: of a step at 512 x 512 of Stable Diffusion 1.5
attention is 15 in 100 (682 and 121 of 803 GFLOP, counted at three sizes), and other sizes follow from that.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from runtime.catalogue import find_sampler
from runtime.engine.prompt import needs_no_negative, split_parts
from runtime.files import write_whole
from runtime.request import Extras, Hires, Request, Result
from runtime.tasks import ModelState

_SIDE, _ATTENTION = 512 * 512, 0.15
#: what a step costs whatever its size shows in pictures smaller than the native size: from one of these so many times
#: its pixels are foretold, and no more
_FROM_SMALL = 4
Size = tuple[int, int]


@dataclass(frozen=True)
class Pace:
    """Of one checkpoint."""

    #: seconds of an asking of the U-Net for each unit of work
    step: float
    #: seconds beside the steps (text, decoding, writing) for each 512 x 512 pixels, of which no picture has fewer than
    #: the native size
    rest: float
    #: native size in pixels: a checkpoint that was never used here is taken to be as fast as another of its size
    width: int
    height: int
    #: of the picture that it was seen at
    pixels: int

    @property
    def from_small(self) -> bool:
        return self.pixels < self.width * self.height


class Paces:
    """Follows one job after the other: `begin`, `step`, `end`. Kept in `file`, by the names of the checkpoints."""

    def __init__(self, file: Path | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._file, self._clock = file, clock
        self._known = _read(file) if file else {}
        self._model = ModelState()
        self._request: Request | None = None
        self._steps: list[float] = []
        self._last: tuple[int, float] | None = None

    def begin(self, request: Request | Extras, model: ModelState) -> float | None:
        """Seconds that the job will take; None where nothing like it was drawn here yet."""
        self._request = request if isinstance(request, Request) else None
        self._model, self._steps, self._last = model, [], None
        pace = self._pace(model)
        if self._request is None or pace is None or not _is_plain(self._request):
            return None
        return _expected(self._request, pace)

    def step(self, number: int, batch: int) -> None:
        """A step has ended; what comes between two batches is no step."""
        now = self._clock()
        if self._last is not None and self._last[0] == batch and number > 1:
            self._steps.append(now - self._last[1])
        self._last = (batch, now)

    def end(self, result: Result) -> None:
        """Remember how long it took."""
        request, model = self._request, self._model
        if request is None or request.hires or not _is_plain(request) or result.interrupted or not self._steps:
            return
        if model.path is None or not model.width or not model.height:
            return
        size = (result.width, result.height)
        step = statistics.median(self._steps)
        rest = max(0.0, result.seconds - step * _steps(request) * request.n_iter)
        native = model.width, model.height
        area = max(_area(size), _area(native)) * request.batch_size * request.n_iter
        step /= _askings(request.sampler_name) * _work(request, size)
        found = Pace(step, rest / area, *native, size[0] * size[1])
        # the last one stands, but for a small picture after a larger one; at its end it is the first that others are
        # likened to
        before = self._known.pop(model.path.name, found)
        self._known[model.path.name] = before if found.from_small and found.pixels < before.pixels else found
        self._write()

    def _pace(self, model: ModelState) -> Pace | None:
        if model.path is None:
            return None
        like = [pace for pace in self._known.values() if (pace.width, pace.height) == (model.width, model.height)]
        return self._known.get(model.path.name) or (like[-1] if like else None)

    def _write(self) -> None:
        """A folder that cannot be written to costs the estimate after the next start."""
        if self._file is not None:
            with suppress(OSError):
                write_whole(self._file, json.dumps({name: asdict(pace) for name, pace in self._known.items()}))


def _expected(request: Request, pace: Pace) -> float | None:
    size = (request.width or pace.width, request.height or pace.height)
    large = _second_size(request.hires, size) if request.hires else size
    if pace.from_small and _area(large) * _SIDE > _FROM_SMALL * pace.pixels:
        return None
    askings = _steps(request) * _askings(request.sampler_name)
    seconds = askings * _work(request, size) * pace.step + _rest(request, size, pace)
    if request.hires:
        # whatever the denoising strength
        steps = request.hires.steps or request.steps
        askings = steps * _askings(request.hires.sampler_name or request.sampler_name)
        seconds += askings * _work(request, large) * pace.step + _rest(request, large, pace)
    return seconds * request.n_iter


def _rest(request: Request, size: Size, pace: Pace) -> float:
    return max(_area(size), _area((pace.width, pace.height))) * request.batch_size * pace.rest


def _is_plain(request: Request) -> bool:
    """Scripts draw many pictures, and a refiner is another checkpoint."""
    return request.script is None and request.refiner_checkpoint is None


def _steps(request: Request) -> float:
    """Img2img takes the share of the steps that its denoising strength asks for, unless they are fixed."""
    if request.start is None or request.options.img2img_fix_steps:
        return request.steps
    return max(1.0, request.steps * request.start.denoising_strength)


def _askings(sampler_name: str) -> int:
    """Of the U-Net in one step."""
    found = find_sampler(sampler_name)
    return 2 if found is not None and found[0].second_order else 1


def _work(request: Request, size: Size) -> float:
    """Of one step, in steps of one picture of 512 x 512 with a negative prompt."""
    share = _area(size)
    weights = [part.weight for part in split_parts(request.prompt)]
    prompts = 1 if needs_no_negative(weights, request.cfg_scale) else len(weights) + 1
    return share * (1 - _ATTENTION + _ATTENTION * share) * request.batch_size * prompts / 2


def _area(size: Size) -> float:
    return size[0] * size[1] / _SIDE


def _second_size(hires: Hires, size: Size) -> Size:
    if not hires.resize_x and not hires.resize_y:
        return round(size[0] * hires.scale), round(size[1] * hires.scale)
    width = hires.resize_x or hires.resize_y * size[0] // size[1]
    return width, hires.resize_y or width * size[1] // size[0]


def _read(file: Path) -> dict[str, Pace]:
    """What is not as it was written is left out."""
    found: dict[str, Pace] = {}
    with suppress(OSError, ValueError, AttributeError):
        told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        for name, numbers in told.items():
            with suppress(TypeError, KeyError, ValueError):
                seconds = float(numbers["step"]), float(numbers["rest"])
                found[name] = Pace(*seconds, *(int(numbers[each]) for each in ("width", "height", "pixels")))
    return found
