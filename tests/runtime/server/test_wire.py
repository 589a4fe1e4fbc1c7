"""What goes over the channel comes out as it went in."""

import json

from runtime import wire
from runtime.job_options import JobOptions
from runtime.request import Extras, Hires, Mask, MemoryUse, Picture, Request, Result, Script, Start

FULL = Request(
    prompt="猫",
    styles=("a", "b"),
    hires=Hires(scale=1.5),
    start=Start((b"one", b"two"), mask=Mask(b"mask", fill=2)),
    script=Script("X/Y/Z plot", (1, "x", [2])),
    options=JobOptions(ESRGAN_tile=3, upscaler_for_img2img="Lanczos"),
)


def over(value):
    body, blobs = wire.pack(value)
    return wire.unpack(type(value), json.loads(json.dumps(body)), blobs)


def test_requests_and_results_survive() -> None:
    result = Result(FULL, (Picture(b"png", 1, "text"),), 8, 8, memory=MemoryUse(active=3), comments=("x",))
    for value in (Request(), FULL, result, Extras((b"a", b"b"))):
        assert over(value) == value


def test_unknown_keys_are_ignored_and_absent_ones_are_defaults() -> None:
    assert wire.unpack(Request, {"prompt": "x", "new": 1}, ()) == Request("x")
