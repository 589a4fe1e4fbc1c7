"""Every route that exists, by the live tables of API and page, with every kind of credentials in every mode."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.routing import Mount, Route, WebSocketRoute

from runtime.api.app import build_api
from runtime.flags import read_flags
from runtime.gate.gate import Gate
from runtime.gate.guesses import Guesses
from runtime.gate.pace import Pace
from runtime.gate.routes import OPEN, kind_of
from runtime.studio import Studio
from runtime.ui.localization import LANGUAGE
from tests.runtime.gate.asking import ask, came_through, gate, opens_socket

LONG = "correct horse battery"
RIGHT, WRONG = ("me", LONG), ("me", "wrong")
MODES: dict[str, tuple[str, ...]] = {
    "page accounts": ("--gradio-auth", f"me:{LONG}"),
    "both": ("--gradio-auth", f"me:{LONG}", "--api-auth", f"me:{LONG}"),
    "api alone": ("--nowebui", "--api-auth", f"me:{LONG}"),
    "listening": ("--listen", "--gradio-auth", f"me:{LONG}"),
    "shared": ("--share", "--gradio-auth", f"me:{LONG}", "--api-server-stop"),
    "subpath": ("--subpath", "/sd", "--gradio-auth", f"me:{LONG}"),
    "api with an open page": ("--api-auth", f"me:{LONG}"),
    "api with a page of its own account": ("--local-auth", "--api-auth", f"me:{LONG}"),
    "none": (),
}
#: by mode, the kinds of paths that RIGHT does not open, and those that need no credentials
OF_OTHERS = {"api with a page of its own account": ("page", "file", "none")}
UNGUARDED = {"api with an open page": ("page", "file", "none"), "none": ("api", "page", "file", "none")}


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


def fresh(guard: Gate) -> Gate:
    """As if nobody had asked it yet: the many wrong passwords of these tests are none of its visitors' tries."""
    guard.guesses, guard.pace = Guesses(), Pace()
    return guard


def with_questions(routes: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each path also by what a browser may ask of any, whether or not a route names it."""
    return sorted({*routes, *((method, path) for _, path in routes for method in ("HEAD", "OPTIONS"))})


@pytest.mark.parametrize("mode", MODES)
def test_nobody_comes_in_without_credentials(mode: str, routes: list[tuple[str, str]]) -> None:
    guard = gate(*MODES[mode])
    for given, right in ((None, False), (WRONG, False), (RIGHT, True)):
        for method, path in with_questions(routes):
            kind = kind_of(path)
            if path in OPEN or (mode == "api alone" and kind != "api"):
                continue
            answer = ask(fresh(guard), method, path, **({"auth": given} if given else {}))
            what = f"{method} {path} as {given}: {answer.status_code}"
            lets = (right and kind not in OF_OTHERS.get(mode, ())) or kind in UNGUARDED.get(mode, ())
            if lets and kind in ("api", "page"):
                assert came_through(answer), what
            else:
                assert not came_through(answer), what
                assert answer.status_code in ((403, 404) if lets else (401, 415)), what


@pytest.mark.parametrize("mode", MODES)
def test_no_socket_is_opened_without_credentials(mode: str, routes: list[tuple[str, str]]) -> None:
    """Neither page nor API has one; should a route come to be, the gate stands before it too."""
    guard = gate(*MODES[mode])
    headers = {None: {}, WRONG: {"Authorization": basic(WRONG)}, RIGHT: {"Authorization": basic(RIGHT)}}
    for path in sorted({path for _, path in routes} - OPEN):
        kind = kind_of(path)
        if mode == "api alone" and kind != "api":
            continue
        for given, header in headers.items():
            right = given == RIGHT and kind not in OF_OTHERS.get(mode, ())
            lets = right or kind in UNGUARDED.get(mode, ())
            assert opens_socket(fresh(guard), path, **header) == lets, f"{path} as {given}"
        foreign = {"Origin": "http://evil.example", **headers[RIGHT]}
        assert not opens_socket(fresh(guard), path, **foreign), f"{path} from elsewhere"


def basic(account: tuple[str, str]) -> str:
    return "Basic " + base64.b64encode(":".join(account).encode()).decode()


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode not in UNGUARDED])
def test_what_is_open_is_little_and_says_little(mode: str, routes: list[tuple[str, str]]) -> None:
    assert len(OPEN) <= 5
    guard = gate(*MODES[mode])
    asked = [(method, path) for method, path in with_questions(routes) if method in ("GET", "OPTIONS")]
    assert {path for method, path in asked if came_through(ask(fresh(guard), method, path))} <= {"/internal/ping"}
    assert {path for _, path in routes if opens_socket(fresh(guard), path)} <= {"/internal/ping"}


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
