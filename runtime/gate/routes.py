"""Which addresses are whose: the API's, the page's, open to all, or of that part of Gradio that does not exist here."""

from __future__ import annotations

from typing import Literal

from runtime.api.paths import PING, is_api

LOGIN, LOGOUT = "/login", "/logout"
#: all that a stranger gets an answer from; `/` is the form to log in, until somebody has
OPEN = frozenset({PING, LOGIN, LOGOUT, "/"})
#: what of Gradio the page and Gradio's own clients use; all else of it (proxies to other hosts, an editor of its
#: source, recordings, streams) answers as if it were not there
_PAGE = ("/", "/config", "/favicon.ico", "/theme.css", "/robots.txt", "/manifest.json", "/gesso-language.js")
_PAGE_ROOTS = ("/assets", "/static", "/svelte")
_GRADIO = "/gradio_api/"
_GRADIO_ROOTS = (
    *("app_id", "user", "login_check", "theme.css", "startup-events", "info", "openapi.json", "heartbeat"),
    *("queue", "call", "run", "api", "cancel", "reset", "upload", "upload_progress", "component_server"),
)
#: connections that stay open, or keep a page alive: no page from elsewhere opens them
STREAMS = tuple(_GRADIO + root for root in ("queue/data", "call/", "heartbeat", "startup-events"))
_FILE = ("/gradio_api/file=", "/file=", "/gradio_api/file/", "/file/")

Kind = Literal["open", "api", "page", "file", "none"]


def kind_of(path: str) -> Kind:
    """Whose a path is."""
    if path in OPEN:
        return "open"
    if is_api(path):
        return "api"
    if path.startswith(_FILE):
        return "file"
    plain = path.rstrip("/") or "/"
    if plain in _PAGE or _below(plain, _PAGE_ROOTS):
        return "page"
    return "page" if path.startswith(_GRADIO) and _below(plain, [_GRADIO + root for root in _GRADIO_ROOTS]) else "none"


def file_in(path: str) -> str:
    """The file that a path of the kind `file` names."""
    return next(path[len(start) :] for start in _FILE if path.startswith(start))


def _below(path: str, roots: tuple[str, ...] | list[str]) -> bool:
    return any(path == root or path.startswith(root + "/") for root in roots)
