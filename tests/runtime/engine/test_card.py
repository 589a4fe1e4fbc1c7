"""What is asked of torch about a card, with torch's own front over a stand-in: no card is at hand."""

import shutil
import sys
from dataclasses import dataclass
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

CUDA = torch.device("cuda")


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
    device = CUDA
    as_planned = True
    on_disk = False

    def modules(self, name):
        return self.model.store.modules(name)

    def dtype(self, _name):
        return torch.float16

    def prepare(self, policy):
        self.policy = policy


@dataclass
class Drawing:
    """On a card's stand-in, with a recorder in its graphs' place; every draw is one call of the U-Net."""

    store: OnCard
    planner: Planner
    recorder: Recorder
    picture = Picture(512, 512)

    def __post_init__(self):
        (self.unet,) = self.store.modules("unet")
        self.graphs = Graphs(self.recorder)

    def prepare(self):
        self.planner.prepare(self.store, "sd1", self.picture)
        self.planner.begin(self.store)
        return self.store.policy.predicted

    def draw(self, calls):
        latents, texts = torch.zeros(2, 4, 8, 8), Texts(torch.zeros(2, 77, self.unet.config.cross_attention_dim))
        for _ in range(calls):
            self.graphs.draw(self.unet, build_of(self.unet), latents, 5.0, texts)


@pytest.fixture
def drawing(monkeypatch, model):
    put_in(monkeypatch)
    found = Drawing(OnCard(model, place(Settings(), look())), Planner(Settings()), Recorder())
    monkeypatch.setitem(_OF_MODELS, found.unet, found.graphs)
    return found


@pytest.mark.parametrize(("more", "released"), [(0, 0), (-1, 1)])
def test_steps_captured_in_a_run_give_way_to_the_autoencoder_where_both_do_not_fit(
    monkeypatch, drawing, more, released
):
    foretold = drawing.prepare()
    assert (drawing.store.policy.mode, drawing.store.policy.graphs) == ("full", True)
    drawing.draw(2)
    # what the step was captured in, the copies that it reads, and what decoding takes beside them
    drawn = foretold.drawing_bytes - foretold.weights_bytes
    both = drawn + bytes_in_graphs() + foretold.decoding_bytes
    put_in(monkeypatch, free=both + more)
    monkeypatch.setattr(hardware, "reserve", lambda *_asked: 0)
    drawing.planner.before_decoding(drawing.store)
    assert drawing.recorder.released == released
    assert foretold.peak_bytes < both, "each by itself fits"


def test_the_peak_of_steps_that_were_only_replayed_teaches_nothing(monkeypatch, drawing, capsys):
    for peak_of_steps, learnt in ((1.5, 1.5), (0.1, 1.5), (0.1, 1.5)):
        card = put_in(monkeypatch, peak=5 * GIB)
        foretold = drawing.prepare()
        assert card.peak == 0, "what texts and pictures took before is forgotten"
        traced = (foretold.drawing_bytes - foretold.weights_bytes) / drawing.planner._ledger(CUDA).correction
        drawing.draw(3)
        card.peak = foretold.weights_bytes + round(peak_of_steps * traced)
        drawing.planner.learn(drawing.store, "sd1", drawing.picture, 0.1)
        assert drawing.planner._ledger(CUDA).correction == pytest.approx(learnt, abs=1e-3)
        assert ("not told" in capsys.readouterr().err) == (peak_of_steps < 1)
    assert (drawing.recorder.captured, drawing.recorder.replayed) == (1, 8)
    # another step's copies lie there too
    card, foretold = put_in(monkeypatch), drawing.prepare()
    traced = (foretold.drawing_bytes - foretold.weights_bytes) / drawing.planner._ledger(CUDA).correction
    assert bytes_in_graphs() > traced / 1000
    card.peak = foretold.weights_bytes + round(1.6 * traced) + bytes_in_graphs()
    drawing.planner.learn(drawing.store, "sd1", drawing.picture, 0.1)
    assert drawing.planner._ledger(CUDA).correction == pytest.approx(1.6, abs=1e-4)
    drawing.graphs.forget()
    drawing.planner.begin(drawing.store)
    drawing.draw(3)
    assert drawing.graphs.seen, "captured anew"
