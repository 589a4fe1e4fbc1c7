"""The server with the real worker: a random checkpoint in the original layout, through the API."""

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from runtime import protocol
from tests.fakes.serving import REAL, Served, serve

STEPS = {"steps": 2, "width": 64, "height": 64, "sampler_name": "Euler a"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, checkpoint_file: Path) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("real")
    (folder / "models" / "Stable-diffusion").mkdir(parents=True)
    (folder / "models" / "Stable-diffusion" / "page.safetensors").write_text("<!DOCTYPE html><html></html>")
    flags = ("--nowebui", "--use-cpu", "all", "--ckpt", str(checkpoint_file), "--events")
    with serve(folder, *flags, program=REAL) as found:
        assert found.progress()["progress"] == 0, "it answers while torch is still being imported"
        found.client.timeout = 180
        yield found


def picture_of(coded: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(coded)))


def coded(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def test_a_picture_and_its_file(served: Served) -> None:
    answer = served.draw(prompt="a (red:1.2) circle", steps=2, seed=5, sampler_index="Euler a", save_images=True)
    assert answer.status_code == 200, answer.text
    picture = base64.b64decode(answer.json()["images"][0])
    info = json.loads(answer.json()["info"])
    assert b"Steps: 2, Sampler: Euler a" in picture
    assert info["seed"] == 5
    assert info["sd_model_hash"] == served.get("/sdapi/v1/options").json()["sd_checkpoint_hash"][:10]
    saved = list((served.output.parent / "outputs" / "txt2img-images").rglob("*.png"))
    assert [file.read_bytes() for file in saved] == [picture]
    found = served.post("/sdapi/v1/png-info", json={"image": answer.json()["images"][0]}).json()
    assert found["info"] == info["infotexts"][0]


def test_pictures_that_cannot_be_saved_are_answered_and_it_is_said(served: Served) -> None:
    """Here the folder's name is the name of a file."""
    data, job = served.output.parent, {"prompt": "x", "n_iter": 3, "save_images": True, **STEPS}
    assert served.post("/sdapi/v1/options", json={"outdir_samples": "stdout.txt"}).status_code == 200
    answer = served.draw(**job)
    assert served.post("/sdapi/v1/options", json={"outdir_samples": ""}).status_code == 200
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert [picture_of(one).size for one in found["images"]] == [(128, 128), *[(64, 64)] * 3], "the grid and all three"
    said = [one for one in json.loads(found["info"])["comments"] if "stdout.txt" in one]
    assert len(said) == 1
    assert str(data) not in answer.text
    assert str(data / "stdout.txt") in served.log(), "the owner finds the whole path"


def test_a_page_saved_as_a_checkpoint_is_refused_and_the_model_before_it_draws(served: Served) -> None:
    refused = served.post("/sdapi/v1/options", json={"sd_model_checkpoint": "page.safetensors"})
    assert refused.status_code == 400
    assert refused.json()["error"] == "checkpoint-is-web-page"
    other = served.draw(prompt="x", **STEPS, override_settings={"sd_model_checkpoint": "page.safetensors"})
    assert (other.status_code, other.json()["error"]) == (400, "checkpoint-is-web-page")
    assert served.draw(prompt="x", **STEPS).status_code == 200


def test_img2img_inpainting_and_hires_fix(served: Served) -> None:
    start = Image.new("RGB", (64, 64), (200, 30, 30))
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 32, 64))
    body = {"init_images": [coded(start)], "denoising_strength": 0.5, **STEPS}
    drawn = served.post("/sdapi/v1/img2img", json=body)
    assert drawn.status_code == 200, drawn.text
    masked = {"mask": coded(mask), "mask_blur": 0, "inpaint_full_res": False, "inpainting_fill": 1}
    inpainted = served.post("/sdapi/v1/img2img", json=body | masked)
    assert inpainted.status_code == 200, inpainted.text
    kept = picture_of(inpainted.json()["images"][0]).crop((36, 0, 64, 64))
    assert kept.getcolors() == [(28 * 64, (200, 30, 30))]
    large = served.draw(prompt="x", enable_hr=True, hr_scale=1.5, denoising_strength=0.5, **STEPS)
    assert large.status_code == 200, large.text
    assert picture_of(large.json()["images"][0]).size == (96, 96)


def test_extras(served: Served) -> None:
    body = {"image": coded(Image.new("RGB", (32, 16))), "upscaler_1": "Lanczos", "upscaling_resize": 2}
    answer = served.post("/sdapi/v1/extra-single-image", json=body)
    assert answer.status_code == 200, answer.text
    picture = picture_of(answer.json()["image"])
    assert picture.size == (64, 32)
    assert picture.text["postprocessing"] in answer.json()["html_info"]


def test_unload_and_the_next_job(served: Served) -> None:
    assert served.post("/sdapi/v1/unload-checkpoint").json() == {}
    assert served.draw(prompt="x", **STEPS).status_code == 200
    assert set(served.get("/sdapi/v1/embeddings").json()) == {"loaded", "skipped"}


def test_a_bad_checkpoint_is_said_before_the_address(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "Stable-diffusion"
    folder.mkdir(parents=True)
    (folder / "cut.safetensors").write_bytes(b"\x00\x01\x00\x00\x00\x00\x00\x00{")
    with serve(tmp_path, "--nowebui", "--use-cpu", "all", "--events", program=REAL) as served:
        kinds = [event.event for event in served.events()]
        failed = next(event for event in served.events() if isinstance(event, protocol.ModelFailed))
        assert kinds.index(failed.event) < kinds.index("serving")
        assert failed.code.startswith("checkpoint-")
        answer = served.draw(prompt="x")
        assert (answer.status_code, answer.json()["error"]) == (400, failed.code)
