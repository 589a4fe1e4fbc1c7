"""What is asked of torch about a card, with torch's own front over a stand-in: no card is at hand."""

import shutil
import sys
from dataclasses import dataclass, field
from types import ModuleType

import pytest
import torch

from runtime.channel import Message
from runtime.engine import checkpoint
from runtime.engine.checkpoint import load_checkpoint
from runtime.engine.graphs import _OF_MODELS, Graphs, build_of, bytes_in_graphs
from runtime.engine.memory import Policy, Settings, hardware, look, occupy, place
from runtime.engine.memory.hardware import room
from runtime.engine.memory.needs import Models, Picture, needs_of
from runtime.engine.memory.planner import Planner
from runtime.engine.model import Model
from runtime.engine.precision import Precision
from runtime.engine.texts import Texts
from runtime.request import RequestError
from runtime.worker import Worker
from runtime.worker_flags import parse
from tests.runtime.engine.card import GIB, put_in
from tests.runtime.engine.test_graphs import Recorder
from tests.runtime.engine.test_trouble import Channel


@pytest.mark.parametrize("name", ["cuda", "cuda:1"])
def test_the_room_on_a_card_is_known_with_and_without_its_number(monkeypatch, name):
    card = put_in(monkeypatch, count=2, reserved=GIB // 2)
    assert room(torch.device(name)).free == 7 * GIB + GIB // 2
    card.fraction = 0.25
    assert room(torch.device(name)).free == 2 * GIB


@pytest.mark.parametrize("told", ["2", "-1", "0,1", "first", "cuda:0"])
def test_a_card_that_is_not_there_is_refused_before_anything_is_read(
    monkeypatch, model, checkpoint_file, tmp_path, told
):
    put_in(monkeypatch, count=2)
    told = f"--device-id={told}"
    worker = Worker(Channel(), parse(["--data-dir", str(tmp_path), told, "7"]), model)
    monkeypatch.setattr(checkpoint, "load_checkpoint", lambda *_asked: pytest.fail("read"))
    other = tmp_path / "other.safetensors"
    shutil.copy(checkpoint_file, other)
    worker.obey(Message({"do": "load", "path": str(other)}))
    assert (worker.channel.said[-1]["code"], worker.model) == ("no-such-card", model)
    with pytest.raises(RequestError, match="no graphics card"):
        worker.upscaling_device()
    on_cpu = parse(["--data-dir", str(tmp_path), told, "--use-cpu", "all", "7"])
    assert Worker(Channel(), on_cpu).upscaling_device() == torch.device("cpu")


def test_the_card_that_draws_is_the_one_whose_capability_counts(monkeypatch):
    card = put_in(monkeypatch, count=2, capabilities={1: (6, 1)})
    assert place(Settings(), look()).graphs
    assert not place(Settings(device_id="1"), look("1")).graphs
    assert occupy(place(Settings(device_id="1"), look("1"))) == torch.device("cuda:1")
    assert card.current == 1


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


@dataclass
class OnCard:
    """As a Store, of a model whose weights lie elsewhere."""

    model: Model
    policy: Policy
    device: torch.device = field(default_factory=lambda: torch.device("cuda"))

    def modules(self, name):
        return self.model.store.modules(name)

    def dtype(self, _name):
        return torch.float16

    def prepare(self, policy):
        self.policy = policy


@pytest.mark.parametrize(("more", "released"), [(0, 0), (-1, 1)])
def test_steps_captured_in_a_run_give_way_to_the_autoencoder_where_both_do_not_fit(monkeypatch, model, more, released):
    card, recorder = put_in(monkeypatch), Recorder()
    store, planner, picture = OnCard(model, place(Settings(), look())), Planner(Settings()), Picture(512, 512)
    planner.prepare(store, "sd1", picture)
    (unet,), foretold = store.modules("unet"), store.policy.predicted
    assert (store.policy.mode, store.policy.graphs) == ("full", True)
    graphs = Graphs(recorder)
    monkeypatch.setitem(_OF_MODELS, unet, graphs)
    latents, texts = torch.zeros(2, 4, 8, 8), Texts(torch.zeros(2, 77, unet.config.cross_attention_dim))
    for _ in range(2):
        graphs.draw(unet, build_of(unet), latents, 5.0, texts)
    # what the step was captured in, the copies that it reads, and what decoding takes beside them
    drawn = foretold.drawing_bytes - foretold.weights_bytes
    both = drawn + bytes_in_graphs() + foretold.decoding_bytes
    card.free = both + more
    monkeypatch.setattr(hardware, "reserve", lambda *_asked: 0)
    planner.before_decoding(store)
    assert recorder.released == released
    assert foretold.peak_bytes < both, "each by itself fits"
