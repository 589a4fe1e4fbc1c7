"""Draw with a model that the tests hold, and look at the result."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from runtime.engine.easel import Easel
from runtime.engine.generate import Step, generate
from runtime.engine.saving import Outputs


def draw(request, model, folder=Path(), wish=lambda: None, **easel):
    """(result, steps that were reported)."""
    seen: list[Step] = []
    return generate(request, Easel(model, Outputs(folder, history=False), **easel), seen.append, wish), seen


def opened(picture) -> Image.Image:
    return Image.open(io.BytesIO(picture.data)).convert("RGB")


def pixels(picture):
    return np.asarray(opened(picture), dtype=int)


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
