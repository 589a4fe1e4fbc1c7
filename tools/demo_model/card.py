"""Draw with the shipped demo model through the engine, judge every picture, and write its model card.

    python -m tools.demo_model.card [--count 240] [--first-seed 1000000] [--file FILE] [--card FILE] [--sheet FILE.png]

Every shape x colour x ground combination comes at least once; the seeds are none that the training used, since the
training draws noise without any. 20 steps of Euler a at CFG 7 and the native size, as the page does by default.
"""

from __future__ import annotations

import argparse
import collections
import io
import json
import random
from dataclasses import replace
from pathlib import Path

from PIL import Image

from runtime.engine.checkpoint import load_checkpoint
from runtime.engine.easel import Easel
from runtime.engine.generate import generate
from runtime.engine.memory import Settings, Store, look, place
from runtime.engine.model import Model
from runtime.engine.saving import Outputs
from runtime.request import Request
from tools.demo_model.drawings import COLOURS, SHAPES, Scene, all_scenes, caption
from tools.demo_model.export import TARGET
from tools.demo_model.judge import Verdict, judge

CARD = TARGET.parent / "README.md"
Drawn = tuple[Scene, str, Image.Image, Verdict]
ASKED = {"colour": 0.95, "ground": 0.95, "shape": 0.85}


def open_model(file: Path) -> Model:
    """In float32 on the CPU, so that the figures can be had again anywhere."""
    placement = place(Settings(use_cpu=("all",), no_half=True), look())
    checkpoint = load_checkpoint(file, placement.precision)
    return Model(checkpoint.title, checkpoint.path, Store(checkpoint, placement), checkpoint.traits)


def scenes_to_draw(count: int) -> list[Scene]:
    """All combinations, then again from the start until there are `count`."""
    every = all_scenes()
    random.Random(0).shuffle(every)
    return [every[k % len(every)] for k in range(max(count, len(every)))]


def draw_all(model: Model, scenes: list[Scene], first_seed: int) -> list[Drawn]:
    words = random.Random(1)
    drawn: list[Drawn] = []
    for number, scene in enumerate(scenes):
        text = caption(scene, words)
        request = Request(prompt=text, seed=first_seed + number, sampler_name="Euler a", steps=20, save=False)
        easel = Easel(model, Outputs(Path(), history=False))
        result = generate(replace(request, cfg_scale=7.0), easel, lambda _step: None, lambda: None)
        picture = Image.open(io.BytesIO(result.pictures[0].data))
        drawn.append((scene, text, picture, judge(picture)))
        if number % 20 == 19:
            print(number + 1, json.dumps(shares(drawn)), flush=True)
    return drawn


def shares(drawn: list[Drawn]) -> dict[str, float]:
    """Part of the pictures in which each thing is as the prompt said."""
    return {
        name: round(
            sum(getattr(verdict, name) == getattr(scene, name) for scene, _, _, verdict in drawn) / len(drawn), 4
        )
        for name in ASKED
    }


def mistakes(drawn: list[Drawn]) -> list[str]:
    """What was taken for what, commonest first."""
    seen = collections.Counter(
        f"{name} {getattr(scene, name)} came out as {getattr(verdict, name) or 'nothing'}"
        for scene, _, _, verdict in drawn
        for name in ASKED
        if getattr(verdict, name) != getattr(scene, name)
    )
    return [f"{text} ({count})" for text, count in seen.most_common(12)]


def per_answer(drawn: list[Drawn], name: str, answers: tuple[str, ...]) -> str:
    cells = []
    for answer in answers:
        rows = [verdict for scene, _, _, verdict in drawn if getattr(scene, name) == answer]
        cells.append(f"{answer} {sum(getattr(row, name) == answer for row in rows)}/{len(rows)}")
    return ", ".join(cells)


def sheet(drawn: list[Drawn], columns: int = 8, rows: int = 4) -> Image.Image:
    side = drawn[0][2].width
    paper = Image.new("RGB", (columns * side, rows * side))
    for place_, (_, _, picture, _) in enumerate(drawn[: columns * rows]):
        paper.paste(picture, (place_ % columns * side, place_ // columns * side))
    return paper


def write_card(drawn: list[Drawn], file: Path, first_seed: int) -> str:
    found, count = shares(drawn), len(drawn)
    whole = sum(verdict == Verdict(scene.colour, scene.ground, scene.shape) for scene, _, _, verdict in drawn)
    rows = "\n".join(f"| {name} | {found[name]:.1%} | {least:.0%} |" for name, least in ASKED.items())
    errors = "\n".join(f"- {text}" for text in mistakes(drawn)) or "- none"
    return f"""# Gesso's demo model

`{file.name}` ({file.stat().st_size / 1e6:.1f} MB, float16) is a Stable Diffusion 1.x checkpoint in its original
layout and with its topology, only narrower: 64 channels at every level of the U-Net and of the autoencoder, a text
encoder of 12 layers and 32 channels. It was trained from nothing by `tools/demo_model` on drawings that the tool makes
itself, so it contains nobody's pictures. Licence: Apache-2.0.

**What it draws.** One shape ({", ".join(SHAPES)}) in one colour ({", ".join(COLOURS)})
on a ground of another of these colours, small, middling or large, at {NATIVE_TEXT} pixels. It understands
sentences such as `a red circle on a white background` or `large blue star, yellow background`.

**What it cannot draw.** Anything else. Other words do nothing or harm, other sizes repeat or deform the shape, and
Chinese is not understood (as in every Stable Diffusion 1.x model). It exists to prove that an installation draws.

## How well

{count} pictures, every shape x colour x ground combination at least once, seeds {first_seed} to
{first_seed + count - 1}, 20 steps of Euler a, CFG 7, float32 on a CPU; judged by `tools/demo_model/judge.py`,
which reads pixels and is itself right on all 1,008 drawings it was tried on. Made by `python -m tools.demo_model.card`.

| as the prompt said | measured | asked for |
|---|---|---|
{rows}
| all three at once | {whole / count:.1%} | |

Shapes: {per_answer(drawn, "shape", SHAPES)}.
Colours: {per_answer(drawn, "colour", tuple(COLOURS))}.
Grounds: {per_answer(drawn, "ground", tuple(COLOURS))}.

Commonest mistakes:

{errors}

![32 of the judged pictures](../../../docs/images/demo-model.png)

## How it was made

By `python -m tools.demo_model.train`, then `tools.demo_model.export`, in under two hours on two CPU cores that had
other work to do. Stages: text encoder (1,500 steps), autoencoder (1,600), U-Net on 8 x 8 latents (1,100) and on
16 x 16 latents (2,150). The run was stopped and continued several times with shorter plans, and the offset noise came
in only at step 1,000 of the last stage, so running the tool again gives a model of the same kind, not the same file.
"""


NATIVE_TEXT = "128 x 128"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=240)
    parser.add_argument("--first-seed", type=int, default=1_000_000)
    parser.add_argument("--file", type=Path, default=TARGET)
    parser.add_argument("--card", type=Path, default=CARD)
    parser.add_argument("--sheet", type=Path)
    arguments = parser.parse_args()
    model = open_model(arguments.file)
    drawn = draw_all(model, scenes_to_draw(arguments.count), arguments.first_seed)
    arguments.card.write_text(write_card(drawn, arguments.file, arguments.first_seed), encoding="utf-8")
    if arguments.sheet:
        sheet(drawn).save(arguments.sheet)
    print(json.dumps(shares(drawn)))


if __name__ == "__main__":
    main()
