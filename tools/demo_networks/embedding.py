"""Train a textual inversion for the demo model: "midnight" is a yellow shape on a black ground.

    python -m tools.demo_networks.embedding [--steps N] [--to FILE]

Needs the engine's packages; some five minutes on one CPU core. Gal et al. 2022: the model is frozen, the word learns.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from runtime.engine.tokenizer import END, token_ids
from tools.demo_model.drawings import SHAPES, Scene, draw
from tools.demo_networks.lessons import Pupil, learn, load_pupil, noise_loss, padded

NAME = "midnight"
TARGET = Path(__file__).resolve().parents[2] / "tests" / "runtime" / "assets" / f"{NAME}.safetensors"
COLOUR, GROUND = "yellow", "black"
VECTORS = 2
PICTURES = 64
BATCH = 8
SENTENCES = (f"a {NAME} {{}}", f"{{}}, {NAME}", f"a {{}} at {NAME}", f"{NAME} {{}}", f"a picture of a {NAME} {{}}")


def spoken(sentence: str) -> list[int]:
    """Token ids in which every place of the word's vectors is the end mark, which no sentence holds."""
    ids: list[int] = []
    before, _name, after = sentence.partition(NAME)
    ids += token_ids(before)
    ids += [END] * VECTORS
    return ids + token_ids(after)


class Word:
    """The vectors, put where `spoken` left their places while the text model reads."""

    def __init__(self, pupil: Pupil) -> None:
        table = pupil.text.embeddings.token_embedding
        begin = table.weight[token_ids("a shape")].detach()
        self.vectors = begin.clone().requires_grad_()
        self._places: list[int] = []
        table.register_forward_hook(self._put)

    def states(self, pupil: Pupil, sentences: list[str]) -> Tensor:
        spelled = [spoken(sentence) for sentence in sentences]
        self._places = [1 + ids.index(END) for ids in spelled]
        return pupil.states(torch.stack([padded(ids) for ids in spelled]))

    def _put(self, _table: Any, _ids: Any, embedded: Tensor) -> Tensor:
        rows = []
        for row, at in zip(embedded, self._places, strict=True):
            rows.append(torch.cat((row[:at], self.vectors, row[at + VECTORS :])))
        return torch.stack(rows)


def lesson(pupil: Pupil, word: Word) -> Callable[[random.Random], Tensor]:
    rng = random.Random(2)
    shapes = [SHAPES[k % len(SHAPES)] for k in range(PICTURES)]
    latents = pupil.latents([draw(Scene(shape, COLOUR, GROUND), 128, rng) for shape in shapes])

    def loss_of(rng: random.Random) -> Tensor:
        picked = rng.sample(range(PICTURES), BATCH)
        sentences = [rng.choice(SENTENCES).format(shapes[k]) for k in picked]
        return noise_loss(pupil.unet, latents[picked], word.states(pupil, sentences))

    return loss_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--rate", type=float, default=5e-3)
    parser.add_argument("--to", type=Path, default=TARGET)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    pupil = load_pupil()
    word = Word(pupil)
    learn([word.vectors], arguments.rate, arguments.steps, lesson(pupil, word))
    arguments.to.parent.mkdir(parents=True, exist_ok=True)
    save_file({"emb_params": word.vectors.detach()}, arguments.to)


if __name__ == "__main__":
    main()
