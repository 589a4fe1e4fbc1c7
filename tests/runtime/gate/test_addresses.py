"""The server's own addresses, asked of the whole server: nobody who asks changes them, none leads out of it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from tests.runtime.gate.conftest import Grounds

EVIL = "evil.example"
HOSTILE = [
    {"X-Forwarded-Host": EVIL},
    {"X-Forwarded-Host": f"{EVIL}, 127.0.0.1"},
    {"X-Forwarded-Host": f"127.0.0.1@{EVIL}"},
    {"X-Forwarded-Host": f"127.0.0.1/..//{EVIL}"},
    {"X-Forwarded-Proto": f"javascript:{EVIL}"},
    {"X-Forwarded-Proto": f"https://{EVIL}/"},
    {"X-Gradio-Server": f"https://{EVIL}"},
    {"X-Forwarded-Prefix": f"//{EVIL}", "X-Forwarded-For": EVIL, "Forwarded": f"host={EVIL};proto=https"},
]
#: before and behind a name that is not ours
_BEFORE = ("//", "///", "/\\", "/%5c", "/%2f/", "/.//", "/..//", "/%09//", "/https:", "/https://", "/http:/", "/;//")
_WITHIN = (
    "login?next=",
    "login/?target=",
    "logout?to=",
    "?__theme=",
    "file=",
    "gradio_api/file=",
    "proxy=",
    "config?u=",
)
_SPELLED = (f"https://{EVIL}", f"//{EVIL}", f"%2f%2f{EVIL}", f"https:{EVIL}", f"\\\\{EVIL}")


@pytest.fixture(scope="module")
def client(grounds: Grounds) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=grounds.served.url, trust_env=False) as made:
        yield made


def test_hostile_headers_at_once_change_no_address(client: httpx.Client) -> None:
    honest = client.get("/config").json()
    assert honest["root"] == str(client.base_url).rstrip("/")

    def asked(number: int) -> httpx.Response:
        return client.get(("/config", "/")[number % 5 == 0], headers=HOSTILE[number % len(HOSTILE)])

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(asked, range(160)))
    assert {answer.status_code for answer in answers} == {200}
    assert [answer.url for answer in answers if EVIL in answer.text or EVIL in str(answer.headers)] == []
    roots = {answer.json()["root"] for answer in answers if answer.headers["content-type"] == "application/json"}
    assert roots <= {honest["root"], honest["root"].replace("http:", "https:")}


def test_a_name_of_ours_by_a_proxy_counts(client: httpx.Client) -> None:
    assert client.get("/config", headers={"X-Forwarded-Host": "localhost:443"}).json()["root"] == "http://localhost:443"
    assert client.get("/config", headers={"X-Forwarded-Proto": "https"}).json()["root"].startswith("https://127.0.0.1")


def test_no_answer_leads_to_another_server(grounds: Grounds) -> None:
    spelled = [f"{start}{EVIL}{end}" for start, end in product(_BEFORE, ("", "/", "/%2e%2e"))]
    spelled += [f"/{start}{name}" for start, name in product(_WITHIN, _SPELLED)]
    assert len(spelled) > 70
    address = urlsplit(grounds.served.url)
    led = {}
    with httpx.Client(trust_env=False) as client:
        for method, path in product(("GET", "POST"), spelled):
            url = httpx.URL(grounds.served.url, raw_path=path.encode())
            location = client.request(method, url, headers={"Accept": "text/html"}).headers.get("location", "")
            # as browsers read it, to which a backslash is a slash
            target = urlsplit(urljoin(grounds.served.url, location.replace("\\", "/")))
            if (target.hostname, target.port) != (address.hostname, address.port):
                led[method, path] = location
    assert led == {}


@pytest.mark.parametrize(
    "headers", [{"Origin": f"https://{EVIL}"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_no_page_from_elsewhere_opens_a_stream(client: httpx.Client, headers: dict[str, str]) -> None:
    for path in ("queue/data?session_hash=x", "call/nothing/x", "heartbeat/x", "startup-events"):
        answer = client.get(f"/gradio_api/{path}", headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (403, "foreign-origin"), path
