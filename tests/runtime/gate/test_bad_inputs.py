"""Whatever is asked, by any operation of the server's own openapi.json: an answer that is no failure of the server.

Each operation that takes a body gets 60 requests here, each other one 12; tests/release/bad_inputs.py sends 100,000.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from PIL import Image, PngImagePlugin

from runtime.api.errors import four_keys
from runtime.api.pictures import check_picture, decode_picture, infotext_of
from runtime.engine.images import read_image
from runtime.flags import read_flags
from runtime.gate.origins import Origins
from runtime.limits import LARGEST_SIDE, check_request
from runtime.options import Options
from runtime.request import Request, RequestError
from runtime.ui import png_info
from tests.fakes.serving import CHECKOUT
from tests.runtime.gate.bad_inputs import Maker
from tests.runtime.gate.bad_pictures import chunk, png, saved, spoilt
from tests.runtime.gate.conftest import Grounds
from tests.runtime.gate.lines import Answer, Asking, Line
from tests.runtime.gate.verdict import Watch, faults

_WITH_BODY, _WITHOUT = 60, 12


def test_no_request_is_a_failure_of_the_server(grounds: Grounds) -> None:
    document = grounds.served.get("/openapi.json").json()
    maker = Maker(document)
    assert len(maker.operations) > 40
    assert {one.path for one in maker.operations} == set(document["paths"])
    watch = Watch(grounds.served, Line(grounds.served.url))
    statuses = set()
    for operation in maker.operations:
        for number in range(_WITHOUT if operation.body is None else _WITH_BODY):
            asking = maker.numbered(operation, number)
            answer, wrong = watch.ask(asking)
            assert not wrong, (asking, wrong)
            assert answer
            statuses.add(answer.status)
    watch.line.close()
    assert {200, 400, 404, 405, 422} <= statuses, "requests of every kind went through"


def test_a_plain_request_is_served_as_ever(grounds: Grounds) -> None:
    answer = grounds.served.draw(prompt="a cat", steps=1)
    assert answer.status_code == 200
    assert len(answer.json()["images"]) == 1


def test_failures_would_be_seen() -> None:
    """What the test above looks for, shown to it."""
    asking, here = Asking("GET", b"/x"), b"127.0.0.1:7860"

    def judged(status: int, body: bytes = b"", seconds: float = 0.1, **headers: str) -> list[str]:
        return faults(Answer(status, headers, body, seconds), asking, [b"/somewhere/of/mine"], here)

    assert judged(200) == judged(422) == judged(503, **{"retry-after": "1"}) == []
    for wrong in (
        *(judged(500), judged(501), judged(503), judged(200, seconds=1000)),
        *(
            judged(400, b"Traceback (most recent call last)"),
            judged(400, b"no /somewhere/of/mine/x"),
            judged(200, b'File "x.py"'),
        ),
        *(judged(307, location="http://evil.example/"), judged(307, location="//evil.example/")),
    ):
        assert len(wrong) == 1
    assert judged(307, location="/x/") == judged(307, location="http://127.0.0.1:7860/x") == []


@pytest.mark.parametrize("setting", [{"img2img_extra_noise": 2**31}, {"inpainting_mask_weight": 1.5}])
def test_no_setting_keeps_every_job_from_being_drawn(tmp_path: Path, setting: dict[str, float]) -> None:
    options = Options(tmp_path / "config.json")
    with pytest.raises(RequestError, match="It is a number from 0"):
        options.update(setting)
    (tmp_path / "config.json").write_text(json.dumps(setting), encoding="utf-8")
    check_request(Request(options=Options(tmp_path / "config.json").for_job({})))


@pytest.mark.parametrize("origin", ["http://[", "http://]", "http://[::1", "http://a\u2100b", "://", "\xff"])
def test_an_origin_that_is_no_address_is_foreign(origin: str) -> None:
    headers = {b"host": b"127.0.0.1:7860", b"origin": origin.encode("utf-8")}
    assert Origins(read_flags([], {})).refuses("POST", headers)


def test_whatever_cannot_be_served_now_says_when_to_come_again() -> None:
    for code in ("queue-full", "stopping", "PageNotReady"):
        assert int(four_keys(503, code).headers["retry-after"]) > 0
    assert "retry-after" not in four_keys(500, "worker-died").headers


def test_few_pictures_are_decoded_at_once_and_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large ones take much memory; however many come, two are in it."""
    now, most, loads, load, two = 0, 0, 0, Image.Image.load, threading.Barrier(2)

    def slow(picture: Image.Image) -> object:
        nonlocal now, most, loads
        now, loads = now + 1, loads + 1
        most = max(most, now)
        two.wait(60)
        found = load(picture)
        now -= 1
        return found

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", slow)
    exif = Image.Exif()
    exif[0x010E] = "told"
    text = base64.b64encode(saved("PNG", exif=exif)).decode()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: (decode_picture, infotext_of)[number % 2](text, "image"), range(16)))
    assert (most, loads) == (2, 16)


_MANY_AT_ONCE = """
import base64, resource, sys
from concurrent.futures import ThreadPoolExecutor
from runtime.api.pictures import infotext_of
from tests.runtime.gate.bad_pictures import saved
text = base64.b64encode(saved("PNG", (8000, 8000))).decode()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with ThreadPoolExecutor(16) as pool:
    list(pool.map(lambda _: infotext_of(text, "image"), range(16)))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the most memory that a process had is told in KiB by Linux alone")
def test_many_threads_keep_no_memory_of_the_pictures_that_they_have_decoded() -> None:
    run = subprocess.run(
        [sys.executable, "-c", _MANY_AT_ONCE], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    two = 2 * (8000 * 8000 * 4 >> 10)
    assert int(run.stdout) < 1.25 * two


def test_a_picture_as_large_as_any_that_is_drawn_is_taken_and_one_row_more_is_not() -> None:
    def white(height: int) -> bytes:
        return png(LARGEST_SIDE, height, zlib.compress(b"\0" * (LARGEST_SIDE // 8 + 1) * height, 9), depth=1)

    check_picture(white(LARGEST_SIDE), "image")
    with pytest.raises(RequestError, match="megapixels") as refused:
        check_picture(white(LARGEST_SIDE + 1), "image")
    assert refused.value.code == "image-too-large"


def test_a_large_grids_texts_are_told_without_its_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are none in this one."""
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0a dog"
    commented = chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    for found, carrier in (("a cat", chunk(b"tEXt", b"parameters\0a cat")), ("a dog", commented)):
        large = base64.b64encode(png(13_000, 13_000, b"", carrier)).decode()
        assert infotext_of(large, "image")[0] == found
    with pytest.raises(RequestError) as refused:
        infotext_of(base64.b64encode(png(13_500, 13_500, b"")).decode(), "image")
    assert refused.value.code == "invalid-image", "more than Pillow opens"


@pytest.mark.parametrize("first", range(0, 300, 100))
def test_spoilt_pictures_are_refused_and_nothing_else(first: int, tmp_path: Path) -> None:
    def write(file: Path, data: bytes) -> Path:
        file.write_bytes(data)
        return file

    for number in range(first, first + 100):
        data = spoilt(Random(f"picture {number}"))
        with suppress(RequestError):
            check_picture(data, "image")
        with suppress(RequestError):
            infotext_of(base64.b64encode(data).decode(), "image")
        with suppress(RequestError):
            read_image(data)
        png_info.read(str(write(tmp_path / "picture", data)))
