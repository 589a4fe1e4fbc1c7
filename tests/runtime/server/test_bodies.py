"""Any body at all: an answer or a 4xx, never a failure; and what is refused is refused at once."""

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from runtime.api.models import ExtraBatchBody, ExtraSingleBody, Img2ImgBody, PngInfoBody, Txt2ImgBody
from tests.fakes.serving import Served, until

FOUR = {"error", "detail", "body", "errors"}
PATHS = ["txt2img", "img2img", "extra-single-image", "extra-batch-images", "png-info", "options", "interrogate"]
NAMES = sorted(
    {*Txt2ImgBody.model_fields, *Img2ImgBody.model_fields, *ExtraSingleBody.model_fields, *ExtraBatchBody.model_fields}
    - {"steps", "batch_size", "n_iter", "width", "height"}
)
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAFklEQVR42mNk+M+AFzDhlxzVMVJ1AADXIAEPkxN6uAAAAABJRU5ErkJggg=="
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["", "None", DOT, "data:image/png;base64,", "https://a.example/b", "2.5", "Euler a", "\ud800"])
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
BODIES = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), VALUES, max_size=6) | VALUES


@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES)
def test_no_body_is_a_failure_of_the_server(server: Served, path: str, body: object) -> None:
    if isinstance(body, dict) and path.endswith("2img"):
        body = {"steps": 1, **body}
    answer = server.post(f"/sdapi/v1/{path}", content=json.dumps(body))
    assert answer.status_code == 200 or 400 <= answer.status_code < 500, (body, answer.text)
    if answer.status_code != 200:
        assert set(answer.json()) >= FOUR


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"width": 63}, "width"),
        ({"height": 100_000}, "height"),
        ({"steps": 0}, "steps"),
        ({"steps": 10**6}, "steps"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 1000}, "batch_size"),
        ({"batch_size": 100, "n_iter": 100}, "batch_size times n_iter"),
        ({"cfg_scale": 10**9}, "cfg_scale"),
        ({"subseed_strength": 3}, "subseed_strength"),
        ({"enable_hr": True, "denoising_strength": 2}, "denoising_strength"),
        ({"enable_hr": True, "hr_scale": 100}, "hr_scale"),
        ({"enable_hr": True, "width": 4096, "height": 4096, "hr_scale": 2.1}, "hr_scale"),
        ({"width": 8192, "height": 8192, "batch_size": 2}, "8192x8192"),
        ({"enable_hr": True, "hr_resize_x": 10}, "hr_resize_x"),
        ({"refiner_switch_at": -1}, "refiner_switch_at"),
        ({"seed_resize_from_w": 2**40, "seed_resize_from_h": 512}, "seed_resize_from_w"),
        ({"seed_resize_from_w": 512, "seed_resize_from_h": 7}, "seed_resize_from_h"),
        ({"sampler_name": "Nobody"}, "Sampler not found"),
    ],
)
def test_limits_are_named(server: Served, fields: dict[str, object], named: str) -> None:
    answer = server.draw(prompt="x", **fields)
    assert answer.status_code == 400
    assert named in answer.json()["detail"]


@pytest.mark.parametrize(("width", "height"), [(0, 0), (-1, -1), (0, 2**40), (-1, 3), (8, 8192)])
def test_a_seed_need_not_be_resized(server: Served, width: int, height: int) -> None:
    assert server.draw(prompt="x", seed_resize_from_w=width, seed_resize_from_h=height).status_code == 200


@pytest.mark.parametrize("seed", [-2, -(2**63), 2**63, 2**64 - 1])
def test_every_seed_that_is_told_can_be_asked_for(server: Served, seed: int) -> None:
    assert server.draw(prompt="x", seed=seed, subseed=seed).json()["parameters"]["seed"] == seed
    text = f"a cat\nSteps: 1, Sampler: Euler, CFG scale: 7.0, Seed: {seed}, Size: 64x64"
    assert server.draw(infotext=text).json()["parameters"]["seed"] == seed


def test_what_is_refused_does_not_wait_for_its_turn(server: Served) -> None:
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(server.draw, prompt="slow", steps=100)
        until(lambda: server.progress()["state"]["sampling_step"])
        began = time.monotonic()
        assert server.draw(prompt="x", width=1).status_code == 400
        assert server.draw(prompt="x", sampler_name="Nobody").status_code == 400
        assert server.progress()["state"]["job"], "the job before it still runs"
        assert time.monotonic() - began < 5
        server.post("/sdapi/v1/interrupt")
        assert job.result(60).status_code == 200


@pytest.mark.parametrize(
    ("image", "said"),
    [("", "Invalid encoded image"), ("!", "Invalid encoded image"), ("AAAA", "Invalid encoded image"),
     ("data:text/plain;base64,AAAA", "Invalid encoded image"), (DOT[:60], "Invalid encoded image"),
     ("https://a.example/b.png", "not fetched"), ("HTTP://127.0.0.1/", "not fetched")],
)  # fmt: skip
def test_pictures_that_are_none(server: Served, image: str, said: str) -> None:
    bodies = {
        "img2img": {"init_images": [image], "steps": 1},
        "extra-single-image": {"image": image},
        "extra-batch-images": {"imageList": [{"data": image, "name": "x"}]},
        "png-info": {"image": image},
    }
    for path, body in bodies.items():
        answer = server.post(f"/sdapi/v1/{path}", json=body)
        assert answer.status_code == 400, (path, answer.text)
        assert said in answer.json()["detail"]
        assert set(answer.json()) >= FOUR


def test_start_images(server: Served) -> None:
    empty: list[dict[str, object]] = [{}, {"init_images": None}, {"init_images": []}]
    for body in empty:
        answer = server.post("/sdapi/v1/img2img", json=body)
        assert (answer.status_code, answer.json()["detail"]) == (404, "Init image not found")
    several = {"init_images": [DOT, DOT], "steps": 1}
    assert server.post("/sdapi/v1/img2img", json=several).status_code == 400
    answer = server.post("/sdapi/v1/img2img", json=several | {"batch_size": 3})
    assert len(answer.json()["images"]) == 2, "they are one batch"
    spaced = "data:image/png;base64," + DOT[:20] + "\n " + DOT[20:]
    assert server.post("/sdapi/v1/img2img", json={"init_images": [spaced], "steps": 1}).status_code == 200


def test_too_many_pictures_and_too_many_pixels_are_refused(server: Served) -> None:
    file = BytesIO()
    Image.new("1", (8000, 8000)).save(file, "PNG", optimize=True)
    large = base64.b64encode(file.getvalue()).decode()
    for path, body, said in (
        ("extra-batch-images", {"imageList": [{"data": DOT}] * 1001}, "1001 pictures"),
        ("extra-batch-images", {"imageList": [{"data": large}] * 17}, "1088 megapixels"),
        ("img2img", {"init_images": [large] * 5, "batch_size": 5, "steps": 1}, "320 megapixels"),
        ("img2img", {"init_images": [large] * 4, "mask": large, "batch_size": 4, "steps": 1}, "320 megapixels"),
    ):
        answer = server.post(f"/sdapi/v1/{path}", json=body)
        assert answer.status_code == 400, answer.text[:1000]
        assert said in answer.text


def test_more_prompts_joined_than_can_be_drawn_are_refused_at_once(server: Served) -> None:
    began = time.monotonic()
    for body in ({"prompt": "a AND " * 2000}, {"prompt": "a", "enable_hr": True, "hr_prompt": "a AND " * 100_000}):
        answer = server.draw(**body, steps=1)
        assert (answer.status_code, answer.json()["error"]) == (400, "too-many-prompts")
    assert time.monotonic() - began < 4
    assert server.draw(prompt="a" + " AND a" * 99, steps=1).status_code == 200


def test_a_bare_png_info(server: Served) -> None:
    found = server.post("/sdapi/v1/png-info", json={"image": DOT}).json()
    assert (found["info"], found["items"]) == ("", {})
    assert (found["parameters"]["Prompt"], found["parameters"]["Clip skip"]) == ("", "1")
    assert server.post("/sdapi/v1/png-info", json={}).status_code == 422
    assert PngInfoBody.model_fields.keys() == {"image"}


@pytest.mark.parametrize(
    ("scripts", "status"),
    [
        ({"refiner": {"args": [True, "model2", 0.5]}}, 200),
        ({"Refiner": [False, "", 0.8]}, 200),
        ({"seed": {"args": [5, False, -1, 0, 0, 0]}}, 200),
        ({"comments": {"args": []}, "extra options": {}, "Hypertile": {"args": []}}, 200),
        ({"soft inpainting": {"args": [False]}}, 200),
        ({"soft inpainting": {"args": [True, 1]}}, 422),
        ({"X/Y/Z plot": {"args": []}}, 422),
        ({"sampler": {"args": "x"}}, 422),
        ({"sampler": {"args": [[]]}}, 422),
        ({"nobody": None}, 422),
    ],
)
def test_scripts_that_are_always_on(server: Served, scripts: dict[str, object], status: int) -> None:
    answer = server.draw(prompt="x", alwayson_scripts=scripts)
    assert answer.status_code == status, answer.text


def test_arguments_of_scripts_fill_what_the_request_does_not_say(server: Served) -> None:
    scripts = {"sampler": {"args": [2, "DDIM"]}, "seed": {"args": [77]}}
    echo = server.draw(prompt="x", seed=5, alwayson_scripts=scripts).json()["parameters"]
    assert (echo["steps"], echo["sampler_name"], echo["seed"]) == (2, "DDIM", 5)
