"""The demo model with what tools/demo_networks trained for it: LoRA and embedding change what they should."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runtime.engine.checkpoint import load_checkpoint
from runtime.engine.easel import Easel
from runtime.engine.generate import generate
from runtime.engine.memory import Hardware, Settings, Store, place
from runtime.engine.model import Model
from runtime.engine.saving import Outputs
from runtime.networks import lora_hash
from runtime.request import Request
from runtime.safetensors_header import read_header
from tests.runtime.engine.network_files import wardrobe
from tools.demo_model.drawings import COLOURS
from tools.demo_model.judge import Verdict, judge
from tools.demo_networks.lessons import DEMO

ASSETS = Path(__file__).resolve().parents[1] / "assets"
LORA, EMBEDDING = ASSETS / "gesso-outline.safetensors", ASSETS / "midnight.safetensors"
PLAIN = "a red circle on a white background"


@pytest.fixture(scope="module")
def easel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    for file, place_in in ((LORA, folder / "models" / "Lora"), (EMBEDDING, folder / "embeddings")):
        place_in.mkdir(parents=True)
        shutil.copy(file, place_in)
    placement = place(Settings(), Hardware())
    checkpoint = load_checkpoint(DEMO, placement.precision)
    model = Model(checkpoint.title, checkpoint.path, Store(checkpoint, placement), checkpoint.traits)
    return Easel(model, Outputs(folder), wardrobe=wardrobe(folder), embeddings=(folder / "embeddings",))


def draw(easel, prompt, seed=7, count=1, negative=""):
    """Result and pictures."""
    request = Request(prompt, negative, steps=12, seed=seed, batch_size=count, save=False, save_grid=False)
    result = generate(request, easel, lambda _step: None, lambda: None)
    pictures = result.pictures[result.index_of_first_image :]
    return result, [Image.open(io.BytesIO(picture.data)).convert("RGB") for picture in pictures]


def middle(picture):
    """The name of the colour that the object's middle has."""
    pixels = np.asarray(picture, dtype=float)
    seen = judge(picture)
    away = np.abs(pixels - COLOURS[seen.ground]).sum(-1) > 150
    y, x = (int((places.min() + places.max()) / 2) for places in np.nonzero(away))
    colour = pixels[y - 3 : y + 4, x - 3 : x + 4].mean((0, 1))
    return min(COLOURS, key=lambda name: float(((colour - COLOURS[name]) ** 2).sum()))


def same(one, other):
    return np.array_equal(np.asarray(one), np.asarray(other))


def test_the_lora_draws_outlines_and_comes_off_again(easel):
    _, (plain,) = draw(easel, PLAIN)
    result, (outlined,) = draw(easel, f"{PLAIN} <lora:gesso-outline:1>")
    assert (judge(plain).colour, judge(plain).ground, middle(plain)) == ("red", "white", "red")
    assert (judge(outlined).colour, judge(outlined).ground, middle(outlined)) == ("red", "white", "white")
    digits = lora_hash(LORA, read_header(LORA).metadata)
    assert f'Lora hashes: "gesso-outline: {digits}"' in result.pictures[0].infotext
    _, (at_zero,) = draw(easel, f"{PLAIN} <lora:gesso-outline:0>")
    _, (again,) = draw(easel, PLAIN)
    assert same(plain, at_zero)
    assert same(plain, again)


def test_other_shapes_by_the_name_that_its_maker_gave_it(easel):
    for prompt, colour, ground in (
        ("a blue square on a yellow background", "blue", "yellow"),
        ("a black triangle on a green background", "black", "green"),
    ):
        _, (picture,) = draw(easel, f"{prompt}<lora:outline:1>", seed=3)
        assert (judge(picture).colour, judge(picture).ground, middle(picture)) == (colour, ground, ground)


@pytest.mark.parametrize(("prompt", "shape"), [("a midnight star", "star"), ("square, MIDNIGHT", "square")])
def test_the_embedding_gives_its_colours_to_the_shape(easel, prompt, shape):
    result, (picture,) = draw(easel, prompt)
    assert judge(picture) == Verdict("yellow", "black", shape)
    assert "TI hashes: " in result.pictures[0].infotext


def test_without_the_embedding_the_word_means_something_else(easel):
    alone = Easel(easel.model, easel.outputs)
    _, (picture,) = draw(alone, "a midnight star")
    assert judge(picture) != Verdict("yellow", "black", "star")


def test_both_together(easel):
    _, (picture,) = draw(easel, "a midnight circle <lora:outline:1>", seed=5)
    assert (judge(picture).colour, judge(picture).ground, middle(picture)) == ("yellow", "black", "black")


def test_the_files_are_small_and_say_what_they_are():
    header = read_header(LORA)
    assert LORA.stat().st_size + EMBEDDING.stat().st_size < 500_000
    assert header.metadata["sshs_model_hash"][:12] == lora_hash(LORA, {})
    assert json.loads(header.metadata["ss_network_dim"]) == 4
    assert sum(name.endswith(".lora_down.weight") for name in header.tensors) == 160
