"""openapi.json: FastAPI's description of what is asked, and the shapes of what is answered.

The shapes are published only. Were they the routes' response models, every base64 picture would be checked again on
its way out, and the bytes would be FastAPI's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from pydantic import TypeAdapter

from runtime.api import listed_shapes as listed
from runtime.api import shapes

_REFERENCE = "#/components/schemas/{model}"
_API = "/sdapi/v1"
_TEXT = ("server-restart", "server-stop")
#: what each route of the API answers
_ANSWERS: Mapping[str, Any] = {
    "txt2img": shapes.Txt2ImgAnswer,
    "img2img": shapes.Img2ImgAnswer,
    "extra-single-image": shapes.ExtraSingleAnswer,
    "extra-batch-images": shapes.ExtraBatchAnswer,
    "png-info": shapes.PngInfoAnswer,
    "interrogate": shapes.CaptionAnswer,
    "progress": shapes.ProgressAnswer,
    "interrupt": shapes.Nothing,
    "options": listed.Options,
    "cmd-flags": listed.Flags,
    "samplers": list[listed.Sampler],
    "schedulers": list[listed.Scheduler],
    "upscalers": list[listed.Upscaler],
    "latent-upscale-modes": list[listed.Named],
    "sd-models": list[listed.SdModel],
    "sd-vae": list[listed.SdVae],
    "hypernetworks": list[listed.Hypernetwork],
    "face-restorers": list[listed.FaceRestorer],
    "realesrgan-models": list[listed.RealesrganModel],
    "prompt-styles": list[listed.PromptStyle],
    "embeddings": listed.Embeddings,
    "loras": list[listed.Lora],
    "extensions": list[listed.Extension],
    "scripts": listed.Scripts,
    "script-info": list[listed.ScriptInfo],
    "memory": listed.Memory,
    "unload-checkpoint": shapes.Nothing,
    "reload-checkpoint": shapes.Nothing,
    **dict.fromkeys(("create/embedding", "create/hypernetwork"), shapes.TrainingAnswer),
    **dict.fromkeys(("train/embedding", "train/hypernetwork"), shapes.TrainingAnswer),
    **dict.fromkeys(("skip", "refresh-checkpoints", "refresh-loras", "refresh-vae", "refresh-embeddings"), None),
    "server-kill": None,
    **dict.fromkeys(_TEXT, str),
}
_INTERNAL: Mapping[str, Any] = {
    "ping": shapes.Nothing,
    "progress": shapes.TaskProgress,
    "pending-tasks": shapes.PendingTasks,
    "quicksettings-hint": list[shapes.QuicksettingsHint],
    "profile-startup": shapes.StartupProfile,
    "sysinfo": shapes.Sysinfo,
}
#: by path; POST /options alone answers otherwise than its GET
ANSWERS: Mapping[str, Any] = {
    **{f"{_API}/{name}": shape for name, shape in _ANSWERS.items()},
    **{f"/internal/{name}": shape for name, shape in _INTERNAL.items()},
}


def publish_answers(app: FastAPI) -> None:
    """Complete the application's openapi.json; it is made when first asked for, and once."""
    made: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not made:
            made.update(_complete(FastAPI.openapi(app)))
        return made

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(schema: dict[str, Any]) -> dict[str, Any]:
    routes = {
        (path, method): about
        for path, methods in schema["paths"].items()
        for method, about in methods.items()
        if path in ANSWERS
    }
    further = {"failure": shapes.Failure, "changes": listed.OptionChanges}
    wanted = {f"{method} {path}": _answer(path, method) for path, method in routes} | further
    adapters: list[Any] = [(name, "validation", TypeAdapter(shape)) for name, shape in wanted.items()]
    found, definitions = TypeAdapter.json_schemas(adapters, ref_template=_REFERENCE)
    kinds: dict[str, Any] = {str(name): one for (name, _mode), one in found.items()}
    for (path, method), about in routes.items():
        kind = "text/plain" if path.rpartition("/")[2] in _TEXT else "application/json"
        about["responses"] = {
            "200": _response("What was asked for.", kinds[f"{method} {path}"], kind),
            "default": _response("Why not.", kinds["failure"]),
        }
    changed = schema["paths"].get(f"{_API}/options", {}).get("post")
    if changed:
        changed["requestBody"]["content"]["application/json"]["schema"] = kinds["changes"]
    schema.setdefault("components", {}).setdefault("schemas", {}).update(definitions.get("$defs", {}))
    return schema


def _answer(path: str, method: str) -> Any:
    return None if (path, method) == (f"{_API}/options", "post") else ANSWERS[path]


def _response(description: str, schema: Any, kind: str = "application/json") -> dict[str, Any]:
    return {"description": description, "content": {kind: {"schema": schema}}}
