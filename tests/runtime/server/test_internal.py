"""The routes beside /sdapi: progress of a named job, what waits, how the server is ended."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.serving import Served, put_checkpoint, serve, until


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("internal")
    put_checkpoint(folder, "model.safetensors")
    # the page itself is not waited for: these routes are there before it
    with serve(folder, "--api-server-stop", "--gradio-auth", "me:secret", "--api-log") as found:
        found.client.auth = ("me", "secret")
        yield found


def ask(served: Served, task: str, **more: object) -> dict[str, Any]:
    found: dict[str, Any] = served.post("/internal/progress", json={"id_task": task, **more}).json()
    return found


def test_a_named_job_from_its_queue_to_its_end(served: Served) -> None:
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(served.draw, prompt="slow", steps=60, force_task_id="task(mine)")
        until(lambda: ask(served, "task(mine)")["active"])
        second = pool.submit(served.draw, prompt="x", steps=1, force_task_id="task(next)")
        waiting = until(lambda: (found := ask(served, "task(next)"))["queued"] and found)
        assert (waiting["active"], waiting["completed"]) == (False, False)
        assert served.get("/internal/pending-tasks").json() == {"size": 2, "tasks": ["task(mine)", "task(next)"]}
        shown = until(lambda: (found := ask(served, "task(mine)"))["live_preview"] and found)
        assert shown["live_preview"].startswith("data:image/png;base64,")
        assert 0 < shown["progress"] < 1
        number = shown["id_live_preview"]
        assert ask(served, "task(mine)", live_preview=False)["live_preview"] is None
        same = ask(served, "task(mine)", id_live_preview=number)
        assert same["live_preview"] is None or same["id_live_preview"] > number
        served.post("/sdapi/v1/interrupt")
        assert first.result(60).status_code == second.result(60).status_code == 200
    assert ask(served, "task(mine)")["completed"]
    unknown = ask(served, "task(nobody)")
    assert not any(unknown[state] for state in ("active", "queued", "completed"))


def test_hires_fix_counts_twice_and_batches_have_names(served: Served) -> None:
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(served.draw, prompt="slow", steps=10, n_iter=2, enable_hr=True, width=64, height=64)
        state = until(lambda: (now := served.progress()["state"])["sampling_step"] and now)
        assert (state["job_count"], state["sampling_steps"], state["job"]) == (4, 10, "Batch 1 out of 4")
        served.post("/sdapi/v1/interrupt")
        job.result(60)


def test_skip_goes_on_with_the_next_batch(served: Served) -> None:
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(served.draw, prompt="slow", steps=8, n_iter=3)
        until(lambda: served.progress()["state"]["sampling_step"] >= 2)
        assert served.post("/sdapi/v1/skip").json() is None
        answer = job.result(60).json()
    assert len(answer["images"]) == 2


def test_hints_and_sysinfo_tell_no_secret(served: Served) -> None:
    hints = served.get("/internal/quicksettings-hint").json()
    assert {"name": "sd_model_checkpoint", "label": "Stable Diffusion checkpoint"} in hints
    text = served.get("/internal/sysinfo").text
    assert "secret" not in text
    assert str(served.output.parent) not in text
    assert json.loads(text)["Commandline"]["api_server_stop"] is True


def test_unload_and_reload(served: Served) -> None:
    assert served.post("/sdapi/v1/unload-checkpoint").json() == {}
    assert served.draw(prompt="x", steps=1).status_code == 200, "it is loaded again for a job"
    assert served.post("/sdapi/v1/unload-checkpoint").json() == {}
    assert served.post("/sdapi/v1/reload-checkpoint").json() == {}
    for path in ("refresh-loras", "refresh-vae", "refresh-embeddings"):
        assert served.post(f"/sdapi/v1/{path}").json() is None


@pytest.mark.parametrize("path", ["create/embedding", "create/hypernetwork", "train/embedding", "train/hypernetwork"])
def test_training_answers_honestly(served: Served, path: str) -> None:
    answer = served.post(f"/sdapi/v1/{path}", json={"name": "x"})
    assert answer.status_code == 200
    assert "not part of this program" in answer.json()["info"]


def test_every_request_is_one_line(served: Served) -> None:
    served.get("/sdapi/v1/samplers")
    assert until(lambda: [line for line in served.log().splitlines() if "GET /sdapi/v1/samplers" in line])


def test_the_docs_name_every_field_with_its_default(served: Served) -> None:
    page = served.get("/docs").text
    for field in ("hr_second_pass_steps", "inpainting_fill", "upscaling_resize", "imageList", "id_live_preview"):
        assert f"<code>{field}</code>" in page
    assert "http" not in page.replace("https", "http").replace("/sdapi", "").split("<h1>")[1].split("openapi")[0]


def test_without_the_flag_nobody_ends_the_server(server: Served) -> None:
    for path in ("server-kill", "server-stop", "server-restart"):
        assert server.post(f"/sdapi/v1/{path}").status_code == 404
    assert server.get("/internal/pending-tasks").status_code == 404, "there is no page"


def test_ways_to_end_the_server(data: Path) -> None:
    with serve(data, "--nowebui", "--api-server-stop") as served:
        assert served.post("/sdapi/v1/server-restart").status_code == 501
        stopped = served.post("/sdapi/v1/server-stop")
        assert (stopped.status_code, stopped.text) == (200, "Stopping.")
        assert served.process.wait(60) == 130, "in order, as after Ctrl-C"
    marker = data / "restart"
    with serve(data, "--nowebui", "--api-server-stop", SD_WEBUI_RESTART=str(marker)) as served:
        assert served.post("/sdapi/v1/server-restart").status_code == 200
        assert served.process.wait(60) == 0
        assert marker.is_file()
    with serve(data, "--nowebui", "--api-server-stop") as served:
        with pytest.raises(httpx.TransportError):
            served.post("/sdapi/v1/server-kill")
        assert served.process.wait(60) is not None
