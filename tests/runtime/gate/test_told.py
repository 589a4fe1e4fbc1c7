"""A person who is refused reads why in the browser's language; a program gets the four keys."""

from __future__ import annotations

import re

import pytest

from runtime.gate.told import CHINESE
from tests.runtime.gate.asking import ask, gate

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
CREDENTIALS = ("--listen", "--gradio-auth", "me:secret")
ASKED = {
    "unknown-host": ((), {"method": "GET", "path": "/", "host": "gesso<b>.example"}),
    "foreign-origin": (
        CREDENTIALS,
        {"method": "POST", "path": "/login", "headers": {"Origin": "https://other.example"}},
    ),
    "headers-too-large": ((), {"method": "GET", "path": "/", "headers": {"Cookie": "a" * 70_000}}),
    "address-too-long": ((), {"method": "GET", "path": "/?" + "a" * 20_000}),
    "no-username": (CREDENTIALS, {"method": "POST", "path": "/login", "data": {"password": "x"}}),
    "body-too-large": (CREDENTIALS, {"method": "POST", "path": "/login", "data": {"username": "x" * 20_000}}),
}


def asked(code: str, **headers: str) -> tuple[int, str, str]:
    flags, what = ASKED[code]
    answer = ask(gate(*flags), **{**what, "headers": {**what.get("headers", {}), **headers}})
    return answer.status_code, answer.headers["content-type"], answer.text


@pytest.mark.parametrize("code", ASKED)
def test_a_refusal_is_a_page_for_a_person_and_json_for_a_program(code: str) -> None:
    chinese, english, program = (
        asked(code, **BROWSER, **{"Accept-Language": "zh-CN,zh;q=0.9"}),
        asked(code, **BROWSER),
        asked(code),
    )
    assert chinese[0] == english[0] == program[0] >= 400
    assert program[1] == "application/json"
    assert f'"error":"{code}"' in program[2]
    assert chinese[1] == english[1] == "text/html; charset=utf-8"
    assert all(f"<p>{sentence}</p>" in chinese[2] for sentence in CHINESE[code])
    paragraphs = re.findall("<p>(.*?)</p>", english[2])
    assert len(paragraphs) == 2
    assert all(re.fullmatch(r"[A-Z].*[.]", each) for each in paragraphs)
    assert "<b>" not in english[2], "a name that somebody sends is text"


def test_what_the_api_refuses_is_json_for_a_browser_too() -> None:
    answer = ask(gate(), "GET", "/sdapi/v1/options", "gesso.example", headers=BROWSER)
    assert (answer.status_code, answer.json()["error"]) == (421, "unknown-host")
