"""Wrong passwords: how many may be tried, and who is not to be kept out by them."""

from __future__ import annotations

import base64

import httpx

from runtime.gate.guesses import Guesses
from tests.runtime.gate.asking import ask, came_through, gate


def test_guesses_have_to_wait_longer_and_longer() -> None:
    now = [1e6]
    guesses = Guesses(lambda: now[0])
    tried = 0
    while now[0] < 1e6 + 3600:
        wait = guesses.wait("1.2.3.4", "sd")
        if wait:
            now[0] += wait
            continue
        guesses.wrong("1.2.3.4", "sd", str(tried))
        tried += 1
        now[0] += 0.05
    assert 5 <= tried < 40
    assert guesses.wait("5.6.7.8", "sd") == 0
    now[0] += 2000
    assert guesses.wait("1.2.3.4", "sd") == 0
    guesses.wrong("1.2.3.4", "sd", "x")
    assert guesses.wait("1.2.3.4", "sd") == 0, "an old story counts no more"


def test_many_names_from_one_place_have_to_wait_too() -> None:
    guesses = Guesses(lambda: 0.0)
    for number in range(20):
        assert guesses.wait("1.2.3.4", f"name{number}") == 0
        guesses.wrong("1.2.3.4", f"name{number}", "x")
    assert guesses.wait("1.2.3.4", "another") > 0


def test_guesses_from_everywhere_have_to_wait_too_and_do_not_keep_the_owner_out() -> None:
    now = [1e6]
    guesses = Guesses(lambda: now[0])
    guesses.right("1.2.3.4", "me")
    tried = 0
    for number in range(100_000):
        address = f"10.{number % 200}.{number // 200 % 200}.{number // 40_000}"
        if not guesses.wait(address, "me"):
            guesses.wrong(address, "me", str(number))
            tried += 1
        now[0] += 0.036
    assert 400 < tried <= 100 + 3600 / 10 + 1, "in an hour, from forty thousand places"
    assert 0 < guesses.wait("9.9.9.9", "me") <= 10
    assert guesses.wait("1.2.3.4", "me") == 0, "where the name was proved"
    assert guesses.wait("9.9.9.9", "another") == 0
    now[0] += 10
    assert guesses.wait("9.9.9.9", "me") == 0


def test_through_the_public_link_nobody_is_known() -> None:
    guesses = Guesses(lambda: 0.0)
    guesses.right("link", "me")
    for number in range(100):
        guesses.wrong(f"10.0.0.{number}", "me", "x")
    assert guesses.wait("link", "me") > 0


async def test_ten_thousand_guesses_at_the_gate_get_nowhere() -> None:
    """In one hour, the right one among them: it is refused like any other."""
    guard, now = gate("--api-auth", "me:密码 with: no"), [1e6]
    guard.guesses.clock = lambda: now[0]
    passwords = [str(number) for number in range(10_000)]
    passwords[5_000] = "密码 with: no"
    answers = []
    transport = httpx.ASGITransport(guard, client=("127.0.0.1", 5000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:7860") as asker:
        for password in passwords:
            given = base64.b64encode(f"me:{password}".encode()).decode()
            answers.append(await asker.get("/sdapi/v1/options", headers={"Authorization": f"Basic {given}"}))
            now[0] += 0.36
    statuses = [answer.status_code for answer in answers]
    assert statuses[:6] == [401] * 5 + [429]
    assert set(statuses) == {401, 429}
    assert statuses.count(401) < 40
    assert int(answers[5_000].headers["retry-after"]) > 0


def test_a_program_with_an_old_password_keeps_its_owner_out_for_a_moment_only() -> None:
    now = [1e6]
    guard = gate("--listen", "--gradio-auth", "me:new")
    guard.guesses.clock = lambda: now[0]
    statuses = []
    for _ in range(600):
        statuses.append(ask(guard, "GET", "/sdapi/v1/progress", client="9.9.9.9", auth=("me", "old")).status_code)
        now[0] += 1
    assert statuses[:20] == [401] * 5 + [429] * 9 + [401] * 6
    assert set(statuses[14:]) == {401}
    assert came_through(ask(guard, "GET", "/sdapi/v1/progress", client="9.9.9.9", auth=("me", "new")))


def test_a_proxys_own_password_is_tried_only_where_one_is_needed() -> None:
    guard = gate("--api-auth", "me:secret")
    for path in ["/", "/config", "/internal/ping"] * 10:
        assert came_through(ask(guard, "GET", path, auth=("proxy", "its own")))
    assert ask(guard, "GET", "/sdapi/v1/options", auth=("proxy", "its own")).status_code == 401
