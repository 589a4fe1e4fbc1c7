"""What the launcher plans before a start is what the engine plans when it draws: the same numbers, the same way."""

from dataclasses import asdict
from functools import lru_cache

import pytest
import torch

from launcher.core.hardware.machine import Gpu, Machine
from launcher.core.memory.choose import MemoryWish, choose_memory
from launcher.core.memory.need import MODEL_FAMILIES, Picture, Widths, needs_of, read_numbers
from launcher.core.memory.profiles import read_learnt
from runtime import placement
from runtime.engine.memory import Hardware, Settings, needs, place
from runtime.engine.memory.ledger import Ledger, Outcome
from runtime.engine.memory.plan import Prediction, plan_job
from runtime.engine.memory.planner import _work
from runtime.ledger_file import FILE
from runtime.placement import Ground, Wish, reserve, vae_width
from tools import memory_numbers

NUMBERS = read_numbers()
MIB = 1 << 20
PRECISION = place(Settings(), Hardware(cuda=True)).precision
CONTEXT = NUMBERS.devices["cuda"].context_mib


@lru_cache
def built(family, narrow=False):
    return memory_numbers.narrowed(family) if narrow else memory_numbers.build(family)


@pytest.mark.parametrize("family", MODEL_FAMILIES)
def test_the_numbers_are_those_of_the_tool(family):
    told = memory_numbers.numbers(family)
    kept = {name: each for name, each in asdict(NUMBERS.families[family]).items() if name != "name"}
    if family == "sd2":
        # of 2.x the velocity models are counted, which draw larger pictures
        assert (kept.pop("native"), told.pop("native")) == (768, 512)
    assert kept == pytest.approx(told, rel=1e-3)


def test_the_vaes_numbers_are_those_of_the_tool():
    assert memory_numbers.parameters(built("sd1").models.vae) == NUMBERS.vae.parameters
    assert memory_numbers.decoding(512, 768, None) == pytest.approx(NUMBERS.vae.bytes_per_pixel * 512 * 768, rel=1e-3)
    assert {each.rows for each in NUMBERS.vae.strips} == {rows for rows in placement.STRIPS if rows}
    for strips in NUMBERS.vae.strips:
        for width, height in ((512, strips.heights[-2]), (768, 512)):
            told = strips.per_column(height) * width
            assert memory_numbers.decoding(width, height, strips.rows) == pytest.approx(told, rel=2e-3), strips.rows


@pytest.mark.parametrize("attention", ["sliced", "plain"])
def test_scores_that_are_kept_are_counted(attention):
    """One picture with SD 1.x: its peak is where the U-Net is widest."""
    side = 384
    name = {"sliced": "doggettx", "plain": "none"}[attention]
    found = needs_of(NUMBERS, Picture("sd1", side, side), name, Widths())
    told = found.drawing - NUMBERS.families["sd1"].texts_bytes
    traced = memory_numbers.drawing(built("sd1"), side, side, attention)
    assert traced * 0.99 <= told <= traced * 1.06


def test_one_prompt_at_a_time_needs_half_of_the_activations():
    """What tutorials gain by it: docs/memory.md."""
    both, one = (memory_numbers.drawing(built("sd1"), 512, 512, prompts=prompts) for prompts in (2, 1))
    assert one == pytest.approx(both / 2, rel=1e-3)


@lru_cache
def engines(family, width, height, batch, precision, attention, graphs, narrow=False):
    models = built(family, narrow).models
    return needs.needs_of(models, precision, needs.Picture(width, height, batch), attention, "cuda", False, graphs)


def engines_plan(family, size, batch, settings, capability, free, total, ground=None, *, narrow=False):
    """Of the engine, on a card with so many bytes."""
    placed = place(settings, Hardware(cuda=True, capability=capability), family)
    wide = vae_width(family, placed.precision.vae.itemsize, capability >= (8, 0)) == 4
    precision = placed.precision.__class__(**(asdict(placed.precision) | ({"vae": torch.float32} if wide else {})))
    found = engines(family, *size, batch, precision, placed.attention.name, placed.graphs, narrow)
    return plan_job(placed, settings, found, ground or Ground(free, reserve(free, total, windows=False)))


def told_of(policy):
    return policy.mode, policy.vae_rows, policy.batch_cond_uncond is False, policy.text_resident is None


def foretold(way):
    return way.mode, way.rows, way.apart, way.text_resident is None


#: GiB that the engine finds free
CARDS = (0.6, 1, 1.5, 2, 2.4, 3, 4, 5, 6, 8, 12, 16, 24)
FLAGS = {
    "": {},
    "--medvram": {"medvram": True},
    "--lowvram": {"lowvram": True},
    "--no-half": {"no_half": True},
    "--fp8-storage": {},
    "--fp8-storage --no-half": {"no_half": True},
    "--precision full --medvram-sdxl": {"precision": "full", "medvram_sdxl": True},
    "--no-half-vae --always-batch-cond-uncond": {"no_half_vae": True, "always_batch_cond_uncond": True},
}


@pytest.mark.parametrize("capability", [(8, 6), (7, 5), (6, 1)])
@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize(
    ("family", "size"),
    [("sd1", (512, 512)), ("sd1", (768, 512)), ("sd2", (768, 768)), ("sdxl", (832, 1216)), ("sdxl", (2048, 2048))],
)
def test_the_launcher_foretells_what_the_engine_decides(family, size, flags, capability):
    wish = MemoryWish(family=family, size=size, flags=tuple(flags.split()))
    asked = next((name for name in ("medvram", "lowvram") if f"--{name}" in wish.flags), None)
    for gigabytes in CARDS:
        free, total = int(gigabytes * 1024) * MIB, max(2, round(gigabytes * 1.1)) * 1024 * MIB
        card = Gpu(0, None, "nvidia", "A", total // MIB, free // MIB + CONTEXT, ".".join(map(str, capability)))
        wished = MemoryWish(asked, family, size, (), wish.flags)
        ours = choose_memory(Machine("linux", gpus=(card,)), wished)
        theirs = engines_plan(
            family, size, 1, Settings(**FLAGS[flags]), capability, free, total, narrow="--fp8-storage" in wish.flags
        )
        assert foretold(ours.way) == told_of(theirs), gigabytes
        assert ours.mode == theirs.mode
        assert ours.way.peak == pytest.approx(theirs.predicted.peak_bytes, rel=0.02), gigabytes
        assert ours.way.reasons[0].code == theirs.predicted.reasons[0].code


def test_both_plan_with_what_the_engine_has_learnt(tmp_path):
    """The engine writes it after a job, and the launcher reads it before the next start."""
    settings, file, side = Settings(), tmp_path / FILE, 512
    ledger = Ledger(file, "A")
    predicted = Prediction(3000 * MIB, drawing_bytes=2100 * MIB, weights_bytes=2000 * MIB)
    ledger.note(_work("sd1", built("sd1").models.unet, needs.Picture(side, side), PRECISION), predicted,
                Outcome(2140 * MIB, 0.3))  # fmt: skip
    ledger.measure(lambda: 5e9)
    assert ledger.correction == pytest.approx(1.54)
    for gigabytes in CARDS:
        free, total = int(gigabytes * 1024) * MIB, max(2, round(gigabytes * 1.1)) * 1024 * MIB
        card = Gpu(0, None, "nvidia", "A", total // MIB, free // MIB + CONTEXT, "8.6")
        wish = MemoryWish(family="sd1", size=(side, side), learnt=read_learnt(tmp_path))
        ours = choose_memory(Machine("linux", gpus=(card,)), wish).way
        ground = Ground(free, reserve(free, total, windows=False), ledger.correction, ledger.bytes_per_second, 0.3)
        theirs = engines_plan("sd1", (side, side), 1, settings, (8, 6), free, total, ground)
        assert foretold(ours) == told_of(theirs), gigabytes
        assert ours.peak == pytest.approx(theirs.predicted.peak_bytes, rel=0.02)
        assert ours.seconds == pytest.approx(theirs.predicted.step_seconds, rel=0.02)


@pytest.mark.parametrize("batch", [2, 4])
@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_batches_are_foretold_too(family, batch):
    size, widths = (1024, 768), Widths(vae=vae_width(family, 2, bfloat16=True))
    ours = needs_of(NUMBERS, Picture(family, *size, batch), "sdp", widths, captures=True)
    for gigabytes in CARDS:
        free = int(gigabytes * 1024) * MIB
        way = placement.plan(Wish(), ours, Ground(free, reserve(free, 2 * free, windows=False)))
        theirs = engines_plan(family, size, batch, Settings(), (8, 6), free, 2 * free)
        assert foretold(way) == told_of(theirs), gigabytes
        assert way.peak == pytest.approx(theirs.predicted.peak_bytes, rel=0.02), gigabytes


@pytest.mark.parametrize(("family", "gigabytes"), [("sd1", 0.6), ("sdxl", 1.0)])
def test_the_least_card_that_the_benchmarks_aim_at_is_planned_for(family, gigabytes):
    """G4: the smallest cap under which a picture of the family's own size is finished; the reserve counts, too."""
    side, free = NUMBERS.families[family].native, int(gigabytes * (1 << 30))
    policy = engines_plan(family, (side, side), 1, Settings(), (8, 6), free, free)
    assert policy.predicted.peak_bytes <= free - reserve(free, free, windows=False)
    assert {one.code for one in policy.predicted.reasons}.isdisjoint({"nothing-fits", "apart"})
    found = engines(family, side, side, 1, policy.precision, policy.attention.name, policy.graphs)
    assert placement.free_for(placement.least(Wish(), found, Ground(0, 0)), free, windows=False) <= free
    assert (policy.text_resident is not None) is (found.text.whole > free)


BYTES = {torch.float32: 4, torch.float16: 2, torch.bfloat16: 2}


@pytest.mark.parametrize(
    ("device", "hardware"),
    [
        ("cuda", Hardware(cuda=True)),
        ("mps", Hardware(mps=True)),
        ("xpu", Hardware(xpu=True)),
        ("cpu", Hardware()),
    ],
)
def test_devices_do_what_the_table_says(device, hardware):
    told = NUMBERS.devices[device]
    asked = {"use_ipex": "--use-ipex" in told.flags}
    plan = place(Settings(**asked), hardware)
    assert plan.device == device
    assert {BYTES[each] for each in asdict(plan.precision).values()} == {told.bytes}
    for mode in ("medvram", "lowvram"):
        obeyed = place(Settings(**asked, **{mode: True}), hardware).mode == mode
        assert obeyed is (mode in told.modes)


def test_the_processors_own_bfloat16_is_the_unets_alone():
    precision = place(Settings(), Hardware(native_bfloat16=True)).precision
    assert [BYTES[each] for each in (precision.unet, precision.vae, precision.text)] == [2, 4, 4]


@pytest.mark.parametrize(
    ("flags", "widths"),
    [({"no_half_vae": True}, [2, 4, 2]), ({"no_half": True}, [4, 4, 4]), ({"precision": "full"}, [4, 4, 4])],
)
def test_flags_that_widen(flags, widths):
    precision = place(Settings(**flags), Hardware(cuda=True)).precision
    assert [BYTES[each] for each in (precision.unet, precision.vae, precision.text)] == widths
