"""Where the models go: the planner alone, and the store on the one device that every machine has."""

import pytest
import torch

from runtime.engine.checkpoint import load_checkpoint
from runtime.engine.memory import Hardware, Placement, Settings, Store, occupy, place
from runtime.flag_table import FLAGS
from runtime.worker_flags import parse

GPU = Hardware(cuda=True)
HALF, FULL, BRAIN = torch.float16, torch.float32, torch.bfloat16


@pytest.mark.parametrize(
    ("settings", "hardware", "device", "unet", "vae", "mode"),
    [
        (Settings(), GPU, "cuda", HALF, HALF, "full"),
        (Settings(device_id="1"), GPU, "cuda:1", HALF, HALF, "full"),
        (Settings(no_half=True), GPU, "cuda", FULL, FULL, "full"),
        (Settings(precision="full"), GPU, "cuda", FULL, FULL, "full"),
        (Settings(no_half_vae=True), GPU, "cuda", HALF, FULL, "full"),
        (Settings(medvram=True), GPU, "cuda", HALF, HALF, "medvram"),
        (Settings(medvram=True, lowvram=True), GPU, "cuda", HALF, HALF, "lowvram"),
        (Settings(use_cpu=("All",)), GPU, "cpu", FULL, FULL, "full"),
        (Settings(use_cpu=("sd",)), GPU, "cpu", FULL, FULL, "full"),
        (Settings(use_cpu=("interrogate",)), GPU, "cuda", HALF, HALF, "full"),
        (Settings(medvram=True), Hardware(), "cpu", FULL, FULL, "full"),
        (Settings(), Hardware(native_bfloat16=True), "cpu", BRAIN, FULL, "full"),
        (Settings(no_half=True), Hardware(native_bfloat16=True), "cpu", FULL, FULL, "full"),
        (Settings(precision="full"), Hardware(native_bfloat16=True), "cpu", FULL, FULL, "full"),
        (Settings(), Hardware(mps=True), "mps", FULL, FULL, "full"),
    ],
)
def test_plan(settings, hardware, device, unet, vae, mode):
    found = place(settings, hardware)
    assert (found.device, found.precision.unet, found.precision.vae, found.mode) == (device, unet, vae, mode)


@pytest.mark.parametrize("mode", ["medvram", "lowvram"])
def test_taking_turns_changes_no_result(checkpoint_file, model, mode):
    """On one device the moves are empty, but every hook and every loan runs."""
    checkpoint = load_checkpoint(checkpoint_file)
    store = Store(checkpoint, Placement("cpu", place(Settings(), Hardware()).precision, mode))
    latents = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    states, time = torch.ones(1, 77, 32), torch.tensor([5.0])
    with torch.inference_mode(), store.lend("unet") as unet, model.store.lend("unet") as plain:
        assert torch.allclose(unet(latents, time, states).sample, plain(latents, time, states).sample, atol=1e-5)


def test_lowvram_moves_every_block_of_the_unet(checkpoint_file):
    """The blocks that are streamed hold all of the U-Net's weights."""
    checkpoint = load_checkpoint(checkpoint_file)
    store = Store(checkpoint, Placement("cpu", place(Settings(), Hardware()).precision, "lowvram"))
    with store.lend("unet") as unet:
        streamed = [block for block in unet.modules() if block._forward_pre_hooks]
        weights = sum(parameter.numel() for block in streamed for parameter in block.parameters())
    assert weights == store.size("unet")


def test_flags_shape_the_plan():
    settings = Settings(
        medvram_sdxl=True, channels_last=True, check_numbers=False, attention={"opt_split_attention": 1}
    )
    found = place(settings, Hardware(cuda=True))
    assert (found.mode, found.for_family("sd1").mode, found.for_family("sdxl").mode) == ("full", "full", "medvram")
    assert (found.channels_last, found.check_numbers, found.attention.name) == (True, False, "sliced")
    assert place(Settings(use_ipex=True), Hardware(xpu=True)).device == "xpu"
    assert place(Settings(), Hardware(xpu=True)).device == "cpu"


def test_the_worker_understands_every_flag_that_the_server_passes_on():
    for flag in (flag for flag in FLAGS if flag.effect == "worker"):
        value = [] if flag.shape == "switch" else ["7"]
        read = vars(parse([flag.name, *value, "3"]).flags)[flag.key]
        assert read == {"switch": True, "int": 7, "words": ["7"], "repeat": ["7"]}.get(flag.shape, "7")


@pytest.mark.parametrize(("device_id", "chosen"), [("1", ["cuda:1"]), (None, [])])
def test_of_several_cards_torch_goes_by_the_one_that_was_asked_for(monkeypatch, device_id, chosen):
    seen = []
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: seen.append(str(device)))
    device = occupy(place(Settings(device_id=device_id), Hardware(cuda=True)))
    assert (device.type, seen) == ("cuda", chosen)
