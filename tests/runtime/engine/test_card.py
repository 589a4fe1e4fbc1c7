"""What is asked of torch about a card, with torch's own front over a stand-in: no card is at hand."""

import pytest
import torch

from runtime.engine.checkpoint import load_checkpoint
from runtime.engine.memory import Settings, look, place
from runtime.engine.memory.hardware import room
from runtime.engine.memory.planner import Planner
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
