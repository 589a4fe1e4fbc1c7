"""C2: a whole picture of Stable Diffusion 1.5, against stable-diffusion.cpp with the same weights and noise."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.frame import Bench, Figure, NotHereError, Row, Turn, alternate, at_least, at_most, faster
from benchmarks.side import Side
from benchmarks.step import job
from benchmarks.weights import sd15

STEPS = 8
_AGAINST = "stable-diffusion.cpp, same file"
_HOW = (
    "stable-diffusion.cpp is not installed: python -m venv build/benchmarks/sdcpp, then in it"
    " pip install stable-diffusion-cpp-python (it is compiled: cmake and a C++ compiler)"
)


def peer_python(cache: Path) -> str:
    """GESSO_SDCPP_PYTHON, or the interpreter of cache/sdcpp; NotHereError if stable-diffusion.cpp is not there."""
    folder = cache / "sdcpp" / ("Scripts" if os.name == "nt" else "bin")
    python = os.environ.get("GESSO_SDCPP_PYTHON") or str(folder / "python")
    try:
        subprocess.run([python, "-c", "import stable_diffusion_cpp"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        raise NotHereError(_HOW) from None
    return python


def _turn(side: Side, picture: Path, asked: Mapping[str, Any]) -> Callable[[], Turn[Any]]:
    def turn() -> Turn[Any]:
        answer = side.ask(**asked, picture=str(picture))
        with Image.open(picture) as opened:
            return Turn(answer["seconds"], np.asarray(opened.convert("RGB"), dtype=np.int16))

    return turn


def measure(bench: Bench) -> Iterator[Figure]:
    python = peer_python(bench.cache)
    size, steps = (128, 2) if bench.quick else (512, STEPS)
    checkpoint, asked = str(sd15(bench.cache)), job(size, steps)
    with (
        tempfile.TemporaryDirectory() as folder,
        Side("benchmarks.side_gesso", checkpoint, folder) as gesso,
        Side("benchmarks.side_sdcpp", checkpoint, str(os.cpu_count()), python=python) as other,
    ):
        mine, theirs = Path(folder) / "ours.png", Path(folder) / "theirs.png"
        # a small picture warms both up: the peer's large one takes minutes
        _turn(gesso, mine, job(128, 2))()
        _turn(other, theirs, job(128, 2))()
        pairs = alternate(bench, _turn(gesso, mine, asked), _turn(other, theirs, asked), warm_up=False)
    yield faster(pairs, f"{size} × {size}, {steps} steps, text to pixels", _AGAINST, at_least(1))
    apart = tuple(float(np.abs(pair.ours.output - pair.theirs.output).mean()) for pair in pairs)
    yield Figure("mean difference of the pictures", _AGAINST, apart, at_most(2), unit="/255", by="max")


ROW = Row("C2", "Stable Diffusion 1.5, 512 × 512: a whole picture", measure)
