"""Where the models go: the planner alone."""

import pytest
import torch

from runtime.engine.memory import Hardware, Settings, occupy, place
from runtime.flag_table import FLAGS
from runtime.worker_flags import parse

GPU = Hardware(cuda=True)
HALF, FULL, BRAIN = torch.float16, torch.float32, torch.bfloat16


@pytest.mark.parametrize(
    ("settings", "hardware", "device", "unet", "vae", "mode"),
    [
        (Settings(), GPU, "cuda", HALF, HALF, "full"),
        (Settings(device_id="1"), Hardware(cuda=True, cards=2), "cuda:1", HALF, HALF, "full"),
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


def test_flags_shape_the_plan():
    settings = Settings(
        medvram_sdxl=True, channels_last=True, check_numbers=False, attention={"opt_split_attention": 1}
    )
    found = place(settings, Hardware(cuda=True))
    assert (found.mode, place(settings, Hardware(cuda=True), "sdxl").mode) == ("full", "medvram")
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
    device = occupy(place(Settings(device_id=device_id), Hardware(cuda=True, cards=2)))
    assert (device.type, seen) == ("cuda", chosen)
