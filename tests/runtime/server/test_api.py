"""The API as AUTOMATIC1111's clients use it: fields, shapes of answers, faults, listings."""

import base64
import json
import struct
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from runtime.options import DEFAULTS
from tests.fakes.serving import Served, until

FOUR = {"error", "detail", "body", "errors"}


def size_of(picture: str) -> tuple[int, int]:
    png = base64.b64decode(picture, validate=True)
    assert png.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_the_shape_of_an_answer(server: Served) -> None:
    answer = server.draw(prompt="a cat", negative_prompt="dog", steps=3, seed=7, batch_size=2, n_iter=2)
    assert answer.status_code == 200
    assert float(answer.headers["x-process-time"]) > 0
    body = answer.json()
    assert set(body) == {"images", "parameters", "info"}
    assert [size_of(picture) for picture in body["images"]] == [(128, 128)] * 4
    assert body["parameters"]["seed"] == 7
    info = json.loads(body["info"])
    assert info["all_seeds"] == [7, 8, 9, 10]
    assert len(info["infotexts"]) == len(info["all_prompts"]) == 4
    assert info["sampler_name"] == "Euler"
    assert not info["version"][0].isdigit()


def test_the_echo_tells_the_size_that_was_drawn_where_none_was_asked_for(server: Served) -> None:
    echo = server.draw(prompt="x", steps=1, enable_hr=True, hr_scale=2).json()["parameters"]
    assert (echo["width"], echo["height"]) == (128, 128)
    echo = server.draw(prompt="x", steps=1, height=64).json()["parameters"]
    assert (echo["width"], echo["height"], echo["seed"]) == (128, 64, -1)


def test_the_defaults_are_the_apis_not_the_pages(server: Served) -> None:
    echo = server.draw(prompt="x").json()["parameters"]
    assert (echo["steps"], echo["sampler_index"], echo["cfg_scale"], echo["denoising_strength"]) == (
        50,
        "Euler",
        7,
        None,
    )


def test_numbers_as_clients_send_them(server: Served) -> None:
    body = server.draw(
        prompt=5, steps="20", width=64.9, height="72", n_iter=True, batch_size=1.0, cfg_scale="7", seed=2**32,
        hr_second_pass_steps=12.5, send_images="yes", tiling=0, unknown_field={"a": 1},
    ).json()  # fmt: skip
    echo = body["parameters"]
    assert (echo["prompt"], echo["steps"], echo["width"], echo["height"]) == ("5", 20, 64, 72)
    assert (echo["n_iter"], echo["cfg_scale"], echo["hr_second_pass_steps"]) == (1, 7.0, 12)
    assert size_of(body["images"][0]) == (64, 72)
    assert json.loads(body["info"])["seed"] == 2**32


def test_every_field_may_be_null(server: Served) -> None:
    fields = server.draw(prompt="x", steps=1).json()["parameters"]
    assert server.draw(**dict.fromkeys(fields)).status_code == 200


@pytest.mark.parametrize(
    "fields",
    [{"steps": "20.5"}, {"prompt": ["a"]}, {"steps": []}, {"cfg_scale": "much"}, {"width": 1e300}, {"seed": "9" * 100},
     {"tiling": "perhaps"}, {"styles": "one"}, {"override_settings": 3}],
)  # fmt: skip
def test_what_no_client_should_send_is_422(server: Served, fields: dict[str, object]) -> None:
    answer = server.draw(**fields)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][:2] == ["body", next(iter(fields))]


@pytest.mark.parametrize(
    "raw", ["", "null", "[]", '"text"', "{", '{"cfg_scale": NaN}', '{"cfg_scale": 1e999}', "[" * 5000]
)
def test_a_body_that_is_no_object_of_numbers(server: Served, raw: str) -> None:
    answer = server.post("/sdapi/v1/txt2img", content=raw, headers={"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500, answer.text
    assert set(answer.json()) >= FOUR


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"sampler_name": "Nobody"}, 400, "Sampler not found"),
        ({"sampler_index": "k_euler"}, 400, "Sampler not found"),
        ({"script_name": "X/Y/Z conspiracy"}, 422, "not found"),
        ({"alwayson_scripts": {"ControlNet": []}}, 422, "not found"),
        ({"enable_hr": True, "hr_upscaler": "Nobody"}, 400, "Nobody"),
        ({"override_settings": {"CLIP_stop_at_last_layers": "two"}}, 400, "CLIP_stop_at_last_layers"),
        ({"override_settings": {"show_progress_every_n_steps": "abc"}}, 400, "show_progress_every_n_steps"),
        ({"override_settings": {"eta_ancestral": []}, "sampler_name": "Euler a"}, 400, "eta_ancestral"),
    ],
)
def test_a_users_fault_is_4xx_with_four_keys(server: Served, fields: dict[str, object], status: int, said: str) -> None:
    answer = server.draw(prompt="x", steps=1, **fields)
    assert answer.status_code == status
    assert set(answer.json()) >= FOUR
    assert said in answer.json()["detail"]


@pytest.mark.parametrize("name", ["", "None", "none", "Use same checkpoint"])
def test_no_further_checkpoint_in_every_spelling(server: Served, name: str) -> None:
    hires = {"enable_hr": True, "hr_checkpoint_name": name}
    assert server.draw(prompt="x", steps=1, refiner_checkpoint=name, refiner_switch_at=0.8, **hires).status_code == 200
    always = {"refiner": {"args": [True, name, 0.8]}}
    assert server.draw(prompt="x", steps=1, alwayson_scripts=always).status_code == 200


def test_an_unknown_further_checkpoint_is_refused_in_one_sentence(server: Served) -> None:
    always = {"refiner": {"args": [True, "nobody", 0.8]}}
    answers = [server.draw(prompt="x", refiner_checkpoint="nobody"), server.draw(prompt="x", alwayson_scripts=always)]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].json() == answers[1].json()
    hires = server.draw(prompt="x", enable_hr=True, hr_checkpoint_name="nobody").json()
    assert hires["detail"].replace("hr_checkpoint_name", "refiner_checkpoint") == answers[0].json()["detail"]


def test_a_failure_of_the_engine_is_told(server: Served) -> None:
    answer = server.draw(prompt="nan please")
    assert answer.status_code == 500
    assert "NaN" in answer.json()["errors"]


@pytest.mark.parametrize(
    ("fields", "sampler", "scheduler"),
    [
        ({"sampler_name": "DPM++ 2M Karras"}, "DPM++ 2M", "Karras"),
        ({"sampler_name": "Euler a", "sampler_index": "DDIM"}, "Euler a", "Automatic"),
        ({"sampler_name": "", "sampler_index": "DDIM"}, "DDIM", "Automatic"),
        ({"sampler_name": "Euler", "scheduler": "karras"}, "Euler", "Karras"),
        ({"sampler_name": "Euler", "scheduler": "no such"}, "Euler", "no such"),
        ({"sampler_name": "DPM++ 2M Karras", "scheduler": "automatic"}, "DPM++ 2M", "Karras"),
        ({"sampler_name": "DPM++ 2M Karras", "scheduler": "Exponential"}, "DPM++ 2M", "Exponential"),
    ],
)
def test_names_of_samplers(fields: dict[str, str], sampler: str, scheduler: str) -> None:
    from runtime.api.asking import sampler_of
    from runtime.api.models import Txt2ImgBody

    body = Txt2ImgBody.model_validate(fields)
    assert sampler_of(body.sampler_name or body.sampler_index, body.scheduler) == (sampler, scheduler)


TEXT = """a cat
on a mat
Negative prompt: dog
Steps: 3, Sampler: DDIM, CFG scale: 5.5, Seed: 77, Size: 64x72, Clip skip: 2, Version: v1.10.1"""


def test_an_infotext_fills_what_the_request_does_not_say(server: Served) -> None:
    body = server.draw(infotext=TEXT, seed=5, negative_prompt=None).json()
    echo = body["parameters"]
    assert (echo["prompt"], echo["negative_prompt"], echo["steps"]) == ("a cat\non a mat", "dog", 3)
    assert (echo["sampler_name"], echo["cfg_scale"], echo["seed"]) == ("DDIM", 5.5, 5)
    assert size_of(body["images"][0]) == (64, 72)
    info = json.loads(body["info"])
    assert (info["clip_skip"], info["sampler_name"]) == (2, "DDIM")
    said = server.draw(infotext=TEXT, sampler_index="Euler a", override_settings={"CLIP_stop_at_last_layers": 1})
    info = json.loads(said.json()["info"])
    assert (info["clip_skip"], info["sampler_name"]) == (1, "Euler a")


def test_an_infotext_with_a_value_that_is_none_is_4xx(server: Served) -> None:
    answer = server.draw(infotext=TEXT.replace("CFG scale: 5.5", "CFG scale: much"))
    assert answer.status_code == 400
    assert "cfg_scale" in answer.json()["detail"]


def test_the_info_is_of_the_job(server: Served) -> None:
    before = time.strftime("%Y%m%d%H%M%S")
    info = json.loads(server.draw(prompt="a cat # not this", negative_prompt="dog#", steps=1).json()["info"])
    assert (info["prompt"], info["all_prompts"], info["negative_prompt"]) == ("a cat", ["a cat"], "dog")
    assert before <= info["job_timestamp"] <= time.strftime("%Y%m%d%H%M%S")


def test_send_images_false_sends_none(server: Served) -> None:
    assert server.draw(prompt="x", steps=1, send_images=False).json()["images"] == []


def test_progress_and_interrupt_while_others_wait(server: Served) -> None:
    idle = server.progress()
    assert (idle["progress"], idle["state"]["job"], idle["state"]["job_count"], idle["current_image"]) == (
        0,
        "",
        0,
        None,
    )
    with ThreadPoolExecutor(60) as pool:
        # more waiting clients than the server has threads: control must not stand behind them
        job = pool.submit(server.draw, prompt="slow", steps=200, n_iter=3)
        waiting = [pool.submit(server.draw, prompt="x", steps=1) for _ in range(50)]
        busy = until(
            lambda: (now := server.progress())["state"]["sampling_step"] >= 10 and now["current_image"] and now
        )
        assert 0 < busy["progress"] < 1
        assert busy["eta_relative"] > 0
        assert (busy["state"]["job_count"], busy["state"]["sampling_steps"]) == (3, 200)
        assert busy["state"]["job"]
        size_of(busy["current_image"])
        assert server.get("/sdapi/v1/progress?skip_current_image=true").json()["current_image"] is None
        assert server.post("/sdapi/v1/interrupt").json() == {}
        answer = job.result(120)
        assert answer.status_code == 200
        assert len(answer.json()["images"]) == 1
        assert all(one.result(120).status_code == 200 for one in waiting), (
            "an interrupt ends one job, not those behind it"
        )
    assert server.progress()["progress"] == 0


def test_what_answers_null(server: Served) -> None:
    for path in ("skip", "refresh-checkpoints"):
        answer = server.post(f"/sdapi/v1/{path}")
        assert (answer.status_code, answer.json()) == (200, None)
    assert server.post("/sdapi/v1/options", json={"send_seed": False}).json() is None


def test_models_are_listed_in_natural_order_with_their_hashes(server: Served) -> None:
    models = server.get("/sdapi/v1/sd-models").json()
    names = [one["title"].split(" [")[0] for one in models]
    assert names[:3] == ["model2.safetensors", "model10.safetensors", "sub/other.ckpt"]
    assert not any("vae" in name for name in names)
    assert models[2]["model_name"] == "sub_other"
    loaded = until(lambda: next((one for one in server.get("/sdapi/v1/sd-models").json() if one["hash"]), None))
    assert loaded["title"].endswith(f"[{loaded['sha256'][:10]}]")


def test_options_are_kept_and_unknown_ones_stored(server: Served) -> None:
    assert (
        server.post(
            "/sdapi/v1/options", json={"CLIP_stop_at_last_layers": 2.0, "jpeg_quality": "90", "their own": [1]}
        ).status_code
        == 200
    )
    found = server.get("/sdapi/v1/options").json()
    assert (found["CLIP_stop_at_last_layers"], found["jpeg_quality"]) == (2, 90)
    assert "their own" not in found
    stored = json.loads((server.output.parent / "config.json").read_text(encoding="utf-8"))
    assert stored["their own"] == [1]
    server.post("/sdapi/v1/options", json={"CLIP_stop_at_last_layers": 1})


NUMBERS_AND_SWITCHES = (
    "CLIP_stop_at_last_layers", "eta_ancestral", "eta_ddim", "live_previews_enable", "samples_save",
    "show_progress_every_n_steps",
)  # fmt: skip


@pytest.mark.parametrize("value", ["abc", [], {}, "NaN", "9" * 400])
def test_a_value_that_an_option_cannot_take_is_refused_and_the_stored_one_stays(server: Served, value: object) -> None:
    before = server.get("/sdapi/v1/options").json()
    for name in NUMBERS_AND_SWITCHES:
        refused = server.post("/sdapi/v1/options", json={"jpeg_quality": 33, name: value})
        assert refused.status_code == 400
        assert name in refused.json()["detail"]
        assert server.draw(prompt="x", override_settings={name: value}).json() == refused.json()
    assert server.get("/sdapi/v1/options").json() == before
    for sampler in ("Euler a", "DDIM"):
        assert server.draw(prompt="x", steps=1, sampler_name=sampler).status_code == 200


def test_null_brings_an_options_default_back(server: Served) -> None:
    before = server.get("/sdapi/v1/options").json()
    names = [*NUMBERS_AND_SWITCHES, "outdir_samples", "outdir_txt2img_samples"]
    assert server.post("/sdapi/v1/options", json=dict.fromkeys(names)).status_code == 200
    assert server.draw(prompt="x", steps=1, override_settings=dict.fromkeys(names)).status_code == 200
    after = server.get("/sdapi/v1/options").json()
    assert {name: after[name] for name in names} == {name: DEFAULTS[name] for name in names}
    server.post("/sdapi/v1/options", json={name: before[name] for name in names})


def test_a_model_is_switched_by_every_spelling_and_the_call_waits(server: Served) -> None:
    server.post("/sdapi/v1/options", json={"sd_model_checkpoint": "model10.safetensors"})
    title = until(
        lambda: (name := server.get("/sdapi/v1/options").json()["sd_model_checkpoint"]).endswith("]") and name
    )
    digest = server.get("/sdapi/v1/options").json()["sd_checkpoint_hash"]
    for spelling in (
        title,
        "model10",
        digest,
        digest[:10],
        f"model10 [{digest[:10]}]",
        "model10.safetensors [00000000]",
    ):
        server.post("/sdapi/v1/options", json={"sd_model_checkpoint": "model2"})
        assert server.get("/sdapi/v1/options").json()["sd_model_checkpoint"].startswith("model2")
        assert server.post("/sdapi/v1/options", json={"sd_model_checkpoint": spelling}).status_code == 200, spelling
        assert server.get("/sdapi/v1/options").json()["sd_model_checkpoint"] == title
    unknown = server.post("/sdapi/v1/options", json={"sd_model_checkpoint": "nobody", "send_seed": True})
    assert unknown.status_code == 400
    assert "not found" in unknown.json()["errors"]
    assert server.get("/sdapi/v1/options").json()["send_seed"] is False, "nothing of the request is applied"


@pytest.mark.parametrize(
    "path",
    ["samplers", "schedulers", "upscalers", "latent-upscale-modes", "sd-vae", "hypernetworks", "face-restorers",
     "realesrgan-models", "prompt-styles", "embeddings", "loras", "scripts", "script-info", "memory", "cmd-flags"],
)  # fmt: skip
def test_every_listing_answers(server: Served, path: str) -> None:
    answer = server.get(f"/sdapi/v1/{path}")
    assert answer.status_code == 200
    assert isinstance(answer.json(), (list, dict))


def test_listings_that_clients_index(server: Served) -> None:
    assert all(one["aliases"] for one in server.get("/sdapi/v1/samplers").json())
    assert "x/y/z plot" in server.get("/sdapi/v1/scripts").json()["txt2img"]
    assert server.get("/sdapi/v1/memory").json()["ram"]["total"] > 0


@pytest.mark.parametrize(
    "path", ["/sdapi/v1/version", "/sdapi/v1/artists", "/sdapi/v1/preprocess", "/nothing", "/config"]
)
def test_what_is_not_there_is_404(server: Served, path: str) -> None:
    assert server.get(path).status_code == 404
    assert server.get(path).json() == {"detail": "Not Found"}


def test_the_docs_load_nothing_from_elsewhere(server: Served) -> None:
    page = server.get("/docs").text
    assert "/sdapi/v1/txt2img" in page
    assert "http://" not in page
    assert "https://" not in page
    assert "/sdapi/v1/txt2img" in server.get("/openapi.json").json()["paths"]


def test_long_answers_are_compressed_for_those_who_ask(server: Served) -> None:
    answer = server.get("/sdapi/v1/options", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
