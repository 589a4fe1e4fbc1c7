"""What is asked of torch about a card, with torch's own front over a stand-in: no card is at hand."""

import sys
from types import ModuleType

import pytest
import torch

from runtime.engine.checkpoint import load_checkpoint
from runtime.engine.memory import Settings, look, place
from runtime.engine.memory.hardware import room
from runtime.engine.memory.needs import Models, Picture, needs_of
from runtime.engine.memory.planner import Planner
from runtime.engine.precision import Precision
from tests.runtime.engine.card import GIB, put_in


@pytest.mark.parametrize("name", ["cuda", "cuda:1"])
def test_the_room_on_a_card_is_known_with_and_without_its_number(monkeypatch, name):
    card = put_in(monkeypatch, count=2, reserved=GIB // 2)
    assert room(torch.device(name)).free == 7 * GIB + GIB // 2
    card.fraction = 0.25
    assert room(torch.device(name)).free == 2 * GIB


@pytest.mark.parametrize("settings", [Settings(), Settings(device_id="1")])
def test_a_checkpoint_is_planned_for_a_card(monkeypatch, checkpoint_file, settings):
    checkpoint = load_checkpoint(checkpoint_file)
    put_in(monkeypatch, count=2)
    policy = Planner(settings).first(place(settings, look()), checkpoint)
    assert (policy.mode, policy.graphs) == ("full", True)
    assert 0 < policy.predicted.peak_bytes < GIB


def test_a_step_with_xformers_is_foretold_though_its_operators_run_on_cards_alone(monkeypatch, checkpoint_file):
    def memory_efficient_attention(query, *_other):
        raise NotImplementedError(f"No operator found: device={query.device.type} (supported: {{'cuda'}})")

    for name in ("xformers", "xformers.ops"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    sys.modules["xformers.ops"].memory_efficient_attention = memory_efficient_attention
    found = load_checkpoint(checkpoint_file)
    models = Models(found.unet, found.vae, found.texts)
    theirs, ours = (
        needs_of(models, Precision(), Picture(72, 72), name, "cuda", False, False) for name in ("xformers", "sdp")
    )
    assert theirs.drawing == ours.drawing > 0
