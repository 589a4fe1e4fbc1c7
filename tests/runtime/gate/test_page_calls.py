"""Gradio's own addresses, asked for functions that the page has not: the caller hears so, and the log is quiet."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.release.page_calls import Page
from tests.runtime.gate.conftest import Grounds
from tests.runtime.gate.lines import Asking, Line
from tests.runtime.gate.verdict import Watch

JSON = ((b"Content-Type", b"application/json"),)
_NUMBERS = (-1, 10**6, 2**31, 2**63, 10**30, 10**400)
_CALLS = ("run/nothing", "api/nothing", "call/nothing", "call/v2/nothing", "run/%00", "run/predict", "call/predict",
          "call/v2/predict", "call/v2/%2f")  # fmt: skip
_BODIES: tuple[Any, ...] = (
    {"data": []},
    {"data": [], "session_hash": "s"},
    {},
    [],
    "x",
    None,
    {"data": {}},
    {"data": None},
)


def askings() -> Iterator[tuple[str, bytes]]:
    for path in _CALLS:
        yield from ((path, json.dumps(body).encode()) for body in _BODIES)
        yield path, b"{"
    for door in ("queue/join", "run/predict"):
        for number in _NUMBERS:
            for session in (None, "s"):
                body = {"data": [], "fn_index": number, "session_hash": session, "event_data": None}
                yield door, json.dumps(body).encode()
        yield door, json.dumps({"data": [], "fn_index": "first", "session_hash": "s"}).encode()
    for component in (*_NUMBERS, 1, "x"):
        for name in ("nothing", "__init__", "postprocess", ""):
            body = {"session_hash": "s", "component_id": component, "fn_name": name, "data": []}
            yield "component_server", json.dumps(body).encode()
    yield from (("component_server", body) for body in (b"", b"{", b"[]", b"{}", b"\xff", b"[" * 100_000))
    for door in ("cancel", "reset"):
        yield door, json.dumps({"session_hash": "s", "fn_index": 10**6, "event_id": "none"}).encode()
        yield door, b"[]"


@pytest.fixture
def watch(grounds: Grounds) -> Iterator[Watch]:
    made = Watch(grounds.served, Line(grounds.served.url))
    yield made
    made.line.close()


def test_an_unknown_function_is_no_failure_of_the_server(watch: Watch) -> None:
    wrong, statuses = [], set()
    for path, body in askings():
        asking = Asking("POST", f"/gradio_api/{path}".encode(), JSON, body)
        answer, faults = watch.ask(asking)
        wrong += [(asking, faults)] if faults else []
        statuses.add(answer.status if answer else None)
    assert wrong == []
    assert {404, 422} <= statuses


def test_a_function_that_refuses_what_it_was_given_is_no_failure_of_the_server(grounds: Grounds) -> None:
    with httpx.Client(base_url=grounds.served.url, trust_env=False) as client:
        functions = [each for each in client.get("/config").json()["dependencies"] if each["api_name"]]
        quick = [each for each in functions if each["queue"] is False]
        file = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
        statuses = {
            client.post(f"/gradio_api/{door}/{each['api_name']}", json={"data": data, "session_hash": "s"}).status_code
            for door, each in itertools.product(("run", "api"), quick)
            for data in ([], [file] * len(each["inputs"]))
        }
    assert statuses == {200, 422}


def test_a_name_that_no_file_can_have_is_no_failure_of_the_server(watch: Watch) -> None:
    for folder, name in itertools.product(
        ("static", "assets", "svelte"), ("a" * 300, "图" * 100, "a" * 5000, "a/" * 2500)
    ):
        answer, faults = watch.ask(Asking("GET", f"/{folder}/{quote(name)}".encode()))
        assert (faults, answer and answer.status) == ([], 404), folder


def test_a_stream_of_nothing_says_so_and_leaves_no_traceback(watch: Watch, grounds: Grounds) -> None:
    for path in ("queue/data?session_hash=nobody", "call/nothing/none", "call/v2/nothing/none"):
        _, faults = watch.ask(Asking("GET", f"/gradio_api/{path}".encode()))
        assert faults == [], path
        answer = httpx.get(f"{grounds.served.url}/gradio_api/{path}", trust_env=False)
        assert "404" in answer.text, "and the answer is whole"


def test_the_functions_that_it_has_are_called_as_ever(grounds: Grounds) -> None:
    page = Page(grounds.served.url)
    assert page.count_words("a cat")
    assert page.generate("a cat")
    page.close()
