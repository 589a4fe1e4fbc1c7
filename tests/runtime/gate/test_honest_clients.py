"""Honest clients behind proxies, in containers, with other programs' cookies: the gate is not in their way."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import pytest

from runtime.api.paths import plain_path
from runtime.gate.guesses import Guesses, place_of
from runtime.gate.served import _is_elsewhere
from runtime.gate.sessions import token_in
from runtime.visitors import LINK
from tests.runtime.gate.asking import ask, came_through, gate

BOTH = ("--gradio-auth", "ui:uipw", "--api-auth", "api:apipw")


def logged_in(guard) -> dict[str, str]:
    answer = ask(guard, "POST", "/login", data={"username": "ui", "password": "uipw"})
    return {"Cookie": answer.headers["set-cookie"].partition(";")[0]}


def test_a_bot_with_the_pages_cookie_and_the_apis_password() -> None:
    guard = gate(*BOTH)
    cookie = logged_in(guard)
    for path in ("/config", "/sdapi/v1/options"):
        assert came_through(ask(guard, "GET", path, headers=cookie, auth=("api", "apipw"))), path
    assert ask(guard, "GET", "/sdapi/v1/options", headers=cookie).status_code == 401


def test_a_proxys_own_password_counts_as_no_guess() -> None:
    guard = gate(*BOTH)
    cookie = logged_in(guard)
    answers = [ask(guard, "GET", "/config", headers=cookie, auth=("nginx", "x")).status_code for _ in range(30)]
    assert set(answers) == {200}


@pytest.mark.parametrize("odd", ['x={"a":1}', "path=/x", "flag", 'a="b', "expires", "=", ""])
def test_cookies_of_other_programs_hide_none_of_ours(odd: str) -> None:
    assert token_in(f"{odd}; gesso-7860=abc", "gesso-7860") == "abc"


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("art.example", "https://art.example:8443"),
        ("art.example:443", "https://art.example"),
        ("127.0.0.1:7860", "https://art.example"),
        ("127.0.0.1", "http://127.0.0.1:80"),
    ],
)
def test_pages_behind_reverse_proxies(host: str, origin: str) -> None:
    guard = gate("--allow-host", "art.example", "--i-accept-unprotected-remote")
    assert came_through(ask(guard, "POST", "/sdapi/v1/txt2img", host, headers={"Origin": origin}, json={}))
    other = {"Origin": origin.replace("art.example", "evil.example").replace("127.0.0.1:80", "evil.example")}
    assert ask(guard, "POST", "/sdapi/v1/txt2img", host, headers=other, json={}).status_code == 403


def test_containers_call_this_computer_by_dockers_name() -> None:
    assert came_through(ask(gate(), "GET", "/sdapi/v1/options", "host.docker.internal:7860"))


def test_no_foreign_page_logs_anybody_out() -> None:
    guard = gate(*BOTH)
    cookie = logged_in(guard)
    answer = ask(guard, "GET", "/logout", headers={**cookie, "Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert came_through(ask(guard, "GET", "/config", headers=cookie))


def test_strangers_on_the_public_link_keep_nobody_out() -> None:
    guesses = Guesses(lambda: 0.0)
    for number in range(100):
        guesses.wrong(LINK, f"name{number}", "x")
    assert guesses.wait(LINK, "owner") == 0
    guard = gate("--share")
    guard.open_link("https://abc.gradio.live")
    assert guard.accounts.made
    bearer = {"Authorization": f"Bearer {guard.accounts.made.token}"}
    for _ in range(10):
        ask(guard, "GET", "/sdapi/v1/options", "abc.gradio.live", auth=("gesso", "wrong"))
    assert came_through(ask(guard, "GET", "/sdapi/v1/options", "abc.gradio.live", headers=bearer))


def test_one_customers_addresses_are_one_place() -> None:
    assert place_of("2001:db8:1:2::5") == place_of("2001:db8:1:2:ffff::1") != place_of("2001:db8:1:3::5")
    assert place_of("::ffff:1.2.3.4") == place_of("1.2.3.4")
    assert place_of("fe80::1%eth0") == place_of("fe80::2")


def test_letters_beyond_ascii_in_either_spelling() -> None:
    guard = gate("--api-auth", "jörg:schlüssel")
    for coding in ("utf-8", "latin-1"):
        given = base64.b64encode("jörg:schlüssel".encode(coding)).decode()
        assert came_through(ask(guard, "GET", "/sdapi/v1/options", headers={"Authorization": f"Basic {given}"}))


def test_a_form_without_a_name_is_no_guess() -> None:
    guard = gate(*BOTH)
    answers = {ask(guard, "POST", "/login", data={"user": "x"}).status_code for _ in range(30)}
    assert answers == {422}


@pytest.mark.parametrize(
    ("written", "elsewhere"),
    [
        (r"C:\Gesso\cache\a.png", False),
        ("C:/Gesso/a.png", False),
        (r"\\host\share\a.png", True),
        ("//host/a.png", True),
        (r"\\?\C:\a.png", True),
        (r"C:\a.png:stream", True),
    ],
)
def test_windows_paths(written: str, elsewhere: bool) -> None:
    assert _is_elsewhere(written, "\\") is elsewhere


@pytest.mark.parametrize(
    ("root", "path", "plain"),
    [
        ("", "/x", "/x"),
        ("/sd", "/sd/internal/ping", "/internal/ping"),
        ("/sd", "/sd", "/"),
        ("/sd", "/sdapi/x", "/sdapi/x"),
    ],
)
def test_the_path_below_the_subpath(root: str, path: str, plain: str) -> None:
    assert plain_path({"root_path": root, "path": path}) == plain


def test_the_page_fetches_no_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    import gradio as gr
    from gradio import processing_utils

    from runtime.ui.page import _fetch_nothing

    monkeypatch.setattr(processing_utils, "async_ssrf_protected_download", None)
    _fetch_nothing()
    with pytest.raises(gr.Error, match="not fetched"):
        asyncio.run(processing_utils.async_ssrf_protected_download("http://127.0.0.1/x.png", str(tmp_path)))
    assert "async_ssrf_protected_download(" in Path(gr.blocks.__file__).read_text(encoding="utf-8"), "Gradio's one door"
