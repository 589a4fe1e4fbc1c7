"""Grids: how many rows, and what lies where."""

import pytest
from PIL import Image

from runtime.engine.grids import image_grid, rows_for


@pytest.mark.parametrize(
    ("count", "n_rows", "batch_size", "rows"),
    [
        (1, -1, 1, 1),
        (2, -1, 1, 1),
        (3, -1, 1, 2),
        (4, -1, 1, 2),
        (6, -1, 1, 2),
        (9, -1, 1, 3),
        (8, 0, 4, 4),
        (8, 3, 4, 3),
        (2, 5, 1, 2),
    ],
)
def test_rows(count, n_rows, batch_size, rows):
    assert rows_for(count, n_rows, batch_size) == rows


def test_pictures_come_row_by_row_with_a_margin():
    colours = ["#ff0000", "#00ff00", "#0000ff", "#ffff00", "#00ffff"]
    grid = image_grid([Image.new("RGB", (10, 8), colour) for colour in colours], 2, margin=3)
    assert grid.size == (3 * 10 + 2 * 3, 2 * 8 + 3)
    found = [grid.getpixel((13 * column + 5, 11 * row + 4)) for row in range(2) for column in range(3)]
    assert found == [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255), (255, 255, 255)]
    assert grid.getpixel((11, 4)) == (255, 255, 255)


def test_a_cell_is_as_large_as_the_largest_picture():
    assert image_grid([Image.new("RGB", (4, 9)), Image.new("L", (7, 2))], 1).size == (14, 9)
