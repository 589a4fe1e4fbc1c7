"""Every place of a request where somebody might name a file: addresses, fields of the API, files of the page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tests.runtime.gate.lines import Asking

SESSION = "traversal"
JSON = ((b"Content-Type", b"application/json"),)
#: what holds on the page and what may be there beside it
_ROUTES = (
    *(
        "/file=",
        "/gradio_api/file=",
        "/gradio_api/file/",
        "/file/",
        "/",
        "/static/",
        "/assets/",
        "/svelte/",
        "/theme.css/",
    ),
    *(
        "/gradio_api/proxy=",
        "/proxy=",
        "/gradio_api/stream/",
        "/custom_component/",
        "/gradio_api/theme.css?x=",
        "/docs/",
    ),
    *("/sdapi/v1/", "/sdapi/v1/sd-models/", "/internal/", "/gradio_api/upload_progress?upload_id=", "/favicon.ico?x="),
    *("/gradio_api/deep_link?session_hash=", "/gradio_api/vibe-code/", "/manifest.json?x=", "/?__theme="),
)
#: settings whose value some code reads as the name of a file or folder
_OVERRIDES = (
    *("sd_model_checkpoint", "sd_vae", "samples_filename_pattern", "directories_filename_pattern", "samples_format"),
    *("face_restoration_model", "upscaler_for_img2img", "outdir_samples", "outdir_init_images"),
)
_SETTINGS = (
    *("sd_model_checkpoint", "sd_vae", "localization", "samples_filename_pattern", "quicksettings_list"),
    *("disabled_extensions", "outdir_save"),
)


@dataclass(frozen=True)
class Field:
    """A place for a path: `ask` makes the request that names it there."""

    name: str
    ask: Callable[[str], Asking]


def addresses() -> list[Field]:
    """Each route with the path as it stands, and with what an address may not hold escaped."""
    raw = [Field(f"GET {route} raw", _raw(route)) for route in _ROUTES]
    return raw + [Field(f"GET {route}", _escaped(route)) for route in _ROUTES]


def _raw(route: str) -> Callable[[str], Asking]:
    return lambda path: Asking("GET", (route + path).encode("utf-8", "surrogatepass"), kind=route)


def _escaped(route: str) -> Callable[[str], Asking]:
    return lambda path: Asking(
        "GET", (route + quote(path, safe="/\\%.:=&;?#~", errors="surrogatepass")).encode(), kind=route
    )


def fields() -> list[Field]:
    """Of the API."""
    drawing: dict[str, Callable[[str], Any]] = {
        **{
            name: _alone(name)
            for name in ("sampler_name", "scheduler", "hr_upscaler", "hr_checkpoint_name", "script_name")
        },
        **{
            name: _alone(name) for name in ("refiner_checkpoint", "force_task_id", "firstpass_image", "hr_sampler_name")
        },
        "prompt": lambda path: {"prompt": f"<lora:{path}:1> <hypernet:{path}:1> {path}"},
        "styles": lambda path: {"styles": [path]},
        "script_args": lambda path: {
            "script_name": "Prompts from file or textbox",
            "script_args": [False, False, "start", path],
        },
        "x/y/z": lambda path: {"script_name": "X/Y/Z plot", "script_args": [10, path, [path], 0, "", [], 0, "", []]},
        "alwayson_scripts": lambda path: {"alwayson_scripts": {path: {"args": [path]}}},
        "refiner's args": lambda path: {"alwayson_scripts": {"refiner": {"args": [True, path, 0.5]}}},
        "infotext": lambda path: {"infotext": f"a\nSteps: 1, Model: {json.dumps(path)}, VAE: {path}, Refiner: {path}"},
        "override": lambda path: {"override_settings": {path: path}},
    }
    drawing |= {f"override {name}": _override(name) for name in _OVERRIDES}
    found = [_field("txt2img", name, body) for name, body in drawing.items()]
    over: dict[str, Callable[[str], Any]] = {
        "init_images": lambda path: {"init_images": [path]},
        "init_images as data": lambda path: {"init_images": ["data:image/png;base64," + path]},
        "mask": lambda path: {"init_images": [path], "mask": path},
        "latent_mask": lambda path: {"init_images": [path], "latent_mask": path},
    }
    found += [_field("img2img", name, body) for name, body in over.items()]
    single = ("image", "upscaler_1", "upscaler_2")
    found += [_field("extra-single-image", name, _alone(name)) for name in single]
    found.append(_field("extra-batch-images", "imageList", lambda path: {"imageList": [{"data": path, "name": path}]}))
    found += [_field("png-info", "image", _alone("image")), _field("interrogate", "model", _alone("model"))]
    found += [_field("options", name, _alone(name)) for name in _SETTINGS]
    found.append(_field("options", "any name", lambda path: {path[:200]: path}))
    for kind in ("embedding", "hypernetwork"):
        found.append(_field(f"create/{kind}", "name", _alone("name")))
    return found


def _alone(name: str) -> Callable[[str], Any]:
    return lambda path: {name: path}


def _override(name: str) -> Callable[[str], Any]:
    return lambda path: {"override_settings": {name: path}}


def _field(route: str, name: str, body: Callable[[str], Any]) -> Field:
    plain: Mapping[str, Any] = {"steps": 1, "save_images": True, "width": 64, "height": 64} if "2img" in route else {}

    def ask(path: str) -> Asking:
        return Asking("POST", f"/sdapi/v1/{route}".encode(), JSON, json.dumps({**plain, **body(path)}).encode(), name)

    return Field(f"{route}: {name}", ask)


def files_of_the_page(config: Mapping[str, Any], queued: bool = False) -> list[Field]:
    """Each control that takes files, in each of the page's functions, by /config; the other controls as they begin.

    `queued`: not answered at once, but on the line that tells the session SESSION of its turn.
    """
    controls = {one["id"]: one for one in config["components"]}
    found = []
    for function in config["dependencies"]:
        kinds = [controls[name]["type"] for name in function["inputs"]]
        for place, kind in enumerate(kinds):
            if function["backend_fn"] and kind in ("image", "file", "imageeditor", "gallery"):
                values = [controls[name]["props"].get("value") for name in function["inputs"]]
                for marked in (True, False):
                    name = f"page: {function['api_name']} {place} {kind}{'' if marked else ', not marked'}"
                    found.append(Field(name, _filed(function, values, place, kind, queued, marked)))
    return found


def _filed(
    function: Mapping[str, Any], values: list[Any], place: int, kind: str, queued: bool, marked: bool
) -> Callable[[str], Asking]:
    def ask(path: str) -> Asking:
        one = {"path": path} | ({"meta": {"_type": "gradio.FileData"}} if marked else {})
        several = {"imageeditor": {"background": one, "layers": [one], "composite": one}, "gallery": [{"image": one}]}
        listed = kind == "file" and function["api_name"].startswith("run")
        data = [*values[:place], several.get(kind, [one] if listed else one), *values[place + 1 :]]
        body = {"data": data, "fn_index": function["id"], "session_hash": SESSION}
        door = b"/gradio_api/queue/join" if queued else f"/gradio_api/run/{function['api_name']}".encode()
        return Asking("POST", door, JSON, json.dumps(body).encode(), kind)

    return ask


def uploads() -> list[Field]:
    """The name of a file that is sent to the page."""

    def ask(path: str) -> Asking:
        name = path.replace("\r", "%0d").replace("\n", "%0a").replace('"', "%22").encode("utf-8", "surrogatepass")
        head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="' + name + b'"\r\n'
        body = head + b"Content-Type: image/png\r\n\r\nupload\r\n--x--\r\n"
        return Asking(
            "POST", b"/gradio_api/upload", ((b"Content-Type", b"multipart/form-data; boundary=x"),), body, "upload"
        )

    return [Field("page: upload's name", ask)]
