"""The planner: what is chosen for what there is, what is learnt, and that a plan is told and noted."""

import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from runtime.engine import passes
from runtime.engine.memory import Hardware, Settings, lanes, place
from runtime.engine.memory.hardware import Room
from runtime.engine.memory.ledger import Ledger, Outcome, spilled
from runtime.engine.memory.plan import Prediction, least, plan_job
from runtime.engine.memory.planner import Planner
from runtime.engine.memory.reasons import SENTENCES
from runtime.engine.precision import Precision
from runtime.placement import BANDWIDTH, SLACK, SLOTS, Ground, ModelBytes, Needs, reserve

MIB = 1 << 20
#: of SD 1.x in float16 at 512 x 512, about
STRIPES = {None: 384, 16: 200, 4: 120, 1: 100}
NEEDS = Needs(
    ModelBytes(1639 * MIB, 20 * MIB, 94 * MIB),
    160 * MIB,
    ModelBytes(235 * MIB, 73 * MIB, 14 * MIB),
    130 * MIB,
    65 * MIB,
    5 * MIB,
    lambda rows: STRIPES[rows] * MIB,
)
#: the text models larger than what a step takes, as SDXL's are
LARGE_TEXT = replace(NEEDS, text=ModelBytes(1560 * MIB, 197 * MIB, 38 * MIB))
CARD = Hardware(cuda=True, capability=(8, 6))


def planned(mib, flags=None, reserved=0, needs=NEEDS, **known):
    flags = flags or Settings()
    ground = Ground(mib * MIB, reserved * MIB, **known)
    return plan_job(place(flags, CARD), flags, needs, ground)


@pytest.mark.parametrize(
    ("mib", "mode", "rows"),
    [(4000, "full", None), (2350, "full", 16), (2100, "medvram", None), (1700, "lowvram", None), (560, "lowvram", 16)],
)
def test_the_fastest_way_that_fits(mib, mode, rows):
    policy = planned(mib)
    assert (policy.mode, policy.vae_rows) == (mode, rows)
    assert policy.predicted.peak_bytes <= mib * MIB


@settings(deadline=None)
@given(some.integers(200, 6000), some.integers(0, 600), some.floats(1.0, 2.0), some.sampled_from([NEEDS, LARGE_TEXT]))
def test_what_is_said_to_fit_leaves_the_reserve_alone_and_more_memory_is_never_slower(mib, reserved, correction, needs):
    one, other = (planned(size, needs=needs, reserved=reserved, correction=correction) for size in (mib, mib + 64))
    budget, flags = (mib - reserved) * MIB, Settings()
    ground = Ground(mib * MIB, reserved * MIB, correction)
    if least(place(flags, CARD), flags, needs, ground) <= budget:
        assert one.predicted.peak_bytes <= budget
        order = ("full", "medvram", "lowvram")
        assert order.index(other.mode) <= order.index(one.mode)
        if one.mode == other.mode == "lowvram" and one.batch_cond_uncond == other.batch_cond_uncond:
            assert other.resident >= one.resident
            assert other.text_resident is None or other.text_resident >= one.text_resident >= 0


@pytest.mark.parametrize(
    ("flags", "mode"), [({"medvram": True}, "medvram"), ({"lowvram": True}, "lowvram"), ({}, "full")]
)
def test_flags_say_where_the_planner_begins(flags, mode):
    assert planned(24000, Settings(**flags)).mode == mode
    assert planned(900, Settings(**flags)).mode == "lowvram"


def test_prompts_are_taken_apart_only_where_nothing_else_is_left():
    assert planned(345).batch_cond_uncond is False
    assert planned(345, Settings(always_batch_cond_uncond=True)).batch_cond_uncond is None
    assert planned(600).batch_cond_uncond is None


def test_text_models_that_do_not_fit_come_by_pieces_and_are_no_longer_the_least():
    fits, pieces = (planned(size, needs=LARGE_TEXT) for size in (1600, 800))
    assert (fits.mode, fits.text_resident) == ("lowvram", None)
    assert pieces.mode == "lowvram"
    beside = LARGE_TEXT.text.loose + SLOTS * LARGE_TEXT.text.piece + round(LARGE_TEXT.reading * SLACK)
    assert pieces.text_resident + beside == 800 * MIB
    assert "Of the text models 0.51 GB stay on the device; 0.82 GB come ahead of need" in pieces.predicted.reason
    assert "text models" not in fits.predicted.reason
    flags, ground = Settings(), Ground(0, 0)
    lowest = least(place(flags, CARD), flags, LARGE_TEXT, ground)
    assert lowest == least(place(flags, CARD), flags, NEEDS, ground) < LARGE_TEXT.text.whole / 4
    assert planned(lowest // MIB + 1, needs=LARGE_TEXT).text_resident == 0 or lowest // MIB + 1 > beside // MIB


def test_copies_that_hide_behind_work_cost_nothing():
    slow, fast = (planned(900, step_seconds=seconds).predicted for seconds in (1.0, 0.01))
    assert slow.slowdown == 1.0
    assert fast.slowdown > 5
    assert fast.step_seconds == pytest.approx(0.01 * fast.slowdown)
    assert planned(900).predicted.slowdown is None


@pytest.mark.parametrize(
    ("mib", "flags", "said"),
    [
        (4000, {}, "All of it needs 2.40 GB and 3.91 GB can be had, so everything stays on the device."),
        (2350, {}, "The VAE works in strips of 128 pixels."),
        (2100, {}, "Everything on the device needs at least 2.13 GB and 2.05 GB can be had. Text models, U-Net"),
        (1700, {}, "--medvram needs at least 1.74 GB and 1.66 GB can be had. Of the U-Net 1.32 GB stay on the device"),
        (4000, {"medvram": True}, "--medvram was asked for; that needs 1.74 GB and 3.91 GB can be had."),
        (345, {}, "Prompt and negative prompt are drawn one after the other."),
        (100, {}, "Even the most sparing way is predicted to need 0.27 GB and 0.10 GB can be had; it is tried."),
    ],
)
def test_a_plan_says_why(mib, flags, said):
    policy = planned(mib, Settings(**flags))
    assert said in policy.predicted.reason
    assert {one.code for one in policy.predicted.reasons} <= set(SENTENCES)


def test_what_a_graph_copies_counts_where_steps_are_captured():
    needs, flags = replace(NEEDS, captured=50 * MIB), Settings()
    for mib, more in ((4000, 55), (900, 0)):
        ground = Ground(mib * MIB, 0)
        plain, captured = (plan_job(place(flags, CARD), flags, each, ground) for each in (NEEDS, needs))
        taken = [one.predicted.drawing_bytes - one.predicted.weights_bytes for one in (plain, captured)]
        assert taken[1] - taken[0] == more * MIB


def test_the_way_to_a_card_is_measured_once_and_kept(tmp_path, monkeypatch):
    from runtime.engine.memory import planner as module

    asked = []
    monkeypatch.setattr(module, "bytes_per_second", lambda device: asked.append(device) or 3e9)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "a card")
    file = tmp_path / "ledger.json"
    for _ in range(2):
        assert Planner(Settings(), file)._ledger(torch.device("cuda")).bytes_per_second == 3e9
    assert asked == [torch.device("cuda")], "the second start reads it"
    Planner(Settings(), file)._ledger(torch.device("cpu"))
    assert Ledger(file, "another").bytes_per_second == BANDWIDTH
    slow = planned(900, step_seconds=0.1, bytes_per_second=3e9).predicted
    assert slow.slowdown > planned(900, step_seconds=0.1).predicted.slowdown


def test_a_processor_has_no_way_to_be_measured(tmp_path):
    assert lanes.bytes_per_second(torch.device("cpu")) is None
    ledger = Ledger(tmp_path / "ledger.json", "cpu")
    ledger.measure(lambda: lanes.bytes_per_second(torch.device("cpu")))
    assert ledger.bytes_per_second == BANDWIDTH
    assert not (tmp_path / "ledger.json").exists()


def test_a_second_plan_of_the_same_looks_at_no_weight(model, monkeypatch):
    from runtime.engine.memory import needs as module
    from runtime.engine.memory.needs import Models, Picture, needs_of

    models = Models(*(model.store.modules(name)[0] for name in ("unet", "vae")), model.store.modules("text"))
    asked = (models, Precision(), Picture(64, 64), "sdp", "cuda", False, True)
    first = needs_of(*asked)
    decoded = first.decoding(None)
    monkeypatch.setattr(module, "piece_sizes", lambda *_asked: pytest.fail("counted again"))
    monkeypatch.setattr(module.traces, "peak", lambda *_asked: pytest.fail("traced again"))
    again = needs_of(*asked)
    assert (again.unet, again.drawing, again.captured) == (first.unet, first.drawing, first.captured)
    assert again.decoding(None) == decoded


def test_the_reserve_is_smaller_where_there_is_little():
    assert reserve(8192 * MIB, 8192 * MIB, windows=False) == round(8192 * MIB * 0.04)
    assert reserve(8192 * MIB, 8192 * MIB, windows=True) == round(8192 * MIB * 0.04) + 400 * MIB
    assert reserve(600 * MIB, 24 * 1024 * MIB, windows=True) == 75 * MIB


def test_a_ledger_learns_and_remembers(tmp_path, capsys):
    file = tmp_path / "ledger.json"
    ledger = Ledger(file, "card")
    assert (ledger.correction, ledger.step_seconds("work")) == (SLACK, None)
    predicted = Prediction(9000 * MIB, drawing_bytes=3100 * MIB, weights_bytes=2000 * MIB)
    ledger.note("work", predicted, Outcome(3300 * MIB, 0.5))
    assert "predicted 9000 MiB, measured 3300 MiB" in capsys.readouterr().err
    again = Ledger(file, "card")
    assert again.correction == pytest.approx(1.3, abs=1e-3)
    assert again.step_seconds("work") == 0.5
    assert Ledger(file, "another").correction == SLACK


@pytest.mark.parametrize(
    "told",
    ["[nothing", "[" * 100_000, '{"card": 5}', '{"card": {"ratios": 5, "steps": [1]}}',
     '{"card": {"ratios": [null, "2", NaN, true], "steps": {"work": "soon"}, "bytes_per_second": -1.0}}'],
)  # fmt: skip
def test_what_a_broken_ledger_says_is_forgotten(tmp_path, told):
    file = tmp_path / "ledger.json"
    file.write_text(told)
    ledger = Ledger(file, "card")
    assert (ledger.correction, ledger.step_seconds("work")) == (SLACK, None)
    assert ledger.bytes_per_second == BANDWIDTH
    ledger.note("work", Prediction(), Outcome(None, 0.5))
    assert Ledger(file, "card").step_seconds("work") == 0.5


@pytest.mark.parametrize("mib", [4000, 2100, 900])
def test_a_u_net_that_takes_less_than_predicted_does_not_speak_for_the_autoencoder(mib):
    """Whatever the mode; the measured peak is the U-Net's, which in the full mode is not the job's."""
    predicted = planned(mib).predicted
    assert predicted.weights_bytes < predicted.drawing_bytes <= predicted.peak_bytes
    ledger = Ledger(None, "card")
    ledger.note("work", predicted, Outcome(predicted.drawing_bytes - 20 * MIB, 0.5))
    assert ledger.correction == SLACK
    ledger.note("work", predicted, Outcome(predicted.drawing_bytes + 30 * MIB, 0.5))
    assert ledger.correction > 1.3


def test_a_spill_is_a_step_far_longer_than_the_plan_allows():
    assert spilled(4.0, 1.0, 1.0, windows=True)
    assert not spilled(4.0, 1.0, 2.0, windows=True)
    assert not spilled(4.0, 1.0, None, windows=True)
    assert not spilled(4.0, 1.0, 1.0, windows=False)


def test_a_run_is_planned_told_to_the_store_and_noted(model, tmp_path, capsys, monkeypatch):
    from runtime.engine.easel import Easel
    from runtime.engine.generate import generate
    from runtime.engine.memory import planner as module
    from runtime.engine.saving import Outputs
    from runtime.request import Request

    monkeypatch.setattr(module, "room", lambda _device: Room(1 << 24, 0))
    planner, order, decode = Planner(Settings(), tmp_path / "ledger.json"), [], passes.autoencoder.decode
    lend = model.store.lend
    monkeypatch.setattr(model.store, "lend", lambda name: order.append(name) or lend(name))
    monkeypatch.setattr(planner, "begin", lambda _store: order.append("begin"))
    monkeypatch.setattr(planner, "before_decoding", lambda _store: order.append("before"))
    monkeypatch.setattr(passes.autoencoder, "decode", lambda *asked: order.append("decode") or decode(*asked))
    request = Request(prompt="a", steps=2, width=64, height=64, save=False, save_grid=False)
    before = model.store.policy
    try:
        generate(request, Easel(model, Outputs(tmp_path), planner=planner), lambda _step: None, lambda: None)
        told = model.store.policy
    finally:
        model.store.prepare(before)
    assert order == ["text", "unet", "begin", "before", "decode", "vae"], "what is measured is the U-Net's alone"
    assert told.predicted.peak_bytes > model.store.nbytes
    err = capsys.readouterr().err
    assert f"predicted {told.predicted.peak_bytes // MIB} MiB, measured not told" in err
    assert f": {told.predicted.reason}" in err
    assert "Even the most sparing way is predicted to need 0.03 GB and 0.02 GB can be had; it is tried." in err
    assert (tmp_path / "ledger.json").exists()


@pytest.mark.parametrize("check_numbers", [True, False])
def test_a_step_has_ended_when_its_time_is_noted(model, tmp_path, monkeypatch, check_numbers):
    """A card is told of steps long before it has done them; nothing else need wait for the last."""
    from runtime.engine.easel import Easel
    from runtime.engine.generate import generate
    from runtime.engine.saving import Outputs
    from runtime.request import Request

    slow = SimpleNamespace(mark=lambda: SimpleNamespace(wait=lambda: time.sleep(0.4)))
    monkeypatch.setattr("runtime.engine.run.queue_of", lambda _device: slow)
    planner, seen = Planner(Settings(), tmp_path / "ledger.json"), []
    monkeypatch.setattr(planner, "learn", lambda *told: seen.append(told[-1]))
    monkeypatch.setattr(model.store, "policy", replace(model.store.policy, check_numbers=check_numbers))
    request = Request(prompt="a", steps=1, width=64, height=64, save=False, save_grid=False)
    generate(request, Easel(model, Outputs(tmp_path), planner=planner), lambda _step: None, lambda: None)
    assert seen
    assert seen[0] >= 0.4


def test_a_processor_with_room_foretells_its_steps_and_no_memory(model, tmp_path, capsys, monkeypatch):
    from runtime.engine.memory import planner as module
    from runtime.engine.memory.needs import Picture

    monkeypatch.setattr(module, "room", lambda _device: Room(1 << 40, 0))
    file, picture, before = tmp_path / "ledger.json", Picture(64, 64), model.store.policy
    try:
        Planner(Settings(), file).prepare(model.store, "sd1", picture)
        Planner(Settings(), file).learn(model.store, "sd1", picture, 0.25)
        Planner(Settings(), file).prepare(model.store, "sd1", picture)
        assert model.store.policy.predicted.step_seconds == 0.25
        Planner(Settings(), file).learn(model.store, "sd1", picture, 0.2)
        assert "a step: predicted 0.250 s, measured 0.200 s." in (said := capsys.readouterr().err)
        assert "MiB, measured" not in said
        model.store.make_room()
        Planner(Settings(), file).learn(model.store, "sd1", picture, 0.1)
        assert capsys.readouterr().err == "", "a run that lacked memory teaches nothing"
    finally:
        model.store.prepare(before)


def test_captured_steps_are_let_go_where_a_picture_might_want_their_memory(monkeypatch):
    from runtime.engine.memory import planner as module

    freed, copies, device = [], [4], torch.device("cuda")
    monkeypatch.setattr(module, "free_memory", lambda: freed.append(1))
    monkeypatch.setattr(module, "bytes_in_graphs", lambda: copies[0])
    planner = Planner(Settings())
    for free, needed, captured in ((120, 50, 60), (119, 50, 60), (119, 50, 0)):
        monkeypatch.setattr(module, "room", lambda _device, free=free: Room(free, 6))
        planner._captured = captured
        planner._release_captured(needed, device)
        assert (planner._captured, freed) == ((60, []) if free == 120 else (0, [1])), "60, 4, 50 and 6 to be left alone"
    copies[0], planner._captured = 0, 60
    planner._release_captured(1000, device)
    assert (planner._captured, freed) == (0, [1]), "somebody else has let them go"


def test_what_no_way_can_do_is_refused_with_the_least_that_would(monkeypatch, model):
    from runtime.engine.memory import planner as module
    from runtime.engine.memory.needs import Models, Picture
    from runtime.request import RequestError

    monkeypatch.setattr(module, "room", lambda _device: Room(MIB // 8, 0))
    monkeypatch.setattr(module, "bytes_per_second", lambda _device: None)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "a card")
    models = Models(*(model.store.modules(name)[0] for name in ("unet", "vae")), model.store.modules("text"))
    on_card = replace(place(Settings(), CARD), device="cuda")
    with pytest.raises(RequestError) as refused:
        Planner(Settings()).plan(on_card, models, "sd1", Picture(512, 512))
    assert refused.value.code == "too-little-memory"
    assert "needs at least" in refused.value.message


def test_what_cross_attention_holds_of_the_prompts_is_counted(model):
    from runtime.engine.architecture import Attention
    from runtime.engine.memory.needs import sizes
    from runtime.engine.texts import Texts

    (unet,) = model.store.modules("unet")
    texts = Texts(torch.zeros(4, 77, unet.config.cross_attention_dim))
    with torch.inference_mode():
        unet(torch.zeros(4, 4, 8, 8), torch.zeros(4), texts, None, None)
    assert all(isinstance(layer, Attention) for layer in texts.made)
    held = sum(one.nbytes for pair in texts.made.values() for one in pair)
    assert held == 4 * sizes(unet, torch.float32).keys_values > 0
