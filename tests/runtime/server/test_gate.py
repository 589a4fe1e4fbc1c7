"""Who is let in: accounts for page and API, and what is open without them."""

from pathlib import Path

import pytest

from runtime import protocol
from runtime.flags import UsageError, read_flags
from runtime.gate.accounts import Accounts, make_accounts
from tests.fakes.serving import Served, serve, until

FOUR = {"error", "detail", "body", "errors"}


LONG = "a password that is long"


def accounts(*flags: str) -> Accounts:
    return make_accounts(read_flags(flags, {}))


@pytest.mark.parametrize(
    ("flags", "page", "api", "made"),
    [
        ((), {}, {}, False),
        (("--api-auth", "a:1"), {}, {"a": "1"}, False),
        (("--gradio-auth", "a:1,b:2:3"), {"a": "1", "b": "2:3"}, {"a": "1", "b": "2:3"}, False),
        (("--gradio-auth", "a:1", "--api-auth", "b:2"), {"a": "1"}, {"b": "2"}, False),
        (("--listen", "--gradio-auth", "a:1"), {"a": "1"}, {"a": "1"}, False),
        (("--listen", "--api-auth", "a:1"), None, {"a": "1"}, True),
        (("--listen", "--api-auth", "a:1", "--nowebui"), {}, {"a": "1"}, False),
        (("--share", "--api-auth", f"a:{LONG}", "--gradio-auth", f"b:{LONG}"), {"b": LONG}, {"a": LONG}, False),
        (("--listen", "--i-accept-unprotected-remote"), {}, {}, False),
        (("--local-auth", "--api-auth", "a:1"), None, {"a": "1"}, True),
        (("--local-auth", "--gradio-auth", "a:1"), {"a": "1"}, {"a": "1"}, False),
    ],
)
def test_who_may_do_what(flags: tuple[str, ...], page: dict[str, str] | None, api: dict[str, str], made: bool) -> None:
    found = accounts(*flags)
    assert (dict(found.api), found.made is not None) == (api, made)
    assert found.page == page or (page is None and found.made and found.page == {"gesso": found.made.password})


@pytest.mark.parametrize(
    "flag", ["--listen", "--share", "--server-name=192.168.0.9", "--allow-host=art.example", "--local-auth"]
)
def test_nobody_is_reachable_without_credentials(flag: str) -> None:
    one, other = accounts(flag), accounts(flag)
    assert one.made
    assert other.made
    assert one.page == one.api == {"gesso": one.made.password}
    assert len(one.made.password) >= 22
    assert len(one.made.token) == 48
    assert one.made.password != other.made.password
    assert one.made.token != other.made.token
    assert not [secret for secret in (one.made.password, one.made.token) if secret in repr(one)]


def test_a_public_link_takes_no_password_that_can_be_guessed() -> None:
    with pytest.raises(UsageError, match="too short for --share"):
        accounts("--share", "--gradio-auth", "a:12345678901")
    assert accounts("--share", "--gradio-auth", "a:123456789012").page


def test_a_file_adds_accounts(tmp_path: Path) -> None:
    file = tmp_path / "accounts"
    file.write_text("b:2\nc:3,d:4\n")
    assert accounts("--gradio-auth", "a:1", "--gradio-auth-path", str(file)).page == {
        "a": "1",
        "b": "2",
        "c": "3",
        "d": "4",
    }
    with pytest.raises(UsageError):
        accounts("--gradio-auth-path", str(tmp_path / "gone"))
    with pytest.raises(UsageError):
        accounts("--api-auth", "nopassword")


def basic(served: Served, path: str, user: str, password: str) -> int:
    return served.get(path, auth=(user, password)).status_code


def test_the_api_behind_its_accounts(data: Path) -> None:
    with serve(data, "--nowebui", "--api-auth", "me:pass:word,密:码") as served:
        refused = served.get("/sdapi/v1/cmd-flags")
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith("Basic")
        assert set(refused.json()) == FOUR
        assert refused.json()["detail"] == "Not authenticated"
        for path in ("/sdapi/v1/loras", "/sdapi/v1/progress", "/docs", "/openapi.json", "/sdapi/v1/nothing"):
            assert served.get(path).status_code == 401, path
        assert served.get("/internal/ping").status_code == 200
        assert basic(served, "/sdapi/v1/progress", "me", "pass:word") == 200
        assert basic(served, "/sdapi/v1/progress", "密", "码") == 200
        for user, password in (("me", "pass"), ("me", ""), ("you", "pass:word"), ("密", "pass:word")):
            assert basic(served, "/sdapi/v1/progress", user, password) == 401
        for header in ("Basic", "Basic !!!", "Bearer me", "Basic \xff"):
            assert (
                served.get("/sdapi/v1/progress", headers={"Authorization": header.encode("latin-1")}).status_code == 401
            )
        flags = served.get("/sdapi/v1/cmd-flags", auth=("me", "pass:word"))
        assert "pass:word" not in flags.text
        assert "api_auth" in flags.json()
    assert "pass:word" not in served.log()


def test_the_page_behind_its_accounts_and_made_ones_said_once(data: Path) -> None:
    with serve(data, "--listen", "--events") as served:
        assert served.get("/config").status_code == 401, "before the page is there, too"
        assert "password" in served.get("/").text
        until(lambda: protocol.Serving(served.url, True) in served.events(), 240)
        said = [event for event in served.events() if isinstance(event, protocol.Credentials)]
        assert len(said) == 1
        user, password = said[0].user, said[0].password
        assert password not in served.log()
        assert said[0].token not in served.log()
        assert served.client.head(served.url + "/").status_code == 200
        assert served.get("/").status_code == 200
        assert served.get("/config").status_code == 401
        assert "detail" in served.get("/config").json()
        assert served.get("/sdapi/v1/cmd-flags").status_code == 401
        assert basic(served, "/sdapi/v1/progress", user, password) == 200
        bearer = {"Authorization": f"Bearer {said[0].token}"}
        assert served.get("/sdapi/v1/progress", headers=bearer).status_code == 200
        assert served.get("/config", headers=bearer).status_code == 200
        assert served.post("/login", data={"username": user, "password": "wrong"}).status_code == 400
        assert served.post("/login", data={"username": user, "password": password}).json() == {"success": True}
        assert served.get("/config").status_code == 200


def test_without_events_made_accounts_are_said_to_the_terminal(data: Path) -> None:
    with serve(data, "--nowebui", "--listen") as served:
        password = until(lambda: served.log().partition("password: ")[2].split())[0]
        assert basic(served, "/sdapi/v1/progress", "gesso", password) == 200


def test_other_origins_read_nothing_unless_named(data: Path) -> None:
    theirs = {"Origin": "http://elsewhere.example"}
    with serve(data, "--nowebui", "--cors-allow-origins", "http://friend.example") as served:
        assert "access-control-allow-origin" not in served.get("/sdapi/v1/progress", headers=theirs).headers
        friend = served.get("/sdapi/v1/progress", headers={"Origin": "http://friend.example"})
        assert friend.headers["access-control-allow-origin"] == "http://friend.example"
