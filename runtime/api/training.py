"""The training routes of AUTOMATIC1111: there is no training here, and they say so as upstream says failures."""

from __future__ import annotations

from fastapi import APIRouter

_WHY = "Training is not part of this program. Files that other programs trained work: put them into their folders."
_ROUTES = {
    "create/embedding": "create embedding error",
    "create/hypernetwork": "create hypernetwork error",
    "train/embedding": "train embedding error",
    "train/hypernetwork": "train hypernetwork error",
}


def training_routes() -> APIRouter:
    """Each answers 200 with the reason in `info`, as AUTOMATIC1111 reports a failed training."""
    router = APIRouter()
    for path, what in _ROUTES.items():
        router.add_api_route(f"/{path}", _answering(what), methods=["POST"], name=path, summary="There is no training.")
    return router


def _answering(what: str):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a route's own function
    def answer() -> dict[str, str]:
        return {"info": f"{what}: {_WHY}"}

    return answer
