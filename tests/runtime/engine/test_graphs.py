"""Captured steps, with a recorder in CUDA's place: what is replayed reads the memory that it was captured with."""

import logging
from dataclasses import replace

import pytest
import torch

from runtime.engine.architecture import UNet, UNetConfig
from runtime.engine.conditioning import Condition
from runtime.engine.easel import Easel
from runtime.engine.generate import generate
from runtime.engine.graphs import _OF_MODELS, Graphs, ask, build_of, bytes_in_graphs, graphs_of
from runtime.engine.model import Model
from runtime.engine.saving import Outputs
from runtime.engine.shortage import free_memory
from runtime.engine.texts import KEPT_CALLS, Bookshelf, Texts
from runtime.request import Request
from tests.runtime.engine.drawing import pixels

SMALL = Request(prompt="a cat", steps=3, width=64, height=64, seed=1, save=False)


class Recorder:
    """Captures as CUDA does: nothing is computed by the capture, and every replay does all of it anew."""

    captures = True

    def __init__(self, failure=None):
        self.warmed = self.captured = self.replayed = self.released = 0
        self.failure = failure

    def warm(self, body):
        self.warmed += 1
        return body()

    def capture(self, body):
        if self.failure is not None:
            raise self.failure
        self.captured += 1
        made = torch.full_like(body(), float("nan"))
        return Recording(self, body, made), made


class Recording:
    def __init__(self, recorder, body, made):
        self.recorder, self.body, self.made = recorder, body, made

    def replay(self):
        self.recorder.replayed += 1
        self.made.copy_(self.body())

    def release(self):
        self.recorder.released += 1
        self.made.fill_(float("nan"))


@pytest.fixture(scope="module")
def unet():
    torch.manual_seed(0)
    shape = UNetConfig(
        (32, 64),
        ("CrossAttnDownBlock2D", "DownBlock2D"),
        cross_attention_dim=16,
        layers_per_block=1,
    )
    return UNet(shape).eval().requires_grad_(False)


def texts(seed, tokens=77):
    return Texts(torch.randn(2, tokens, 16, generator=torch.Generator().manual_seed(seed)))


def latents(seed, size=8):
    return torch.randn(2, 4, size, size, generator=torch.Generator().manual_seed(seed))


def test_a_shape_is_drawn_then_captured_then_replayed_and_always_the_same(unet):
    recorder = Recorder()
    graphs, build, one, other = Graphs(recorder), build_of(unet), texts(1), texts(2)
    # captured with texts that nothing was made of before
    asked = [(latents(1), 900.0, one), (latents(2), 800.0, other), (latents(3), 700.0, other), (latents(4), 1.0, one)]
    made = [graphs.draw(unet, build, *each) for each in asked]
    assert (recorder.warmed, recorder.captured, recorder.replayed) == (1, 1, 3)
    for each, got in zip(asked, made, strict=True):
        assert torch.equal(got, ask(unet, *each))


def test_what_is_remembered_of_the_texts_changes_no_bit(unet):
    remembered = texts(1)
    for seed, time in ((1, 999.0), (2, 500.0), (3, 1.0)):
        times = torch.full((2,), time)
        assert torch.equal(ask(unet, latents(seed), time, remembered), unet(latents(seed), times, remembered.states))
    assert len(remembered.made) == 4


def test_other_shapes_have_graphs_of_their_own_and_the_oldest_goes(unet):
    recorder = Recorder()
    graphs, build = Graphs(recorder, most=2), build_of(unet)
    for size in (8, 16, 24):
        for _ in range(3):
            graphs.draw(unet, build, latents(1, size), 5.0, texts(1))
    graphs.draw(unet, build, latents(1), 5.0, texts(1, tokens=154))
    assert (recorder.warmed, recorder.captured, recorder.replayed, recorder.released) == (4, 3, 6, 1)
    got = graphs.draw(unet, build, latents(7, 16), 5.0, texts(3))
    assert recorder.captured == 3
    assert torch.equal(got, ask(unet, latents(7, 16), 5.0, texts(3)))


def test_weights_that_change_in_place_are_seen_and_weights_that_move_end_the_graph(unet):
    recorder = Recorder()
    graphs, build = Graphs(recorder), build_of(unet)
    for _ in range(2):
        graphs.draw(unet, build, latents(1), 5.0, texts(1))
    before = unet.mid_block.attentions[0].proj_in.weight.clone()
    unet.mid_block.attentions[0].proj_in.weight.mul_(2)
    assert build_of(unet) == build
    doubled = graphs.draw(unet, build, latents(1), 5.0, texts(1))
    assert torch.equal(doubled, ask(unet, latents(1), 5.0, texts(1)))
    unet.mid_block.attentions[0].proj_in.weight = torch.nn.Parameter(before, requires_grad=False)
    moved = build_of(unet)
    assert moved != build
    graphs.draw(unet, moved, latents(1), 5.0, texts(1))
    assert (recorder.captured, recorder.released, recorder.warmed) == (1, 1, 2)


def test_attention_and_padding_belong_to_a_build_and_hooks_allow_none(unet):
    build = build_of(unet)
    attention = unet.mid_block.attentions[0].transformer_blocks[0].attn1
    was, attention.attend = attention.attend, lambda query, _key, _value: query
    assert build_of(unet) != build
    attention.attend = was
    unet.conv_in.padding_mode = "circular"
    assert build_of(unet) != build
    unet.conv_in.padding_mode = "zeros"
    hook = attention.to_k.register_forward_pre_hook(lambda _layer, inputs: inputs)
    assert build_of(unet) is None
    hook.remove()
    assert build_of(unet) == build
    recorder = Recorder()
    assert torch.equal(
        Graphs(recorder).draw(unet, None, latents(1), 5.0, texts(1)), ask(unet, latents(1), 5.0, texts(1))
    )
    assert recorder.warmed == 0


def test_a_capture_that_fails_costs_a_sentence_and_no_picture(unet, caplog):
    failure = RuntimeError("operation not permitted when stream is capturing")
    recorder = Recorder(failure)
    graphs, build = Graphs(recorder), build_of(unet)
    with caplog.at_level(logging.WARNING):
        made = [graphs.draw(unet, build, latents(1), 5.0, texts(1)) for _ in range(4)]
    assert all(torch.equal(one, made[0]) for one in made)
    assert [record.getMessage() for record in caplog.records] == [
        f"The step could not be captured as a CUDA graph, and is launched piece by piece: {failure}"
    ]


def test_a_capture_without_memory_is_tried_again_once_some_was_given_back(unet, caplog, monkeypatch):
    recorder = Recorder(torch.OutOfMemoryError("full"))
    graphs, build = Graphs(recorder), build_of(unet)
    monkeypatch.setitem(_OF_MODELS, unet, graphs)
    with caplog.at_level(logging.WARNING):
        for size in (16, 16, 16, 16, 24):
            graphs.draw(unet, build, latents(1, size), 5.0, texts(1))
    assert [record.getMessage() for record in caplog.records] == [
        "There was no memory left to capture the step as a CUDA graph; for now it is launched piece by piece."
    ]
    recorder.failure = None
    for _ in range(2):
        graphs.draw(unet, build, latents(1), 5.0, texts(1))
    assert recorder.captured == 1, "what is smaller may fit"
    graphs.draw(unet, build, latents(1, 16), 5.0, texts(1))
    assert (recorder.captured, recorder.warmed) == (1, 2)
    free_memory()
    for _ in range(2):
        again = graphs.draw(unet, build, latents(1, 16), 5.0, texts(1))
    assert (recorder.captured, recorder.replayed) == (2, 2)
    assert torch.equal(again, ask(unet, latents(1, 16), 5.0, texts(1)))


def test_what_graphs_copy_of_the_texts_is_told(unet, monkeypatch):
    graphs, build, read = Graphs(Recorder()), build_of(unet), texts(1)
    monkeypatch.setitem(_OF_MODELS, unet, graphs)
    assert bytes_in_graphs() == 0
    for _ in range(2):
        graphs.draw(unet, build, latents(1), 5.0, read)
    held = sum(one.nbytes for pair in read.made.values() for one in pair)
    assert bytes_in_graphs() == held > 0
    free_memory()
    assert bytes_in_graphs() == 0


def test_graphs_are_given_up_where_memory_is_short(unet, monkeypatch):
    recorder = Recorder()
    assert unet not in _OF_MODELS
    monkeypatch.setattr("runtime.engine.graphs.queue_of", lambda _device: recorder)
    graphs, build = graphs_of(unet, torch.device("cuda")), build_of(unet)
    for _ in range(3):
        graphs.draw(unet, build, latents(1), 5.0, texts(1))
    free_memory()
    assert recorder.released == 1
    again = graphs.draw(unet, build, latents(1), 5.0, texts(1))
    assert (recorder.warmed, recorder.captured) == (2, 1)
    assert torch.equal(again, ask(unet, latents(1), 5.0, texts(1)))


def condition(value):
    return Condition(torch.full((1, 77, 16), float(value)))


def test_keys_and_values_are_made_once_while_words_alternate():
    shelf, one, other = Bookshelf(), condition(1), condition(2)
    first = shelf.take([one], 2, torch.float32, 0)
    second = shelf.take([other], 2, torch.float32, 1)
    assert first.states.shape == (2, 77, 16)
    assert shelf.take([one], 2, torch.float32, 2) is first
    assert shelf.take([other], 2, torch.float32, 3) is second
    assert shelf.take([one, other], 2, torch.float32, 3) is not first
    assert shelf.take([other], 2, torch.float32, 3 + KEPT_CALLS) is second
    assert shelf.take([one], 2, torch.float32, 4 + KEPT_CALLS) is not first


REQUESTS = {
    "edited": {"prompt": "a [red:blue:2] cat", "steps": 4},
    "alternating": {"prompt": "a [red|blue] cat", "steps": 5},
    "parts": {"prompt": "a cat AND a dog :0.5", "negative_prompt": "long " * 90, "steps": 3},
    "tiled": {"tiling": True, "steps": 3, "width": 96},
    "left out": {"s_min_uncond": 20.0, "steps": 4},
    "two calls": {"sampler_name": "Heun", "steps": 3},
}


@pytest.mark.parametrize("name", REQUESTS)
def test_pictures_are_the_same_to_the_last_bit(model, tmp_path, monkeypatch, name):
    """Drawn with graphs, and without; each again, for the graphs are captured by then."""
    captured = Model(model.title, model.path, model.store, model.traits)
    recorder = Recorder()
    shared = Graphs(recorder)
    monkeypatch.setattr("runtime.engine.run.graphs_of", lambda _unet, _device: shared)
    asked = replace(SMALL, **REQUESTS[name])

    def draw(graphs):
        monkeypatch.setattr(model.store, "policy", replace(model.store.policy, graphs=graphs))
        return pixels(generate(asked, Easel(captured, Outputs(tmp_path)), lambda _: None, lambda: None).pictures[0])

    plain, first, again = draw(False), draw(True), draw(True)
    assert recorder.replayed > 0
    assert (plain == first).all()
    assert (plain == again).all()
