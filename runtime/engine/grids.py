"""Several pictures as one: rows and columns as AUTOMATIC1111 counts them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image


def rows_for(count: int, n_rows: int, batch_size: int) -> int:
    """Rows of a grid of `count` pictures: `n_rows`, or the batch size where it is 0, or a square where it is -1."""
    wanted = n_rows if n_rows > 0 else batch_size if n_rows == 0 else round(math.sqrt(count))
    return max(1, min(wanted, count))


def image_grid(images: Sequence[Image.Image], rows: int, *, margin: int = 0, background: str = "white") -> Image.Image:
    """Row by row in cells as large as the largest picture, `margin` pixels between them; free cells stay empty."""
    columns = math.ceil(len(images) / rows)
    width, height = (max(sides) for sides in zip(*(image.size for image in images), strict=True))
    size = columns * (width + margin) - margin, rows * (height + margin) - margin
    grid = Image.new("RGB", size, background)
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        grid.paste(image.convert("RGB"), (column * (width + margin), row * (height + margin)))
    return grid
