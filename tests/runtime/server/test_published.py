"""openapi.json: what it says of the answers holds for answers of a live server, route by route."""

import base64
import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from tests.fakes.json_schema import Document
from tests.fakes.serving import Served, put_checkpoint, serve, until

#: how each route is asked; the others take a GET or an empty POST
TEXT = "a (cat)\nSteps: 3, Sampler: DDIM, Seed: 77, Size: 64x72"


def picture() -> str:
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


BODIES: dict[str, dict[str, Any]] = {
    "/sdapi/v1/txt2img": {"prompt": "x", "steps": 1, "enable_hr": True, "override_settings": {"eta_ddim": 0.5}},
    "/sdapi/v1/img2img": {"init_images": [picture()], "mask": picture(), "steps": 1},
    "/sdapi/v1/extra-single-image": {"image": picture(), "upscaler_1": "Lanczos"},
    "/sdapi/v1/extra-batch-images": {"imageList": [{"data": picture(), "name": "a"}]},
    "/sdapi/v1/png-info": {"image": picture()},
    "/sdapi/v1/options": {"jpeg_quality": 70},
    "/internal/progress": {"id_task": "nobody"},
}
REFUSED = {"/sdapi/v1/interrogate": {"image": picture()}}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("published")
    put_checkpoint(folder, "model-on-card.safetensors", "x.vae.safetensors")
    (folder / "styles.csv").write_text("name,prompt,negative_prompt\nink,drawn in ink,\n", encoding="utf-8-sig")
    lora = folder / "models" / "Lora" / "a.safetensors"
    lora.parent.mkdir(parents=True)
    lora.write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    with serve(folder, "--events") as served:
        until(lambda: any(event.event == "model" for event in served.events()))
        yield served


@pytest.fixture(scope="module")
def document(live: Served) -> Document:
    return Document(live.get("/openapi.json").json())


def test_every_route_answers_as_the_schema_says(live: Served, document: Document) -> None:
    asked = 0
    for path, methods in document.paths.items():
        for method in methods:
            answer = live.get(path) if method == "get" else live.post(path, json={**BODIES, **REFUSED}.get(path, {}))
            status = "default" if path in REFUSED else "200"
            assert (answer.status_code == 200) is (path not in REFUSED), f"{method} {path}: {answer.text:.200}"
            schema = document.answer(path, method, status)
            assert schema, f"{method} {path} does not say what it answers"
            assert document.faults(answer.json(), schema) == [], f"{method} {path}"
            asked += 1
    assert asked > 40


def test_the_test_finds_what_is_wrong(live: Served, document: Document) -> None:
    schema = document.answer("/sdapi/v1/txt2img", "post")
    answer = live.draw(prompt="x", steps=1).json()
    assert document.faults({**answer, "images": [1]}, schema)
    assert document.faults({**answer, "more": 1}, schema)
    assert document.faults({**answer, "info": "{}"}, schema)
    assert document.faults({**answer, "parameters": {}}, schema)


def test_progress_with_a_preview_and_failures_are_as_the_schema_says(live: Served, document: Document) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        drawing = pool.submit(live.draw, prompt="slow", steps=100, force_task_id="mine")
        busy = until(lambda: (now := live.progress())["current_image"] and now)
        task = live.post("/internal/progress", json={"id_task": "mine"}).json()
        live.post("/sdapi/v1/interrupt")
        drawing.result(120)
    assert document.faults(busy, document.answer("/sdapi/v1/progress", "get")) == []
    assert task["live_preview"]
    assert document.faults(task, document.answer("/internal/progress", "post")) == []
    for refused in (live.draw(steps="20.5"), live.draw(sampler_name="Nobody"), live.draw(prompt="nan")):
        failure = document.answer("/sdapi/v1/txt2img", "post", "default")
        assert document.faults(refused.json(), failure) == []


def test_what_may_be_null_is_nullable(live: Served, document: Document) -> None:
    body = document.paths["/sdapi/v1/txt2img"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    fields = live.draw(prompt="x", steps=1).json()["parameters"]
    assert document.faults(dict.fromkeys(fields), body) == []
    assert document.faults({"steps": []}, body)
    options = document.paths["/sdapi/v1/options"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert document.faults({"jpeg_quality": None, "theirs": [1], "samples_format": "png"}, options) == []
    assert document.faults({"samples_format": "gif"}, options)
    extra = document.paths["/sdapi/v1/png-info"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert document.faults({"image": None}, extra), "what must be there cannot be null"


def test_the_docs_show_the_answers(live: Served) -> None:
    page = live.get("/docs").text
    assert "is_using_inpainting_conditioning" in page
    assert "need_inner_model" in page
