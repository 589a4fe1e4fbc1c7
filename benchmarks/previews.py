"""C7: a picture with live previews after every step, against the same picture without."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.frame import Bench, Figure, Row, Turn, alternate, at_most, share
from benchmarks.side import Side
from benchmarks.step import job
from benchmarks.weights import sd15

STEPS = 12
_AGAINST = "the same without previews"


def measure(bench: Bench) -> Iterator[Figure]:
    size, steps = (128, 3) if bench.quick else (256, STEPS)
    asked, seen = job(size, steps), []
    with (
        tempfile.TemporaryDirectory() as folder,
        Side("benchmarks.side_gesso", str(sd15(bench.cache)), folder) as gesso,
    ):

        def turn(every: int) -> Callable[[], Turn[Any]]:
            def draw() -> Turn[Any]:
                picture = Path(folder) / "drawn.png"
                answer = gesso.ask(**asked, picture=str(picture), preview_every=every)
                seen.append((every, answer["previews"]))
                with Image.open(picture) as opened:
                    return Turn(answer["seconds"], np.asarray(opened.convert("RGB"), dtype=np.int16))

            return draw

        pairs = alternate(bench, turn(1), turn(0))
    shown = tuple(float(count) for every, count in seen if every)[-len(pairs) :]
    yield share(pairs, f"{size} × {size}, {steps} steps, a preview wanted after each", _AGAINST, at_most(1.02))
    yield Figure("previews that came", f"{steps - 1} wanted", shown, unit="")
    apart = tuple(float(np.abs(pair.ours.output - pair.theirs.output).max()) for pair in pairs)
    yield Figure("greatest difference of the pictures", _AGAINST, apart, at_most(0), unit="/255", by="max")


ROW = Row("C7", "Live previews, Stable Diffusion 1.5", measure)
