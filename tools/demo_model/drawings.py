"""Draw the demo model's training pictures: one coloured shape on a coloured ground, with a caption."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from PIL import Image, ImageDraw

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (220, 35, 35),
    "yellow": (245, 215, 40),
    "green": (40, 160, 70),
    "blue": (45, 85, 215),
    "purple": (140, 55, 170),
    "black": (20, 20, 22),
    "white": (245, 245, 242),
}
SHAPES = ("circle", "square", "triangle", "star")
#: radius as a fraction of the picture's side
SIZES: dict[str, tuple[float, float]] = {"": (0.24, 0.36), "small": (0.17, 0.22), "large": (0.37, 0.42)}
STAR_INNER_RADIUS = 0.42
SUPERSAMPLING = 4


@dataclass(frozen=True)
class Scene:
    """What one picture shows; `size` is "" where the caption does not say."""

    shape: str
    colour: str
    ground: str
    size: str = ""


def random_scene(rng: random.Random) -> Scene:
    """Any combination in which the shape can be told from its ground."""
    colour, ground = rng.sample(sorted(COLOURS), 2)
    return Scene(rng.choice(SHAPES), colour, ground, rng.choice(("", "", "small", "large")))


def all_scenes() -> list[Scene]:
    """Each shape x colour x ground once (168)."""
    return [Scene(s, c, g) for s in SHAPES for c in COLOURS for g in COLOURS if c != g]


def caption(scene: Scene, rng: random.Random) -> str:
    """One of several ways in which a person would ask for the scene."""
    thing = f"{scene.size} {scene.colour} {scene.shape}".strip()
    article = "an" if thing[0] in "aeiou" else "a"
    return rng.choice(
        (
            f"{article} {thing} on a {scene.ground} background",
            f"{article} {thing} on a {scene.ground} background",
            f"{article} {thing} on {scene.ground}",
            f"{thing}, {scene.ground} background",
            f"{thing} on {scene.ground} ground",
            f"a picture of {article} {thing} on a {scene.ground} ground",
            f"{scene.ground} background, {article} {thing}",
        )
    )


def _outline(shape: str, x: float, y: float, radius: float, turn: float) -> list[tuple[float, float]]:
    corners = {"square": 4, "triangle": 3, "star": 10}[shape]
    points = []
    for k in range(corners):
        r = radius * (STAR_INNER_RADIUS if shape == "star" and k % 2 else 1.0)
        start = math.pi / 4 if shape == "square" else -math.pi / 2
        angle = start + turn + 2 * math.pi * k / corners
        points.append((x + r * math.cos(angle), y + r * math.sin(angle)))
    return points


def _shade(colour: str, rng: random.Random) -> tuple[int, int, int]:
    red, green, blue = (min(255, max(0, level + rng.randint(-8, 8))) for level in COLOURS[colour])
    return red, green, blue


def draw(scene: Scene, side: int, rng: random.Random, hole: float = 0.0) -> Image.Image:
    """An RGB picture of side x side pixels; place, tilt and shade vary with `rng`.

    `hole` is the share of the shape's radius within which the ground shows through; 0 draws it full.
    """
    big = side * SUPERSAMPLING
    ground = _shade(scene.ground, rng)
    picture = Image.new("RGB", (big, big), ground)
    low, high = SIZES[scene.size]
    radius = rng.uniform(low, high)
    room = max(0.0, 0.46 - radius) * 0.8
    x, y = (0.5 + rng.uniform(-room, room) for _ in range(2))
    fill = _shade(scene.colour, rng)
    turn = 0.0 if scene.shape == "circle" else rng.uniform(-0.2, 0.2)
    pen = ImageDraw.Draw(picture)
    for share, colour in ((1.0, fill), (hole, ground)):
        if not share:
            continue
        if scene.shape == "circle":
            box = [(v + d * radius * share * 0.92) * big for d in (-1, 1) for v in (x, y)]
            pen.ellipse(box, fill=colour)
        else:
            corners = _outline(scene.shape, x, y, radius * share * 1.08, turn)
            pen.polygon([(px * big, py * big) for px, py in corners], fill=colour)
    return picture.resize((side, side), Image.Resampling.BOX)
