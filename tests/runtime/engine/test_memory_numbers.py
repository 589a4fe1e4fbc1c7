"""The numbers by which the launcher plans memory are those of the engine's own models, and its devices' own plans."""

from dataclasses import asdict

import pytest
import torch

from launcher.core.memory.need import MODEL_FAMILIES, Picture, Widths, need, read_numbers
from runtime.engine.memory import Hardware, Settings, place
from tools import memory_numbers

NUMBERS = read_numbers()
MIB = 1 << 20


@pytest.fixture(scope="module")
def built():
    return {family: memory_numbers.build(family) for family in MODEL_FAMILIES}


@pytest.mark.parametrize("family", MODEL_FAMILIES)
def test_every_parameter_is_counted(built, family):
    models, told = built[family], NUMBERS.families[family]
    assert told.unet_parameters == memory_numbers.parameters(models.unet)
    assert told.vae_parameters == memory_numbers.parameters(models.vae)
    assert told.text_parameters == memory_numbers.parameters(*models.texts)
    assert told.largest_block_parameters == memory_numbers.largest_block(models.unet)
    # of 2.x the velocity models are counted, which draw larger pictures
    assert told.native == (768 if family == "sd2" else models.native)


@pytest.mark.parametrize(
    ("family", "size"), [("sd1", (512, 512)), ("sd1", (640, 384)), ("sd2", (512, 512)), ("sdxl", (512, 512))]
)
def test_activations_are_those_of_a_trace(built, family, size):
    told, pixels = NUMBERS.families[family], size[0] * size[1]
    traced = memory_numbers.drawing(built[family], *size)
    assert traced == pytest.approx(told.unet_bytes_per_pixel * pixels, rel=3e-3)
    assert memory_numbers.decoding(built[family], *size) == pytest.approx(told.vae_bytes_per_pixel * pixels, rel=1e-3)
    # a prompt takes less than anything else
    assert memory_numbers.reading(built[family]) < traced / 2


@pytest.mark.parametrize("attention", ["sliced", "plain"])
def test_scores_that_are_kept_are_counted(built, attention):
    """One picture with SD 1.x: its peak is where the U-Net is widest."""
    side = 384
    name = {"sliced": "doggettx", "plain": "none"}[attention]
    picture = Picture("sd1", side, side)
    told = need(NUMBERS, picture, "medvram", name, "cuda", Widths()).activations * MIB
    traced = memory_numbers.drawing(built["sd1"], side, side, attention)
    assert traced <= told + MIB
    assert told <= traced * 1.06


def test_one_prompt_at_a_time_needs_half_of_the_activations(built):
    """What tutorials gain by it: docs/memory.md."""
    both, one = (memory_numbers.drawing(built["sd1"], 512, 512, batch=batch) for batch in (2, 1))
    assert one == pytest.approx(both / 2, rel=1e-3)


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
