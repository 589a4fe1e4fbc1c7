"""Say what a picture of the demo model shows, by reading its pixels: object colour, ground colour, shape.

python -m tools.demo_model.judge FILE...      prints one line of JSON per picture
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from tools.demo_model.drawings import COLOURS, STAR_INNER_RADIUS

#: an object smaller than this fraction of the picture is no object
SMALLEST_OBJECT = 0.01


@dataclass(frozen=True)
class Verdict:
    """What was seen; `colour` and `shape` are None where nothing stands out from the ground."""

    colour: str | None
    ground: str
    shape: str | None


def _nearest_colours(pixels: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    palette = np.array(list(COLOURS.values()), dtype=np.float64)
    return np.asarray(((pixels[:, :, None, :] - palette) ** 2).sum(-1).argmin(-1))


def _largest_component(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The largest 4-connected region of `mask` (H, W)."""
    seen = np.zeros_like(mask)
    best: list[tuple[int, int]] = []
    height, width = mask.shape
    for start in zip(*np.nonzero(mask), strict=True):
        if seen[start]:
            continue
        seen[start] = True
        region, todo = [], [(int(start[0]), int(start[1]))]
        while todo:
            y, x = todo.pop()
            region.append((y, x))
            for ny, nx in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if 0 <= ny < height and 0 <= nx < width and mask[ny, nx] and not seen[ny, nx]:
                    seen[ny, nx] = True
                    todo.append((ny, nx))
        if len(region) > len(best):
            best = region
    out = np.zeros_like(mask)
    for y, x in best:
        out[y, x] = True
    return out


def _hull(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Andrew's monotone chain."""

    def half(ordered: list[tuple[float, float]]) -> list[tuple[float, float]]:
        chain: list[tuple[float, float]] = []
        for p in ordered:
            while len(chain) > 1:
                (ax, ay), (bx, by) = chain[-2], chain[-1]
                if (bx - ax) * (p[1] - ay) - (by - ay) * (p[0] - ax) > 0:
                    break
                chain.pop()
            chain.append(p)
        return chain[:-1]

    points = sorted(set(points))
    return half(points) + half(points[::-1])


def _shape(region: npt.NDArray[np.bool_]) -> str:
    """Nearest shape by two scale-free figures: area / hull, and area / smallest circle about the hull's middle."""
    area = float(region.sum())
    corners = [
        (float(x) + dx, float(y) + dy)
        for y, x in zip(*np.nonzero(region), strict=True)
        for dx in (-0.5, 0.5)
        for dy in (-0.5, 0.5)
    ]
    hull = _hull(corners)
    turned = hull[1:] + hull[:1]
    hull_area = abs(sum(ax * by - bx * ay for (ax, ay), (bx, by) in zip(hull, turned, strict=True))) / 2
    ys, xs = np.nonzero(region)
    cx, cy = float(xs.mean()), float(ys.mean())
    reach = max(math.hypot(x - cx, y - cy) for x, y in hull)
    seen = (area / hull_area, area / (math.pi * reach**2))
    inner = STAR_INNER_RADIUS
    star_area = 5 * inner * math.sin(math.pi / 5)
    star_hull = 2.5 * math.sin(2 * math.pi / 5)
    ideals = {
        "circle": (1.0, 1.0),
        "square": (1.0, 2 / math.pi),
        "triangle": (1.0, 3 * math.sqrt(3) / (4 * math.pi)),
        "star": (star_area / star_hull, star_area / math.pi),
    }
    return min(ideals, key=lambda name: math.dist(ideals[name], seen))


def judge(picture: Image.Image) -> Verdict:
    """Ground: the commonest colour of the border. Object: the largest region of other colour."""
    pixels = np.asarray(picture.convert("RGB"), dtype=np.float64)
    names = list(COLOURS)
    nearest = _nearest_colours(pixels)
    rim = max(2, min(nearest.shape) // 32)
    inner = np.zeros(nearest.shape, dtype=bool)
    inner[rim:-rim, rim:-rim] = True
    ground = int(np.bincount(nearest[~inner], minlength=len(names)).argmax())
    ground_rgb = np.median(pixels[(nearest == ground) & ~inner], axis=0)
    region = _largest_component(_foreground(pixels, nearest, ground, ground_rgb))
    if region.sum() < SMALLEST_OBJECT * region.size:
        return Verdict(None, names[ground], None)
    colour = int(np.bincount(nearest[region], minlength=len(names)).argmax())
    return Verdict(names[colour], names[ground], _shape(region))


def _foreground(
    pixels: npt.NDArray[np.float64],
    nearest: npt.NDArray[np.int64],
    ground: int,
    ground_rgb: npt.NDArray[np.float64],
) -> npt.NDArray[np.bool_]:
    """Pixels closer to the object's own colour than to the ground's, so that soft edges split in the middle."""
    other: npt.NDArray[np.bool_] = nearest != ground
    if not other.any():
        return other
    region = _largest_component(other)
    object_rgb = np.median(pixels[region], axis=0)
    mask: npt.NDArray[np.bool_] = ((pixels - object_rgb) ** 2).sum(-1) < ((pixels - ground_rgb) ** 2).sum(-1)
    return mask


def main() -> None:
    for name in sys.argv[1:]:
        with Image.open(name) as picture:
            print(json.dumps(asdict(judge(picture))))


if __name__ == "__main__":
    main()
