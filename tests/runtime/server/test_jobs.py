"""The queue by itself, with the fake worker: nothing that goes wrong may leave anybody waiting."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime import dispatch, patience, protocol
from runtime.jobs import Jobs
from runtime.patience import Patience
from runtime.request import Request, RequestError
from tests.fakes.serving import CHECKOUT, PYTHON, until

WORKER = (PYTHON, str(CHECKOUT / "tests" / "fakes" / "fake_worker.py"))
SOON = 120


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    queue = Jobs(WORKER, lambda event: None)
    queue.start()
    yield queue
    queue.stop()


def checkpoint(folder: Path, name: str) -> Path:
    file = folder / name
    file.write_bytes(name.encode())
    return file


def test_a_worker_that_cannot_be_started_is_an_answer_each_time(tmp_path: Path) -> None:
    queue = Jobs((str(tmp_path / "nothing"),), lambda event: None)
    queue.start()
    for _ in range(2):
        with pytest.raises(RequestError) as refused:
            queue.generate(Request(), checkpoint(tmp_path, "a.safetensors")).result(SOON)
        assert refused.value.code == "worker-cannot-start"
    queue.stop()


def test_an_answer_of_a_bad_shape_fails_its_job_and_no_other(
    jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = checkpoint(tmp_path, "a.safetensors")

    def stumble(kind: Any, found: dict[str, Any], blobs: Any) -> Any:
        raise KeyError("pictures")

    monkeypatch.setattr(dispatch.wire, "unpack", stumble)
    with pytest.raises(RequestError) as refused:
        jobs.generate(Request(steps=1), model).result(SOON)
    assert refused.value.code == "server-fault"
    monkeypatch.undo()
    assert len(jobs.generate(Request(steps=1), model).result(SOON).pictures) == 1


@pytest.mark.parametrize("after", [0.0, 60.0])
def test_a_worker_that_has_had_its_model_for_long_gets_it_back_unasked(
    after: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "SOUND_AFTER", after)
    loads: list[protocol.Event] = []
    queue = Jobs(WORKER, lambda event: loads.append(event) if isinstance(event, protocol.Model) else None)
    queue.start()
    queue.load(checkpoint(tmp_path, "frail.safetensors"))
    until(lambda: queue.model.state == "failed" or len(loads) > 2)
    queue.stop()
    assert (len(loads) > 2) == (after == 0)


def test_one_who_no_longer_waits_does_not_stop_the_queue(jobs: Jobs, tmp_path: Path) -> None:
    model = checkpoint(tmp_path, "a.safetensors")
    drawn = jobs.generate(Request("slow", steps=5), model)
    until(lambda: jobs.progress.sampling_step)
    waiting = jobs.generate(Request(steps=1), model)
    assert drawn.cancel()
    assert waiting.cancel()
    assert jobs.generate(Request(steps=1), model).result(SOON).pictures


def test_an_interrupt_while_the_jobs_model_loads_ends_the_job(jobs: Jobs, tmp_path: Path) -> None:
    model = checkpoint(tmp_path, "slow.safetensors")
    drawn = jobs.generate(Request("snail", steps=500), model)
    until(lambda: jobs.model.state == "loading")
    jobs.interrupt()
    result = drawn.result(SOON)
    assert (result.interrupted, result.pictures) == (True, ())
    assert jobs.model.state == "loading", "the load goes on for those behind"
    assert jobs.generate(Request(steps=1), model).result(SOON).pictures


def test_a_refused_checkpoint_is_tried_again_once_it_changed_or_is_looked_for(jobs: Jobs, tmp_path: Path) -> None:
    model = checkpoint(tmp_path, "broken.safetensors")
    loads: list[str] = []
    jobs._dispatch._announce = lambda event: loads.append(event.event) if event.event == "phase" else None

    def tries() -> int:
        loads.clear()
        with pytest.raises(RequestError):
            jobs.generate(Request(steps=1), model).result(SOON)
        return len(loads)

    jobs.forget_refusals()
    jobs.load(checkpoint(tmp_path, "a.safetensors")).result(SOON)  # the worker's own first words are over
    assert [tries(), tries()] == [1, 0]
    model.write_bytes(b"another file")
    assert tries() == 1
    os.utime(model, (1, 1))
    assert tries() == 1
    assert tries() == 0
    jobs.forget_refusals()
    assert tries() == 1


@pytest.mark.parametrize("skip", [False, True])
def test_a_worker_that_heeds_no_interrupt_is_replaced_and_the_next_job_draws(
    jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skip: bool
) -> None:
    monkeypatch.setattr(patience, "AT_MOST", 0.2)
    model = checkpoint(tmp_path, "a.safetensors")
    hung = jobs.generate(Request("stuck", steps=5, n_iter=2), model)
    until(lambda: jobs.progress.sampling_step)
    behind = jobs.generate(Request(steps=1), model)
    jobs.skip() if skip else jobs.interrupt()
    with pytest.raises(RequestError, match="did not stop") as told:
        hung.result(SOON)
    assert told.value.code == "worker-stuck"
    assert len(behind.result(SOON).pictures) == 1
    assert jobs.progress.job == ""


def test_a_job_that_nobody_stops_may_be_silent(jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "AT_MOST", 0.0)
    assert jobs.generate(Request("snail", steps=2), checkpoint(tmp_path, "a.safetensors")).result(SOON).pictures


def test_how_long_silence_is_borne() -> None:
    now = [0.0]
    patient = Patience(lambda: now[0])
    assert patient.seconds_left is None, "a job that nobody stops may take its time"
    now[0] = 100
    patient.ask()
    assert patient.seconds_left == 600
    now[0] = 101
    patient.ask()
    assert patient.seconds_left == 599, "a double click"
    now[0] = 130
    patient.ask()
    assert patient.seconds_left == 30, "a minute since the first, for whoever insists"
    patient.hear()
    assert patient.seconds_left == 3 * 130, "three times the longest silence so far"
    now[0] = 1000
    assert patient.seconds_left == 0
    patient.obeyed()
    assert patient.seconds_left is None


def test_skipped_is_over_when_the_next_batch_begins(jobs: Jobs, tmp_path: Path) -> None:
    drawn = jobs.generate(Request("slow", steps=8, n_iter=3), checkpoint(tmp_path, "a.safetensors"))
    until(lambda: jobs.progress.sampling_step)
    jobs.skip()
    until(lambda: jobs.progress.skipped)
    until(lambda: jobs.progress.job_no == 1)
    assert not jobs.progress.skipped
    assert len(drawn.result(SOON).pictures) == 2


def test_the_end_is_told_to_whoever_waits_and_whoever_comes_late(jobs: Jobs, tmp_path: Path) -> None:
    model = checkpoint(tmp_path, "a.safetensors")
    asked = [jobs.generate(Request("snail", steps=500), model), jobs.load(model), jobs.unload()]
    until(lambda: jobs.progress.sampling_step)
    jobs.leave()
    for future in (*asked, jobs.generate(Request(steps=1), model), jobs.load(model)):
        with pytest.raises(RequestError) as told:
            future.result(SOON)
        assert told.value.code == "stopping"
