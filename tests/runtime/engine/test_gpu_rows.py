"""benchmarks/gpu.py on the CPU with small models: the rows run, and the table says what they found."""

import json
import math
import subprocess
import sys
from dataclasses import asdict
from types import SimpleNamespace

import pytest
import torch

from benchmarks import gpu
from runtime.engine.conditioning import Guidance, Timeline
from runtime.engine.graphs import build_of
from runtime.engine.guidance import View
from runtime.engine.schedules import levels_of
from runtime.engine.texts import Texts
from runtime.engine.traits import Traits
from tests.runtime.engine.card import GIB, put_in

BENCH = gpu.Bench(torch.device("cpu"), pairs=1, miniature=True)


@pytest.fixture(autouse=True)
def _inference():
    with torch.inference_mode():
        yield


def test_ours_and_diffusers_draw_with_the_same_weights_and_answer_alike():
    found = list(gpu.g1(BENCH))
    assert [(one.row, one.against) for one in found[1:]] == [("G1", "diffusers, eager")] * 2
    assert found[0].value < 0.01
    assert found[0].met
    assert all(one.value > 0 for one in found)


def test_pictures_are_finished_though_memory_runs_out_in_each():
    finished, drift = gpu.g5(BENCH)
    assert (finished.value, finished.met, drift.value) == (3.0, True, 0.0)
    assert "3 times" in finished.what


def test_a_card_that_holds_next_to_nothing_is_tried_with_all_that_can_come_by_pieces(monkeypatch):
    planned, plan = [], gpu.Ours.plan
    monkeypatch.setattr(gpu.Ours, "plan", lambda ours, *told, **more: planned.append(plan(ours, *told, **more)))
    found = list(gpu.g4(BENCH))
    assert {(one.mode, one.resident, one.text_resident, one.vae_rows) for one in planned} == {("lowvram", 0, 0, 1)}
    # on a CPU no cap is too small: the highest is all that is tried
    assert [one.value for one in found if one.unit == "GiB"] == [3.0, 3.0, 6.0, 6.0]
    assert [one.target for one in found] == [0.6, None, None, 1.0, None, None]
    assert all(one.value > 1 for one in found if one.unit == "x")


def test_the_u_net_has_nothing_hooked_into_it_that_would_forbid_a_graph_when_memory_runs_out():
    unet, events = Linked(3, 3), []
    view = View(unet, torch.float32, Traits(), levels_of(), Guidance((), Timeline(())))
    texts = Texts(torch.zeros(1, 77, 4))
    with gpu.shortage(BENCH, events):
        assert build_of(unet) is not None
        view.ask(torch.zeros(1, 3), 1.0, texts)
        with pytest.raises(torch.OutOfMemoryError):
            view.ask(torch.zeros(1, 3), 1.0, texts)
    view.ask(torch.zeros(1, 3), 1.0, texts)
    assert events == [1]


class Linked(torch.nn.Linear):
    def forward(self, latents, _times, _texts, _pooled, _sizes):
        return super().forward(latents)


@pytest.mark.parametrize(
    "lacking",
    [torch.OutOfMemoryError("CUDA out of memory."), RuntimeError("GET was unable to find an engine to execute this")],
)
def test_the_smallest_cap_is_found_by_halving(lacking):
    asked = []

    def draw(limit):
        asked.append(limit)
        if limit < 0.57:
            raise lacking

    assert 0.57 <= gpu.smallest(draw, 0.1, 3.0, 7) < 0.65
    assert asked[0] == 3.0
    assert gpu.smallest(lambda _limit: draw(0.1), 0.1, 3.0, 7) == math.inf


def test_a_fault_is_no_cap_that_is_too_small():
    def broken(_limit):
        raise RuntimeError("shape mismatch")

    with pytest.raises(RuntimeError, match="shape mismatch"):
        gpu.smallest(broken, 0.1, 3.0, 7)


def test_a_row_caps_the_card_and_lets_it_run_out(monkeypatch, tmp_path):
    card = put_in(monkeypatch, reserved=GIB)
    found = []

    def row(bench):
        gpu.cap(bench, 2 * GIB)
        found.append(card.fraction)
        with pytest.raises(NotImplementedError):  # what torch raises where it cannot ask a card for memory
            gpu.run_out(bench)
        found.append(card.fraction)
        gpu.cap(bench, None)
        found.append(card.fraction)
        yield gpu.Figure("G5", "capped", "-", (1.0,))

    monkeypatch.setitem(gpu.ROWS, "G5", row)
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--one", "G5", "--to", str(tmp_path / "row.json")])
    gpu.main()
    assert found == pytest.approx([0.25, 0.075, 1.0])
    assert [one["what"] for one in json.loads((tmp_path / "row.json").read_text())] == ["capped"]


def test_small_cards_begin_with_what_has_a_target_and_make_the_models_of_sdxl_once(monkeypatch):
    made, tried, init = [], [], gpu.Peer.__init__

    def counted(peer, bench, shapes, parts=None):
        made.extend([shapes.family] if parts is None else [])
        init(peer, bench, shapes, parts)

    def alternated(_bench, _ours, _theirs, _size, _steps, pairs):
        tried.append(pairs)
        if len(tried) == 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return [(gpu.Turn(1.0, 0.5, torch.zeros(1)), gpu.Turn(9.0, 2.0, torch.zeros(1)))] * pairs

    monkeypatch.setattr(gpu.Peer, "__init__", counted)
    monkeypatch.setattr(gpu, "alternate", alternated)
    monkeypatch.setattr(gpu.importlib.util, "find_spec", lambda _name: object())
    found = list(gpu.g3(BENCH))
    assert made == ["sd1", "sdxl", "sd1"]
    assert tried == [1, 2, 1, 2, 1, 1]
    assert [one.what.split()[0] for one in found] == ["sd1"] * 2 + ["sdxl"] * 3 + ["sd1"]
    assert [one.target for one in found] == [3.0, None, 3.0, 20.0, None, None]
    assert found[1].note == "does not fit: CUDA out of memory."
    assert found[2].values == (4.0,)


def test_another_peer_has_the_same_weights_and_moves_them_alone():
    peer = gpu.Peer(BENCH, gpu.shapes_of(BENCH, "sdxl"))
    other = peer.again()
    for mine, its in zip((peer.unet, peer.vae, *peer.texts), (other.unet, other.vae, *other.texts), strict=True):
        held = [one.data_ptr() for one in mine.parameters()]
        assert held == [one.data_ptr() for one in its.parameters()]
        its.to(torch.float64)
        assert held == [one.data_ptr() for one in mine.parameters()]
        assert {one.dtype for one in mine.parameters()} == {torch.float32}


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (subprocess.TimeoutExpired("gpu.py", 100), "cut after 100 s"),
        (subprocess.CompletedProcess([], -11), "ended with -11"),
        (subprocess.CompletedProcess([], 0), None),
    ],
)
def test_a_row_that_was_cut_says_so(monkeypatch, end, said):
    first = gpu.Figure("G3", "a step", "medvram", (1.5,))

    def run(command, **_told):
        gpu.Path(command[command.index("--to") + 1]).write_text(json.dumps([asdict(first)]))
        if isinstance(end, Exception):
            raise end
        return end

    monkeypatch.setattr(gpu.subprocess, "run", run)
    found = gpu.measured("G3", SimpleNamespace(pairs=1, miniature=True))
    assert found[0] == first
    assert [one.what for one in found[1:]] == ([said] if said else [])
    assert all(said in one.note and math.isnan(one.value) for one in found[1:])
    monkeypatch.setattr(gpu.subprocess, "run", lambda *_command, **_told: subprocess.CompletedProcess([], 1))
    assert [one.what for one in gpu.measured("G3", SimpleNamespace(pairs=1, miniature=True))] == ["ended with 1"]


def test_all_rows_take_less_than_eight_minutes_and_leave_time_to_start():
    assert set(gpu.LIMITS) == set(gpu.ROWS)
    assert sum(gpu.LIMITS.values()) <= 460


def test_automatic1111s_rule_keeps_one_unit_on_the_device():
    moved = []

    class Unit(torch.nn.Linear):
        def to(self, device):
            moved.append((self.in_features, str(device)))
            return self

    one, other = Unit(1, 1), Unit(2, 2)
    turns = gpu.Turns(torch.device("cuda"))
    turns.watch(one)
    turns.watch(other)
    for unit in (one, one, other, one):
        unit(torch.zeros(1, unit.in_features))
    assert moved == [(1, "cuda"), (1, "cpu"), (2, "cuda"), (2, "cpu"), (1, "cuda")]


def test_the_table_says_what_is_met():
    found = [
        gpu.Figure("G1", "a step", "eager", (2.0, 4.0, 3.5), 3.0),
        gpu.Figure("G4", "cap", "-", (math.inf,), 0.6, True, "GiB"),
        gpu.Figure("G3", "a step", "medvram", (1.5,)),
    ]
    assert [one.met for one in found] == [True, False, None]
    lines = gpu.table(found).splitlines()
    assert lines[1].split()[:2] == ["G1", "3.5"]
    assert "  yes  a step; eager" in lines[1]
    assert "<= 0.6  no  cap" in lines[2]
