"""The call sequences of novelai-bot (TypeScript) and aiyabot (Python), replayed as they send them."""

import base64
import io
import json

from PIL import Image

from tests.fakes.serving import Served


def as_address(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()


def test_novelai_bot_draws(server: Served) -> None:
    """Names the sampler in sampler_index, sends hires fields whatever the route, seeds up to 2 ** 32."""
    payload = {
        "sampler_index": "DPM++ 2M", "scheduler": "Karras", "restore_faces": False, "enable_hr": False,
        "hr_second_pass_steps": 0, "hr_upscaler": "None", "prompt": "masterpiece, 1girl", "negative_prompt": "nsfw",
        "batch_size": 1, "seed": 4294967295, "cfg_scale": 11, "steps": 4, "width": 64, "height": 128,
        "denoising_strength": 0.7,
    }  # fmt: skip
    answer = server.post("/sdapi/v1/txt2img", json=payload)
    assert answer.status_code == 200
    picture = answer.json()["images"][0]
    assert not picture.startswith("data:")
    assert Image.open(io.BytesIO(base64.b64decode(picture))).size == (64, 128)
    assert json.loads(answer.json()["info"])["prompt"] == "masterpiece, 1girl"


def test_novelai_bot_with_hires_fix(server: Served) -> None:
    payload = {
        "sampler_index": "Euler a", "scheduler": "Automatic", "enable_hr": True, "hr_second_pass_steps": 3,
        "hr_upscaler": "Latent (nearest)", "prompt": "x", "negative_prompt": "", "batch_size": 1, "seed": 1,
        "cfg_scale": 7, "steps": 4, "width": 64, "height": 64, "denoising_strength": 0.75,
    }  # fmt: skip
    answer = server.post("/sdapi/v1/txt2img", json=payload)
    assert Image.open(io.BytesIO(base64.b64decode(answer.json()["images"][0]))).size == (128, 128)


def test_novelai_bot_draws_over_a_picture(server: Served, png: bytes) -> None:
    """Fields of the other route are passed over."""
    payload = {
        "sampler_index": "DDIM", "scheduler": "Uniform", "init_images": [as_address(png)], "restore_faces": False,
        "enable_hr": False, "hr_second_pass_steps": 0, "hr_upscaler": "None", "prompt": "x", "negative_prompt": "",
        "batch_size": 1, "seed": 2, "cfg_scale": 7, "steps": 4, "width": 64, "height": 64, "denoising_strength": 0.4,
    }  # fmt: skip
    answer = server.post("/sdapi/v1/img2img", json=payload)
    assert answer.status_code == 200
    assert json.loads(answer.json()["info"])["denoising_strength"] == 0.4


def test_novelai_bot_enlarges(server: Served, png: bytes) -> None:
    """What is undefined in JavaScript is not sent."""
    payload = {
        "image": as_address(png), "resize_mode": 0, "show_extras_results": True, "upscaling_resize": 2,
        "upscaling_crop": True, "upscaler_1": "Lanczos", "upscaler_2": "None", "extras_upscaler_2_visibility": 1,
        "upscale_first": False,
    }  # fmt: skip
    answer = server.post("/sdapi/v1/extra-single-image", json=payload)
    assert answer.status_code == 200
    assert Image.open(io.BytesIO(base64.b64decode(answer.json()["image"]))).size == (128, 96)


def test_novelai_bots_build_reads_the_samplers(server: Served) -> None:
    by_alias = {one["aliases"][0]: one["name"] for one in server.get("/sdapi/v1/samplers").json()}
    assert by_alias["k_euler_a"] == "Euler a"
    assert by_alias["ddim"] == "DDIM"


def test_aiyabot_looks_around(server: Served) -> None:
    """Its start: who guards the API, what there is to choose."""
    assert server.get("/sdapi/v1/cmd-flags").status_code == 200
    assert server.get("/sdapi/v1/version").status_code == 404
    assert all(isinstance(one["title"], str) for one in server.get("/sdapi/v1/sd-models").json())
    for path, key in (("samplers", "name"), ("upscalers", "name"), ("sd-models", "model_name")):
        assert all(one[key] for one in server.get(f"/sdapi/v1/{path}").json())
    for path in ("prompt-styles", "face-restorers", "loras", "hypernetworks"):
        assert isinstance(server.get(f"/sdapi/v1/{path}").json(), list)
    assert isinstance(server.get("/sdapi/v1/embeddings").json()["loaded"], dict)


def test_aiyabot_draws_and_reads_its_picture_back(server: Served) -> None:
    title = server.get("/sdapi/v1/sd-models").json()[0]["title"]
    assert server.post("/sdapi/v1/options", json={"sd_model_checkpoint": title}).json() is None
    payload = {
        "prompt": "a cat", "negative_prompt": "", "steps": 4, "width": "64", "height": "64", "cfg_scale": "7.0",
        "sampler_index": "Euler a", "seed": 7, "seed_resize_from_h": -1, "seed_resize_from_w": -1,
        "denoising_strength": None, "n_iter": 1, "batch_size": 2, "styles": ["None"],
        "override_settings": {"CLIP_stop_at_last_layers": 2, "face_restoration_model": "CodeFormer"},
        "restore_faces": True,
    }  # fmt: skip
    answer = server.post("/sdapi/v1/txt2img", json=payload).json()
    info = json.loads(answer["info"])
    assert (info["clip_skip"], info["all_seeds"]) == (2, [7, 8])
    for picture in answer["images"]:
        found = server.post("/sdapi/v1/png-info", json={"image": "data:image/png;base64," + picture}).json()
        prompt, parameters = found["info"].split("\n")[0], found["info"].split("\n")[-1]
        assert prompt == "a cat"
        items = dict(item.split(": ", 1) for item in parameters.split(", "))
        assert {"Steps", "Sampler", "CFG scale", "Seed", "Size"} <= items.keys()


def test_aiyabot_with_hires_fix_halves_its_steps(server: Served) -> None:
    """steps / 2 in Python is a float; the other fields as it sends them."""
    payload = {
        "prompt": "a cat", "steps": 5, "width": 64, "height": 64, "sampler_index": "Euler a", "enable_hr": True,
        "hr_upscaler": "Latent", "hr_scale": 1, "hr_second_pass_steps": 5 / 2, "denoising_strength": "0.7",
        "n_iter": 1, "batch_size": 1, "styles": [],
    }  # fmt: skip
    answer = server.post("/sdapi/v1/txt2img", json=payload)
    assert answer.status_code == 200, answer.text
    assert answer.json()["parameters"]["hr_second_pass_steps"] == 2


def test_aiyabot_follows_progress(server: Served) -> None:
    idle = server.get("/sdapi/v1/progress").json()
    assert idle["state"]["job"] == ""
    assert idle["progress"] == 0
