"""The API's addresses, as its routes and the gate name them."""

from __future__ import annotations

from starlette.types import Scope

PREFIX = "/sdapi/v1"
#: it says only that somebody is there
PING = "/internal/ping"
#: what becomes a job in the queue
JOBS = frozenset(f"{PREFIX}/{name}" for name in ("txt2img", "img2img", "extra-single-image", "extra-batch-images"))
#: where a body may hold pictures
PICTURES = JOBS | {f"{PREFIX}/png-info", f"{PREFIX}/interrogate"}
_ROOTS = ("/sdapi", "/internal", "/docs", "/redoc", "/openapi.json")


def plain_path(scope: Scope) -> str:
    """The path as the routes name it: uvicorn puts --subpath in front."""
    root, path = scope.get("root_path", ""), str(scope["path"])
    return path[len(root) :] or "/" if root and (path == root or path.startswith(root + "/")) else path


def is_api(path: str) -> bool:
    """Paths that the API answers, also when it knows no such route: Gradio would answer 404 for a wrong method."""
    return any(path == root or path.startswith(root + "/") for root in _ROOTS)
