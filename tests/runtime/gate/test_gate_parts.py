"""What the gate refuses before anything behind it sees the request: names, pages, sizes, types, paces."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from runtime.flags import UsageError
from runtime.gate import sessions
from runtime.gate.accounts import Who
from runtime.gate.bodies import BodyError, Bounded, Limit
from runtime.gate.pace import Pace
from tests.runtime.gate.asking import ask, came_through, gate

TXT2IMG = "/sdapi/v1/txt2img"


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:7860", "localhost:7860", "LOCALHOST", "localhost.", "[::1]:7860", "0.0.0.0", "sub.localhost:1"],
)
def test_names_of_this_server(host: str) -> None:
    assert came_through(ask(gate(), "GET", "/sdapi/v1/options", host))


@pytest.mark.parametrize("host", ["192.168.0.9:7860", "[2001:db8::9]", "front.example", socket.gethostname()])
def test_a_server_for_this_computer_alone_is_asked_by_no_other_name(host: str) -> None:
    """By such a name a proxy on this computer brings others, who would have the owner's rights."""
    flags = ("--gradio-auth", "a:1", "--cors-allow-origins", "https://front.example")
    asked = {"path": "/sdapi/v1/options", "host": host, "auth": ("a", "1")}
    assert ask(gate(*flags), "GET", **asked).status_code == 421
    assert came_through(ask(gate(*flags, "--listen"), "GET", **asked))
    assert came_through(ask(gate(*flags, "--allow-host", host), "GET", **asked))


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:7860",
        "evil-localhost",
        "a@localhost",
        "0x7f.1",
    ],
)
@pytest.mark.parametrize("flags", [(), ("--listen",), ("--share",), ("--api-auth", "a:1")])
def test_a_name_that_points_here_is_not_enough(host: str, flags: tuple[str, ...]) -> None:
    for path in ("/", "/internal/ping", "/sdapi/v1/options", "/config"):
        answer = ask(gate(*flags), "GET", path, host)
        assert answer.status_code == 421, path
        assert "--allow-host" in answer.json()["hint"]


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("sd2.example:8443", "sd2.example:8443"),
        ("https://sd.example.com/", "sd.example.com"),
        ("*.trycloudflare.example", "a-b.trycloudflare.example"),
        ("stable-diffusion", "stable-diffusion:7860"),
        ("[2001:db8::9]:7860", "[2001:db8::9]:7860"),
    ],
)
def test_a_name_is_let_in_however_it_is_written_down(written: str, host: str) -> None:
    flags = ("--gradio-auth", "a:1", "--allow-host")
    assert came_through(ask(gate(*flags, written), "GET", "/sdapi/v1/options", host, auth=("a", "1")))
    assert ask(gate(*flags, written), "GET", "/sdapi/v1/options", "evil.example").status_code == 421


def test_a_page_below_a_name_that_was_written_down_is_this_servers_own() -> None:
    guard = gate("--gradio-auth", "a:1", "--allow-host", "*.art.example")
    asked = {"json": {}, "auth": ("a", "1")}
    for page, inside in (("https://one.art.example", True), ("https://art.example.org", False)):
        answer = ask(guard, "POST", "/sdapi/v1/options", headers={"Origin": page}, **asked)
        assert came_through(answer) == inside, page


def test_the_log_tells_of_a_proxy_whose_name_is_not_known(caplog: pytest.LogCaptureFixture) -> None:
    guard = gate()
    for number in range(30):
        for name in ("art.example", "127.0.0.1:7860", f"x{number}.example"):
            ask(guard, "GET", "/config", headers={"X-Forwarded-Host": name})
    told = [record.getMessage() for record in caplog.records]
    assert "--allow-host art.example." in told[0]
    assert len(told) == 10, "of strangers' names a few are enough"


def test_a_refused_name_is_told_as_it_can_be_let_in() -> None:
    answer = ask(gate("--listen"), "GET", "/sdapi/v1/options", "stable-diffusion:7860")
    hint = answer.json()["hint"]
    assert (answer.status_code, "--allow-host stable-diffusion " in hint) == (421, True)


@pytest.mark.parametrize("written", ["*", "*.", "*.com", "a*b", "https://", ""])
def test_what_is_no_name_is_said_at_the_start(written: str) -> None:
    with pytest.raises(UsageError, match="--allow-host"):
        gate("--allow-host", written)


def test_what_looks_whether_it_lives_may_name_no_server() -> None:
    assert came_through(ask(gate(), "GET", "/internal/ping", "", headers={"host": ""}))
    assert ask(gate(), "GET", "/sdapi/v1/options", "", headers={"host": ""}).status_code == 421


def test_names_that_flags_let_in() -> None:
    flags = ("--gradio-auth", "a:1", "--allow-host", "Art.Example")
    guard = gate(*flags, "--cors-allow-origins", "https://front.example:8443")
    for host in ("art.example", "art.example:443", "front.example"):
        assert came_through(ask(guard, "GET", "/sdapi/v1/options", host, auth=("a", "1")))
    assert ask(guard, "GET", "/sdapi/v1/options", "other.example").status_code == 421
    guard.hosts.allow("abc.gradio.live")
    assert came_through(ask(guard, "GET", "/sdapi/v1/options", "abc.gradio.live", auth=("a", "1")))


FOREIGN = (
    *("null", "http://localhost.evil.example", "http://127.0.0.1.evil.example", "http://127.0.0.1:7861"),
    *("http://127.0.0.1:7860.evil.example", "HTTP://EVIL.EXAMPLE", "file://", "http://[::1]:7860", "http://127.0.0.1"),
    *("http://localhost:7860", "http://127.0.0.1:7860@evil.example", "https://evil.example."),
)


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("cookie", [{}, {"Cookie": "gesso-7860=x"}])
@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
def test_pages_from_elsewhere_change_nothing(origin: str, cookie: dict[str, str], kind: str) -> None:
    headers = {"Origin": origin, "Content-Type": kind, **cookie}
    answer = ask(gate(), "POST", TXT2IMG, headers=headers, content=b"{}")
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_its_own_page_and_programs_come_in() -> None:
    for headers in ({}, {"Origin": "http://127.0.0.1:7860"}, {"Sec-Fetch-Site": "same-origin"}):
        assert came_through(ask(gate(), "POST", TXT2IMG, headers=headers, json={})), headers
    assert ask(gate(), "POST", TXT2IMG, headers={"Sec-Fetch-Site": "cross-site"}, json={}).status_code == 403


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded; charset=utf-8", "multipart/form-data"]
)
def test_what_any_page_may_send_is_not_taken_for_json(kind: str) -> None:
    for path in (TXT2IMG, "/sdapi/v1/options", "/internal/progress", "/gradio_api/queue/join"):
        answer = ask(gate(), "POST", path, headers={"Content-Type": kind}, content=b'{"prompt": "x"}')
        assert answer.status_code == 415, path
    assert came_through(ask(gate(), "POST", TXT2IMG, content=b"{}")), "clients of the tutorials name no type"
    files = ask(gate(), "POST", "/gradio_api/upload", headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert came_through(files)


def test_sizes() -> None:
    small = gate("--body-limit", "1")
    assert came_through(ask(small, "POST", TXT2IMG, content=b"x" * (1 << 20)))
    said = ask(small, "POST", TXT2IMG, content=b"x" * ((1 << 20) + 1))
    assert said.status_code == 413
    assert "--body-limit" in said.json()["hint"]

    async def endless():
        while True:
            yield b"x" * 65_536

    assert ask(small, "POST", TXT2IMG, content=endless()).status_code == 413
    assert ask(gate(), "GET", "/sdapi/v1/options", headers={"X": "y" * 70_000}).status_code == 431
    assert ask(gate(), "GET", "/sdapi/v1/options", headers={f"X-{n}": "y" for n in range(200)}).status_code == 431
    assert ask(gate(), "GET", "/sdapi/v1/options?" + "a" * 17_000).status_code == 414


def test_the_page_asks_in_few_words_and_sends_files_apart() -> None:
    """Gradio keeps what is asked until it is answered."""
    guard, large = gate(), b"x" * ((8 << 20) + 1)
    for path in ("/gradio_api/queue/join", "/gradio_api/run/predict"):
        assert ask(guard, "POST", path, content=large).status_code == 413, path
        assert came_through(ask(guard, "POST", path, content=large[1:])), path
    files = {"Content-Type": "multipart/form-data; boundary=x"}
    assert came_through(ask(guard, "POST", "/gradio_api/upload", headers=files, content=large))


def test_a_body_that_trickles_is_given_up() -> None:
    async def go() -> BodyError:
        loop = asyncio.get_running_loop()
        began, later = loop.time(), [0.0]

        async def receive():
            later[0] += 10
            return {"type": "http.request", "body": b"x", "more_body": True}

        bounded = Bounded(receive, Limit(1 << 20))
        loop.time = lambda: began + later[0]  # type: ignore[method-assign]
        try:
            while True:
                await bounded()
        except BodyError as given_up:
            return given_up

    assert asyncio.run(go()).refusal.status == 408


def test_pace_is_asked_before_the_work() -> None:
    guard = gate("--listen", "--i-accept-unprotected-remote")
    answers = [ask(guard, "POST", TXT2IMG, client="9.9.9.9", json={}) for _ in range(200)]
    through = [came_through(answer) for answer in answers]
    assert through[:120] == [True] * 120
    late = [answer for answer in answers if not came_through(answer)]
    assert late
    assert {answer.status_code for answer in late} == {429}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in late)
    assert came_through(ask(guard, "POST", TXT2IMG, client="8.8.8.8", json={}))
    assert came_through(ask(guard, "POST", "/sdapi/v1/interrupt", client="9.9.9.9", json={})), "control never waits"
    assert all(came_through(ask(gate(), "POST", TXT2IMG, json={})) for _ in range(200)), "on this computer none counts"


def test_who_types_a_prompt_uses_up_nothing() -> None:
    guard = gate("--listen", "--i-accept-unprotected-remote")
    for _ in range(1000):
        assert came_through(ask(guard, "POST", "/gradio_api/run/predict", client="9.9.9.9", json={}))
    assert came_through(ask(guard, "POST", TXT2IMG, client="9.9.9.9", json={}))


def test_who_proved_a_name_has_a_pace_of_his_own_behind_a_proxy() -> None:
    guard = gate("--listen", "--gradio-auth", "one:1,two:2")
    while came_through(ask(guard, "POST", TXT2IMG, client="9.9.9.9", json={}, auth=("one", "1"))):
        pass
    assert came_through(ask(guard, "POST", TXT2IMG, client="9.9.9.9", json={}, auth=("two", "2")))


def test_pace_comes_back() -> None:
    now = [1e6]
    pace = Pace(lambda: now[0])
    while not pace.wait("a", "POST", TXT2IMG):
        pass
    now[0] += 0.11
    assert pace.wait("a", "POST", TXT2IMG) == 0
    assert pace.wait("a", "POST", TXT2IMG) > 0


def test_a_login_ends_when_nobody_uses_it() -> None:
    now = [1e6]
    logins = sessions.Sessions(lambda: now[0])
    token = logins.begin(Who("me", True, True))
    now[0] += 6 * 86400
    assert logins.who(token)
    now[0] += 8 * 86400
    assert logins.who(token) is None
    assert token not in repr(logins)


def test_logging_in_and_out_on_the_page() -> None:
    guard = gate("--gradio-auth", "me:pass")
    browser = {"Accept": "text/html", "Accept-Language": "zh-CN"}
    form = ask(guard, "GET", "/", headers=browser)
    assert form.status_code == 200
    assert "用户名" in form.text
    assert "default-src 'none'" in form.headers["content-security-policy"]
    wrong = ask(guard, "POST", "/login", headers=browser, data={"username": "me", "password": "x"})
    assert (wrong.status_code, "不对" in wrong.text) == (400, True)
    assert "启动 Gesso 时显示过" in wrong.text, "and where it is to be had"
    right = ask(guard, "POST", "/login", headers=browser, data={"username": "me", "password": "pass"})
    assert right.status_code == 303
    said = right.headers["set-cookie"]
    assert "HttpOnly" in said
    assert "SameSite=lax" in said
    cookie = {"Cookie": said.partition(";")[0]}
    assert ask(guard, "GET", "/config", headers=cookie).text == "reached as me"
    assert ask(guard, "GET", "/sdapi/v1/options", headers=cookie).text == "reached as me"
    foreign = {**cookie, "Origin": "http://evil.example"}
    assert ask(guard, "POST", TXT2IMG, headers=foreign, json={}).status_code == 403
    assert ask(guard, "GET", "/logout", headers=cookie).status_code == 303
    assert ask(guard, "GET", "/config", headers=cookie).status_code == 401


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Files that may be served, and a secret beside them."""
    served = tmp_path / "served"
    (served / "sub").mkdir(parents=True)
    (served / ".hidden").mkdir()
    for name in ("a.png", "sub/b c.png", "page.html", "图.svg", ".hidden/x.png", ".env"):
        (served / name).write_bytes(b"picture")
    (tmp_path / "secret.txt").write_text("CANARY")
    (tmp_path / "served-beside").mkdir()
    (tmp_path / "served-beside" / "c.png").write_text("CANARY")
    (served / "link.png").symlink_to(tmp_path / "secret.txt")
    return served


def test_files_that_may_be_served(shelf: Path) -> None:
    guard = gate(folders=(shelf,))
    for name, shown in (("a.png", True), ("sub/b%20c.png", True), ("page.html", False), ("%E5%9B%BE.svg", False)):
        answer = ask(guard, "GET", f"/gradio_api/file={shelf}/{name}")
        assert came_through(answer), name
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]
        assert ("content-disposition" not in answer.headers) == shown, name


def test_files_that_may_not(shelf: Path) -> None:
    guard, above = gate(folders=(shelf,)), shelf.parent
    spellings = [
        *(f"{above}/secret.txt", f"{shelf}/../secret.txt", f"{shelf}/%2e%2e/secret.txt", f"{shelf}/..%2fsecret.txt"),
        *(f"{shelf}/%252e%252e/secret.txt", f"{shelf}/sub/../../secret.txt", f"{shelf}/link.png", f"{shelf}/.env"),
        *(
            f"{shelf}/.hidden/x.png",
            f"{above}/served-beside/c.png",
            f"{shelf}/a.png%00.txt",
            "/etc/passwd",
            "/proc/self/root/etc/passwd",
        ),
        *(
            f"{shelf}",
            f"{shelf}/",
            f"{shelf}/gone.png",
            "http://127.0.0.1/x.png",
            "file:///etc/passwd",
            r"C:\Windows\win.ini",
        ),
        *(f"{shelf}\\..\\secret.txt", f"//{above}/secret.txt", "\\\\host\\share\\x", f"{shelf}/" + "a" * 5000, "", "."),
    ]
    for start in ("/gradio_api/file=", "/file=", "/gradio_api/file/", "/file/"):
        for spelling in spellings:
            answer = ask(guard, "GET", start + spelling)
            assert not came_through(answer), spelling
            assert answer.status_code in (403, 404), spelling
