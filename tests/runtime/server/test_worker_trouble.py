"""A worker that dies, a checkpoint that cannot be loaded, a choice that lasts: the server says so and goes on."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runtime import protocol
from runtime.worker_process import died
from tests.fakes.serving import put_checkpoint, serve, until

FOUR = {"error", "detail", "body", "errors"}


def test_a_dead_worker_is_said_and_replaced(data: Path) -> None:
    with serve(data, "--nowebui", "--events") as served:
        with ThreadPoolExecutor(2) as pool:
            dying = pool.submit(served.draw, prompt="die", steps=5)
            behind = pool.submit(served.draw, prompt="fine", steps=2)
            died = dying.result(120)
            assert behind.result(120).status_code == 200
        assert died.status_code == 500
        assert set(died.json()) >= FOUR
        assert died.json()["error"] == "worker-died"
        assert "exit code 9" in died.json()["detail"]
        assert served.draw(prompt="again", steps=1).status_code == 200
        assert served.progress()["progress"] == 0
        loaded = [event for event in served.events() if isinstance(event, protocol.Model)]
        assert len(loaded) == 2


def test_a_picture_waits_for_its_model(tmp_path: Path) -> None:
    put_checkpoint(tmp_path, "a.safetensors", "slow.safetensors")
    with serve(tmp_path, "--nowebui", "--events") as served, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(served.draw, prompt="x", steps=1, override_settings={"sd_model_checkpoint": "slow"})
        until(lambda: served.progress()["textinfo"] == "Loading slow.safetensors")
        assert waiting.result(120).status_code == 200


def test_the_model_begins_to_load_before_anything_answers(tmp_path: Path) -> None:
    put_checkpoint(tmp_path, "a.safetensors")
    with serve(tmp_path, "--nowebui", "--events") as served:
        said = until(lambda: served.events() if any(one.event == "serving" for one in served.events()) else None)
    kinds = [one.event for one in said if one.event == "serving" or one == protocol.Phase("model")]
    assert kinds[:2] == ["phase", "serving"]


def test_a_checkpoint_that_cannot_be_loaded_leaves_the_server_up_and_is_said(tmp_path: Path) -> None:
    put_checkpoint(tmp_path, "a-broken.safetensors", "b-good.safetensors")
    with serve(tmp_path, "--nowebui", "--events") as served:
        failed = until(lambda: [event for event in served.events() if isinstance(event, protocol.ModelFailed)])
        assert failed[0].code == "checkpoint-truncated"
        until(lambda: "cut short" in served.log())
        for _ in range(2):
            answer = served.draw(prompt="x", steps=1)
            assert answer.status_code == 400, "the file is the user's to replace"
            assert set(answer.json()) >= FOUR
            assert "cut short" in answer.json()["errors"]
        assert len(served.get("/sdapi/v1/sd-models").json()) >= 2, "a bad file is listed all the same"
        assert served.post("/sdapi/v1/options", json={"sd_model_checkpoint": "b-good"}).status_code == 200
        assert served.draw(prompt="x", steps=1).status_code == 200
        again = served.post("/sdapi/v1/options", json={"sd_model_checkpoint": "a-broken"})
        assert again.status_code == 400
        assert "cut short" in again.json()["errors"]
        loads = len(served.events())
        assert served.draw(prompt="x", steps=1).status_code == 200, "the model before it still draws"
        assert not any(isinstance(event, protocol.Model) for event in served.events()[loads:]), "without a new load"
        assert served.get("/sdapi/v1/options").json()["sd_model_checkpoint"].startswith("b-good")


def test_a_checkpoint_that_kills_the_worker_does_not_kill_it_for_ever(tmp_path: Path) -> None:
    put_checkpoint(tmp_path, "a-killer.safetensors", "b-good.safetensors")
    with serve(tmp_path, "--nowebui", "--events") as served:
        failed = until(lambda: [event for event in served.events() if isinstance(event, protocol.ModelFailed)])
        assert failed[0].code == "worker-died"
        starts = [event for event in served.events() if event == protocol.Phase("torch")]
        assert len(starts) == 1, "it is not started again until somebody asks"
        asked = served.draw(prompt="x", steps=1)
        assert (asked.status_code, asked.json()["error"]) == (500, "worker-died")
        picture = served.draw(prompt="x", steps=1, override_settings={"sd_model_checkpoint": "b-good"})
        assert picture.status_code == 200


def test_a_worker_that_dies_of_its_loaded_model_is_not_started_again_until_somebody_asks(tmp_path: Path) -> None:
    put_checkpoint(tmp_path, "a-frail.safetensors")

    def told(kind: type[protocol.Event]) -> int:
        return sum(isinstance(event, kind) for event in served.events())

    with serve(tmp_path, "--nowebui", "--events") as served:
        until(lambda: told(protocol.ModelFailed))
        time.sleep(5)
        assert (told(protocol.Model), told(protocol.ModelFailed)) == (1, 1)
        assert served.log().count("when somebody asks") == 1
        died = served.draw(prompt="x", steps=1)
        assert (died.status_code, died.json()["error"]) == (500, "worker-died")
        until(lambda: told(protocol.ModelFailed) == 2)
        time.sleep(2)
        assert told(protocol.Model) == 2, "once for each who asks"


def test_the_model_comes_back_by_itself_after_a_worker_that_drew(tmp_path: Path) -> None:
    put_checkpoint(tmp_path, "a.safetensors")
    with serve(tmp_path, "--nowebui", "--events") as served:
        assert served.draw(prompt="x", steps=1).status_code == 200
        assert served.draw(prompt="die", steps=3).json()["error"] == "worker-died"
        until(lambda: sum(isinstance(event, protocol.Model) for event in served.events()) == 2)


def test_a_killer_for_one_job_only_ends_that_job_and_the_model_before_it_comes_back(tmp_path: Path) -> None:
    put_checkpoint(tmp_path, "a-good.safetensors", "b-killer.safetensors")
    with serve(tmp_path, "--nowebui", "--events") as served:
        assert served.draw(prompt="x", steps=1).status_code == 200
        for _ in range(2):
            died = served.draw(prompt="x", steps=1, override_settings={"sd_model_checkpoint": "b-killer"})
            assert (died.status_code, died.json()["error"]) == (500, "worker-died")
        assert served.draw(prompt="x", steps=1).status_code == 200
        events = served.events()
        assert len([event for event in events if isinstance(event, protocol.ModelFailed)]) == 2


def test_another_checkpoint_for_one_job_only(tmp_path: Path) -> None:
    put_checkpoint(tmp_path, "a.safetensors", "b.safetensors")
    with serve(tmp_path, "--nowebui", "--events") as served:
        other = {"sd_model_checkpoint": "b", "sd_unet": "None"}
        assert served.draw(prompt="x", steps=1, override_settings=other).status_code == 200
        assert served.get("/sdapi/v1/options").json()["sd_model_checkpoint"].startswith("a.")
        assert served.draw(prompt="x", steps=1).status_code == 200
        titles = [event.title for event in served.events() if isinstance(event, protocol.Model)]
        assert titles == ["a.safetensors", "b.safetensors", "a.safetensors"]


def test_the_cards_memory_and_an_inpainting_model_are_told(tmp_path: Path) -> None:
    put_checkpoint(tmp_path, "a-nine-on-card.safetensors", "b.safetensors")
    with serve(tmp_path, "--nowebui") as served:

        def inpainting(**fields: object) -> bool:
            return bool(json.loads(served.draw(steps=1, **fields).json()["info"])["is_using_inpainting_conditioning"])

        assert inpainting(prompt="x")
        card = served.get("/sdapi/v1/memory").json()["cuda"]
        assert (card["system"]["total"], card["active"]["peak"], card["events"]["oom"]) == (4 << 30, 7, 1)
        assert served.draw(prompt="die", steps=3).json()["error"] == "worker-died"
        other = {"sd_model_checkpoint": "b"}
        assert not inpainting(prompt="Conditional mask weight: 1", override_settings=other)


def test_the_launcher_hears_how_much_of_the_card_was_held_and_that_it_was_too_little(tmp_path: Path) -> None:
    put_checkpoint(tmp_path, "a-card.safetensors")
    with serve(tmp_path, "--nowebui", "--events") as served:
        assert served.draw(prompt="x", steps=1).status_code == 200
        assert served.draw(prompt="too large", steps=1).json()["error"] == "out-of-memory"
        assert served.draw(prompt="x", steps=1).status_code == 200
        told = [event for event in served.events() if isinstance(event, protocol.Memory | protocol.Shortage)]
        assert told == [protocol.Memory(3072), protocol.Shortage("The card has too little memory.")]


def test_what_a_job_sets_stays_set_where_it_says_so(tmp_path: Path) -> None:
    put_checkpoint(tmp_path, "a.safetensors", "b.safetensors")
    with serve(tmp_path, "--nowebui", "--events") as served:
        overrides = {"sd_model_checkpoint": "b", "CLIP_stop_at_last_layers": "2", "samples_format": "jpg",
                     "outdir_txt2img_samples": "/etc", "sd_unet": "None"}  # fmt: skip
        job = {"prompt": "x", "steps": 1, "override_settings": overrides}
        assert served.draw(**job).status_code == 200
        options = served.get("/sdapi/v1/options").json()
        assert (options["sd_model_checkpoint"].split(" ")[0], options["samples_format"]) == ("a.safetensors", "png")
        assert served.draw(**job, override_settings_restore_afterwards=False).status_code == 200
        options = served.get("/sdapi/v1/options").json()
        assert options["sd_model_checkpoint"].startswith("b.safetensors")
        assert (options["CLIP_stop_at_last_layers"], options["samples_format"]) == (2, "jpg")
        assert options["outdir_txt2img_samples"] == "outputs/txt2img-images"
        behind = json.loads(served.draw(prompt="y", steps=1).json()["info"])
        assert (behind["clip_skip"], behind["sd_model_name"]) == (2, "b")
        refused = served.draw(
            prompt="nan", override_settings={"jpeg_quality": 5}, override_settings_restore_afterwards=False
        )
        assert refused.status_code == 500
        assert served.get("/sdapi/v1/options").json()["jpeg_quality"] == 80, "a job that failed leaves nothing"
    with serve(tmp_path, "--nowebui", "--freeze-settings") as served:
        frozen = served.draw(
            prompt="x", override_settings={"jpeg_quality": 5}, override_settings_restore_afterwards=False
        )
        assert frozen.status_code == 403
        assert served.get("/sdapi/v1/options").json()["jpeg_quality"] == 80


def test_what_a_pasted_infotext_sets_is_for_its_job_alone(tmp_path: Path) -> None:
    put_checkpoint(tmp_path, "a.safetensors", "b.safetensors")
    with serve(tmp_path, "--nowebui") as served:
        text = "x\nSteps: 1, Sampler: Euler, Seed: 1, Size: 64x64, Model: b, Clip skip: 5"
        drawn = served.draw(
            infotext=text, override_settings={"jpeg_quality": 5}, override_settings_restore_afterwards=False
        )
        info = json.loads(drawn.json()["info"])
        assert (info["clip_skip"], info["sd_model_name"]) == (5, "b")
        options = served.get("/sdapi/v1/options").json()
        assert options["jpeg_quality"] == 5, "the request's own"
        assert options["CLIP_stop_at_last_layers"] == 1
        assert options["sd_model_checkpoint"].startswith("a.safetensors")


def test_the_choice_outlives_the_server(tmp_path: Path) -> None:
    put_checkpoint(tmp_path, "a.safetensors", "b.safetensors")
    with serve(tmp_path, "--nowebui") as served:
        served.post("/sdapi/v1/options", json={"sd_model_checkpoint": "b"})
    with serve(tmp_path, "--nowebui", "--skip-load-model-at-start", "--events") as served:
        assert served.get("/sdapi/v1/options").json()["sd_model_checkpoint"].startswith("b.")
        assert not any(event == protocol.Phase("model") for event in served.events())
        assert served.draw(prompt="x", steps=1).status_code == 200
        assert any(isinstance(event, protocol.Model) for event in served.events())


@pytest.mark.parametrize(
    ("code", "said"),
    [(-9, "memory"), (-11, "SIGSEGV"), (-4, "processor"), (-99, "signal 99"), (3, "exit code 3"), (None, "channel"),
     (0xC0000005, "access violation"), (-1073741819 + 2**32, "access violation"), (0xC000012D, "0xC000012D")],
)  # fmt: skip
def test_exit_codes_in_words(code: int | None, said: str) -> None:
    assert said in died(code).message
