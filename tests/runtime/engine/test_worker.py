"""The worker as a real process at the other end of a real channel."""

import hashlib
import io
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from PIL import Image

from runtime import wire
from runtime.channel import ChannelClosedError, Message, start_with_channel
from runtime.request import Extras, ExtrasResult, Request
from runtime.worker_flags import parse

CHECKOUT = Path(__file__).resolve().parents[3]
#: seconds; generous, for importing torch on a busy machine takes long
LIMIT = 400


class Server:
    """The server's end."""

    def __init__(self, data_folder: Path) -> None:
        command = [sys.executable, "-m", "runtime.worker", "--data-dir", str(data_folder), "--use-cpu", "all"]
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"}
        self.child, self.channel = start_with_channel([*command, "--xformers"], environment)

    def send(self, **body):
        self.channel.send(Message(body))

    def next(self) -> Message:
        assert self.channel.waiting(LIMIT), "the worker says nothing"
        return self.channel.receive()

    def until(self, *events: str) -> Message:
        while True:
            message = self.next()
            if message.body["event"] in events:
                return message


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("data"))
    yield server
    server.channel.close()
    server.child.wait(LIMIT)


@pytest.fixture(scope="module")
def loaded(server, checkpoint_file):
    server.send(do="load", path=str(checkpoint_file))
    said = {}
    while not said.keys() >= {"loaded", "hash", "embeddings"}:
        body = server.next().body
        assert body["event"] != "failed", body
        said[body["event"]] = body
    return said["loaded"] | {"hash": said["hash"]["hash"], "hash of": said["hash"]["path"]}


def generate(server, job, **fields):
    request = asdict(
        Request(**({"prompt": "a cat", "steps": 2, "seed": 1, "save": False, "save_grid": False} | fields))
    )
    server.send(do="generate", id=job, request=request)


def test_the_first_words_are_about_torch_then_a_model_is_needed(server):
    assert server.next().body == {"event": "phase", "name": "torch"}
    generate(server, "early")
    failed = server.until("failed").body
    assert (failed["id"], failed["code"]) == ("early", "no-model")


def test_pictures_are_enlarged_without_a_model(server):
    source = io.BytesIO()
    Image.new("RGB", (24, 16), "red").save(source, "PNG")
    body, blobs = wire.pack(Extras((source.getvalue(),) * 2, upscaler_1="Lanczos"))
    server.channel.send(Message({"do": "enlarge", "id": "larger", "request": body}, blobs))
    step = server.until("step", "failed").body
    assert step == {"event": "step", "id": "larger", "step": 1, "steps": 1, "batch": 1, "batches": 2}
    done = server.until("done", "failed")
    result = wire.unpack(ExtrasResult, done.body["result"], done.blobs)
    assert [Image.open(io.BytesIO(one.data)).size for one in result.pictures] == [(48, 32)] * 2
    server.send(do="enlarge", id="none", request=wire.pack(Extras((), upscaler_1="Magic"))[0])
    assert server.until("done", "failed").body["code"] == "upscaler-unknown"


def test_loading_tells_title_size_and_hash(loaded, checkpoint_file):
    assert loaded["event"] == "loaded"
    assert (loaded["path"], loaded["title"]) == (str(checkpoint_file), "tiny")
    assert (loaded["width"], loaded["height"]) == (64, 64)
    assert loaded["hash of"] == loaded["path"]
    assert loaded["hash"] == hashlib.sha256(checkpoint_file.read_bytes()).hexdigest()


def test_a_job_reports_steps_and_ends_with_pictures(server, loaded):
    generate(server, "one", steps=3, batch_size=2, preview_every=1)
    steps, done = [], server.until("step")
    while done.body["event"] == "step":
        steps.append(done)
        done = server.next()
    previews = [step for step in steps if step.blobs]
    reports = [step for step in steps if not step.blobs]
    assert [step.body["step"] for step in reports] == [1, 2, 3]
    assert reports[0].body == {"event": "step", "id": "one", "step": 1, "steps": 3, "batch": 1, "batches": 1}
    assert [len(step.blobs) for step in previews] == [1]
    assert (done.body["event"], done.body["id"]) == ("done", "one")
    assert [picture["seed"] for picture in done.body["result"]["pictures"]] == [1, 2]
    assert len(done.blobs) == 2
    assert all(blob.startswith(b"\x89PNG") for blob in done.blobs)
    assert done.body["result"]["model_hash"] == loaded["hash"][:10]


def test_an_interrupt_in_the_middle_ends_the_job_early(server, loaded):
    generate(server, "long", steps=500)
    server.until("step")
    server.send(do="interrupt")
    done = server.until("done", "failed").body
    assert done["event"] == "done"
    assert done["result"]["interrupted"]
    assert len(done["result"]["pictures"]) == 1


def test_skip_ends_a_batch_and_the_next_goes_on(server, loaded):
    generate(server, "skip", steps=300, n_iter=2)
    server.until("step")
    server.send(do="skip")
    while (step := server.until("step", "done")).body.get("batch") == 1:
        assert step.body["step"] < 300
    server.send(do="interrupt")
    done = server.until("done").body["result"]
    assert done["interrupted"]
    assert [picture["seed"] for picture in done["pictures"]] == [1, 2]


def test_an_old_interrupt_does_not_end_the_next_job(server, loaded):
    server.send(do="interrupt")
    generate(server, "after", steps=2)
    assert not server.until("done").body["result"]["interrupted"]


def test_what_arrives_during_a_job_is_done_after_it(server, loaded):
    generate(server, "first", steps=20)
    server.until("step")
    generate(server, "second", steps=1)
    assert [server.until("done").body["id"] for _ in range(2)] == ["first", "second"]


def test_a_bad_request_is_answered_and_the_worker_goes_on(server, loaded):
    generate(server, "bad", sampler_name="Nonsense")
    failed = server.until("failed").body
    assert (failed["id"], failed["code"]) == ("bad", "sampler-unknown")
    assert failed["message"]
    assert failed["hint"]
    server.send(do="generate", id="odd", request="nonsense")
    assert server.until("failed").body["code"] == "worker-fault"


def test_a_bad_checkpoint_is_said_and_the_old_model_stays(server, loaded, tmp_path):
    page = tmp_path / "page.safetensors"
    page.write_text("<!doctype html>")
    server.send(do="load", path=str(page))
    failed = server.until("failed").body
    assert (failed["path"], failed["code"]) == (str(page), "checkpoint-is-web-page")
    assert failed["id"] is None
    generate(server, "still")
    assert server.until("done", "failed").body["event"] == "done"


def test_stop_and_the_end_of_the_channel_end_the_process(server, loaded):
    generate(server, "last", steps=500)
    server.until("step")
    server.send(do="stop")
    assert server.until("done").body["result"]["interrupted"]
    assert server.child.wait(LIMIT) == 0
    with pytest.raises(ChannelClosedError):
        server.channel.receive()


def test_a_server_that_is_gone_ends_the_worker(tmp_path):
    server = Server(tmp_path)
    server.channel.close()
    assert server.child.wait(LIMIT) == 0


def test_a_flag_with_several_values_leaves_the_handle(tmp_path):
    found = parse(["--unknown", "x", "--no-hashing", "--use-cpu", "all", "7"])
    assert (found.handle, found.hashing, found.flags.use_cpu) == (7, False, ["all"])


def test_prove_says_one_line(tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "runtime.prove"]
    ran = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=LIMIT)
    found = json.loads(ran.stdout)
    assert (ran.returncode, found["ok"], found["error"]) == (0, True, None)
    assert found["torch"]
    assert found["device"]
    assert (found["picture"], found["code"]) == (True, None)
    names = [check["name"] for check in found["checks"]]
    assert {"matmul-float32", "attention-float32", "convolution-float32", "picture"} <= set(names)
    assert all(check["ok"] for check in found["checks"] if check["needed"])
