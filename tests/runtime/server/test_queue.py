"""Many who ask at once: the queue is bounded, those who ask take turns, and one who has gone frees the card."""

from __future__ import annotations

import contextlib
import itertools
import select
import socket
import threading
from collections import deque
from concurrent.futures import Future
from pathlib import Path

import httpx
import pytest

from runtime.places import FEW, FOR_LATECOMERS, MOST_WAITING, Places
from runtime.request import Request, RequestError
from runtime.tasks import Generate, Load, Task
from runtime.turns import Turns
from tests.fakes.serving import Served, serve, until


def job(client: str) -> Generate:
    return Generate(Request(), None, client=client)


def order(pending: deque[Task]) -> str:
    turns = Turns()
    taken = iter(lambda: turns.take(pending) if pending else None, None)
    return "".join(one.client if isinstance(one, Generate) else "." for one in taken if one)


def test_those_who_ask_take_turns() -> None:
    assert order(deque(job(name) for name in "aaaaabbc")) == "abcabaaa"
    assert order(deque(job("a") for _ in range(3))) == "aaa"


def test_a_load_keeps_its_place() -> None:
    pending: deque[Task] = deque([*(job(name) for name in "aab"), Load(Path("x")), job("c"), job("a")])
    assert order(pending) == "aba.ca"


def test_a_job_whose_model_was_loaded_goes_on_at_once() -> None:
    turns, own, other = Turns(), job("a"), job("b")
    pending: deque[Task] = deque([own, other])
    assert turns.take(pending) is own
    turns.resume(own, pending)
    assert turns.take(pending) is own
    assert turns.take(pending) is other


def taken(places: Places, client: str) -> Future[None]:
    job: Future[None] = Future()
    places.enter(client).hold(job)
    return job


def test_one_client_may_not_fill_every_place() -> None:
    places = Places()
    jobs = [taken(places, "many") for _ in range(MOST_WAITING + 1)]
    for _ in range(FEW):
        with pytest.raises(RequestError):
            places.refuse_if_full("many")
        taken(places, "few")
    with pytest.raises(RequestError):
        places.enter("few")
    for number in range(FOR_LATECOMERS - FEW):
        taken(places, f"another {number}")
    with pytest.raises(RequestError):
        places.enter("one more")
    jobs.pop().set_result(None)
    taken(places, "one more")
    for job in jobs:
        job.cancel()
    taken(places, "many")


def test_a_place_is_left_once_whoever_held_it() -> None:
    places, job = Places(), Future[None]()
    held, unused = places.enter("a"), places.enter("b")
    held.hold(job)
    for place in (held, unused, unused):
        place.leave()
    assert filled(places) == MOST_WAITING, "the job has a place yet"
    job.set_result(None)
    held.leave()
    places.enter("many")
    with pytest.raises(RequestError):
        places.enter("many")


def filled(places: Places) -> int:
    """How many more places there were for one client."""
    count = 0
    with contextlib.suppress(RequestError):
        for _ in itertools.count():
            places.enter("many")
            count += 1
    return count


def raw(served: Served, body: bytes, sent: int) -> socket.socket:
    """A connection that has asked to draw, with so many bytes of its body."""
    host, port = served.url.removeprefix("http://").split(":")
    line = socket.create_connection((host, int(port)))
    head = f"POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
    line.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:sent])
    return line


def test_a_full_queue_refuses_before_the_body_and_slow_bodies_take_no_place(data: Path) -> None:
    with serve(data, "--nowebui") as served, contextlib.ExitStack() as lines:
        until(lambda: served.get("/sdapi/v1/options").json()["sd_model_checkpoint"])
        small = b'{"steps": 1}'
        slow = [lines.enter_context(raw(served, small, 3)) for _ in range(MOST_WAITING + 30)]
        assert served.draw(prompt="x", steps=1).status_code == 200, "bodies on their way keep nobody out"
        assert served.draw(steps="many").status_code == 422, "and what is not drawn leaves its place"
        snail = b'{"prompt": "snail", "steps": 150}'
        many = [lines.enter_context(raw(served, snail, len(snail))) for _ in range(MOST_WAITING + 2)]
        refused = select.select(many, [], [], 60)[0]
        assert [line.recv(200)[:12] for line in refused] == [b"HTTP/1.1 503"]
        late = lines.enter_context(raw(served, b"x" * 1_000_000, 0))
        late.settimeout(30)
        assert late.recv(200).startswith(b"HTTP/1.1 503"), "not a byte of its body was waited for"
        slow[0].sendall(small[3:])
        slow[0].settimeout(30)
        assert slow[0].recv(200).startswith(b"HTTP/1.1 503")


def test_too_many_are_refused_at_once_and_nothing_is_lost(data: Path) -> None:
    with serve(data, "--nowebui") as served:
        until(lambda: served.get("/sdapi/v1/options").json()["sd_model_checkpoint"])
        answers: list[int] = []
        asked = threading.Barrier(MOST_WAITING + 3)

        def ask() -> None:
            answers.append(served.draw(prompt="snail", steps=150).status_code)

        first = threading.Thread(target=ask)
        first.start()
        until(lambda: served.progress()["state"]["sampling_step"])
        refused = []
        crowd = httpx.Client(timeout=120, trust_env=False, limits=httpx.Limits(max_connections=None))

        def ask_too() -> None:
            asked.wait()
            body = {"prompt": "x", "steps": 1}
            answer = crowd.post(f"{served.url}/sdapi/v1/txt2img", json=body)
            (refused if answer.status_code == 503 else answers).append(answer)

        many = [threading.Thread(target=ask_too) for _ in range(MOST_WAITING + 2)]
        for one in many:
            one.start()
        asked.wait()
        until(lambda: len(refused) == 2)
        assert refused[0].json()["error"] == "queue-full"
        assert int(refused[0].headers["retry-after"]) > 0
        assert served.get("/sdapi/v1/progress").status_code == 200, "control never waits"
        served.post("/sdapi/v1/interrupt")
        for one in (first, *many):
            one.join(120)
        assert len(answers) == MOST_WAITING + 1
        assert {getattr(one, "status_code", one) for one in answers} == {200}
        assert served.draw(prompt="x", steps=1).status_code == 200


def leave_in_the_middle(served: Served, body: bytes) -> None:
    """Ask for a picture, and close the connection once it is being drawn."""
    host, port = served.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as line:
        head = f"POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
        line.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        until(lambda: served.progress()["state"]["sampling_step"])


def test_one_who_has_gone_frees_the_card(data: Path) -> None:
    with serve(data, "--nowebui") as served:
        until(lambda: served.get("/sdapi/v1/options").json()["sd_model_checkpoint"])
        leave_in_the_middle(served, b'{"prompt": "snail", "steps": 150}')
        until(lambda: not served.progress()["state"]["job"])
        assert served.draw(prompt="x", steps=1).status_code == 200


def test_unless_the_setting_says_that_it_is_drawn_all_the_same(data: Path) -> None:
    with serve(data, "--nowebui") as served:
        until(lambda: served.get("/sdapi/v1/options").json()["sd_model_checkpoint"])
        served.post("/sdapi/v1/options", json={"api_stop_abandoned": False})
        leave_in_the_middle(served, b'{"prompt": "slow", "steps": 40}')
        steps = (served.progress()["state"]["sampling_step"] for _ in itertools.count())
        until(lambda: next(steps) > 20)


def test_what_nobody_waits_for_lies_in_no_queue(data: Path) -> None:
    with serve(data, "--nowebui") as served:
        until(lambda: served.get("/sdapi/v1/options").json()["sd_model_checkpoint"])
        long = threading.Thread(target=served.draw, kwargs={"prompt": "snail", "steps": 150})
        long.start()
        until(lambda: served.progress()["state"]["sampling_step"])
        host, port = served.url.removeprefix("http://").split(":")
        body = b'{"prompt": "x", "steps": 1}'
        head = f"POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        for _ in range(MOST_WAITING + 20):
            with socket.create_connection((host, int(port))) as line:
                line.sendall(head + body)
        reloads = [crowd_post(served, "/sdapi/v1/reload-checkpoint") for _ in range(3)]
        served.post("/sdapi/v1/interrupt")
        long.join(120)
        assert served.draw(prompt="x", steps=1).status_code == 200
        for one in reloads:
            one.join(120)


def crowd_post(served: Served, path: str) -> threading.Thread:
    thread = threading.Thread(target=served.post, args=(path,))
    thread.start()
    return thread
