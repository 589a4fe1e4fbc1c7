"""Every route that exists, by the live tables of API and page, with every kind of credentials in every mode."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.routing import Mount, Route, WebSocketRoute

from runtime.api.app import build_api
from runtime.flags import read_flags
from runtime.gate.routes import OPEN, kind_of
from runtime.studio import Studio
from runtime.ui.localization import LANGUAGE
from tests.runtime.gate.asking import ask, came_through, gate

LONG = "correct horse battery"
RIGHT, WRONG = ("me", LONG), ("me", "wrong")
MODES: dict[str, tuple[str, ...]] = {
    "page accounts": ("--gradio-auth", f"me:{LONG}"),
    "both": ("--gradio-auth", f"me:{LONG}", "--api-auth", f"me:{LONG}"),
    "api alone": ("--nowebui", "--api-auth", f"me:{LONG}"),
    "listening": ("--listen", "--gradio-auth", f"me:{LONG}"),
    "shared": ("--share", "--gradio-auth", f"me:{LONG}", "--api-server-stop"),
    "subpath": ("--subpath", "/sd", "--gradio-auth", f"me:{LONG}"),
}


def studio(folder: Path, *flags: str) -> Studio:
    return Studio(read_flags((*flags, "--data-dir", str(folder)), {}), ("false",), lambda _event: None)


def paths_of(app: object, prefix: str = "") -> Iterator[tuple[str, str]]:
    """(method, path) of every route, mounts opened, parameters filled in."""
    while hasattr(app, "_app"):
        app = app._app
    for route in app.routes:  # type: ignore[attr-defined]
        if hasattr(route, "original_router"):  # FastAPI keeps what was included as it is
            yield from paths_of(route.original_router, prefix + route.include_context.prefix)
        elif isinstance(route, Mount):
            yield from (
                paths_of(route.app, prefix + route.path)
                if hasattr(route.app, "routes")
                else [("GET", f"{prefix}{route.path}/x")]
            )
        elif isinstance(route, WebSocketRoute):
            yield "WEBSOCKET", prefix + filled(route.path)
        elif isinstance(route, Route):
            for method in route.methods or {"GET"}:
                yield method, prefix + filled(route.path)


def filled(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "x", path) or "/"


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """Of the API with everything on, and of the page."""
    folder = tmp_path_factory.mktemp("routes")
    os.environ.setdefault("GRADIO_TEMP_DIR", str(folder / "gradio"))
    from runtime.ui.page import build_page

    found = set(paths_of(build_api(studio(folder, "--api-server-stop"))))
    assert len(found) > 45
    page = set(paths_of(build_page(studio(folder), protected=True)))
    assert ("GET", "/config") in page
    assert any("proxy=" in path for _, path in page), "what is closed here is there in Gradio"
    return sorted(found | page)


@pytest.mark.parametrize("mode", MODES)
def test_nobody_comes_in_without_credentials(mode: str, routes: list[tuple[str, str]]) -> None:
    for given, lets in ((None, False), (WRONG, False), (RIGHT, True)):
        for method, path in routes:
            if method in ("WEBSOCKET", "OPTIONS"):
                continue
            if mode == "api alone" and kind_of(path) not in ("api", "open"):
                continue
            guard = gate(*MODES[mode])
            answer = ask(guard, method, path, **({"auth": given} if given else {}))
            if path in OPEN:
                continue
            what = f"{method} {path} as {given}: {answer.status_code}"
            if lets and kind_of(path) in ("api", "page"):
                assert came_through(answer), what
            else:
                assert not came_through(answer), what
                assert answer.status_code in ((403, 404) if lets else (401, 415)), what


def test_what_is_open_is_little_and_says_little(routes: list[tuple[str, str]]) -> None:
    assert len(OPEN) <= 5
    for mode in MODES.values():
        through = {path for method, path in routes if method == "GET" and came_through(ask(gate(*mode), method, path))}
        assert through <= {"/internal/ping"}


def test_what_would_fetch_or_edit_does_not_exist(routes: list[tuple[str, str]]) -> None:
    closed = [path for _, path in routes if kind_of(path) == "none"]
    for part in ("proxy=", "vibe", "stream", "deep_link", "monitoring", "custom_component", "dev/reload", "runs"):
        assert any(part in path for path in closed), part
    for path in closed:
        assert ask(gate(), "GET", path).status_code == 404, path


def test_the_page_of_the_translation_is_known() -> None:
    assert kind_of(f"/{LANGUAGE}") == "page"


def test_whoever_is_elsewhere_ends_no_server(tmp_path: Path) -> None:
    def ends(*flags: str) -> bool:
        return any("server-" in path for _, path in paths_of(build_api(studio(tmp_path, "--api-server-stop", *flags))))

    assert ends()
    assert not ends("--listen")
    assert not ends("--share")
    assert not ends("--allow-host", "art.example")
    assert not ends("--server-name", "192.168.0.9", "--i-accept-unprotected-remote")


def test_hostile_headers_change_no_address() -> None:
    for name in ("X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-For", "Forwarded"):
        answer = ask(gate("--gradio-auth", "me:x"), "GET", "/", headers={name: "evil.example", "Accept": "text/html"})
        assert "evil" not in answer.text + str(answer.headers)


@pytest.mark.parametrize(
    "address",
    [
        *(
            "//evil.example",
            "/\\evil.example",
            "/%5cevil.example",
            "/login?next=https://evil.example",
            "/logout?to=//evil.example",
        ),
        *(
            "///evil.example/%2f..",
            "/login/?target=http:evil.example",
            "/?__theme=//evil.example",
            "/https:/evil.example",
        ),
        *("/file=https://evil.example", "/gradio_api/file=https://evil.example/x", "/proxy=https://evil.example"),
    ],
)
def test_no_answer_leads_elsewhere(address: str) -> None:
    for flags in ((), ("--gradio-auth", "me:x")):
        for method in ("GET", "POST"):
            where = ask(gate(*flags), method, address).headers.get("location", "")
            assert "evil" not in where
