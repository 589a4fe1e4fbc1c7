"""AUTOMATIC1111's always-on scripts that a request may name: what their arguments ask for, or why not."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError

from runtime.api.models import DrawingBody
from runtime.request import RequestError
from runtime.studio import Studio

B = TypeVar("B", bound=DrawingBody)

#: title -> the fields that its arguments fill, in order; None: an argument that fills none
_FIELDS: dict[str, tuple[str | None, ...]] = {
    "refiner": (None, "refiner_checkpoint", "refiner_switch_at"),
    "sampler": ("steps", "sampler_name", "scheduler"),
    "seed": ("seed", None, "subseed", "subseed_strength", "seed_resize_from_w", "seed_resize_from_h"),
}
#: their first argument switches them on; this version cannot do what they do
_ONLY_OFF = ("soft inpainting", "hypertile")
_WITHOUT_ARGUMENTS = ("comments", "extra options")
TITLES = (*_FIELDS, *_ONLY_OFF, *_WITHOUT_ARGUMENTS)


def with_always_on(body: B, studio: Studio) -> B:
    """The body with what the scripts' arguments say, where the request does not say it itself."""
    filled: dict[str, Any] = {}
    for title, found in body.alwayson_scripts.items():
        filled |= _fields_of(title, _arguments(title, found), studio)
    missing = {name: value for name, value in filled.items() if name not in body.model_fields_set}
    if not missing:
        return body
    given = body.model_dump(include=body.model_fields_set)
    try:
        return type(body).model_validate(given | missing)
    except ValidationError as refused:
        name = refused.errors()[0]["loc"][0]
        raise _refusal(f"An argument in alwayson_scripts is no {name}.", "See /sdapi/v1/script-info.") from None


def _arguments(title: str, found: Any) -> list[Any]:
    """`{"args": [...]}` or, as some clients send it, the list alone."""
    arguments = found.get("args", []) if isinstance(found, dict) else found
    if arguments is None:
        return []
    if not isinstance(arguments, list):
        raise _refusal(f"The args of always on script {title:.60} are no list.", 'Send {"args": [...]}.')
    return arguments


def _fields_of(title: str, arguments: list[Any], studio: Studio) -> dict[str, Any]:
    name = title.strip().lower()
    if name in _FIELDS:
        if name == "refiner" and not (arguments and arguments[0] is True):
            return {}
        pairs = zip(_FIELDS[name], arguments, strict=False)
        return {field: value for field, value in pairs if field and value is not None}
    if name in _ONLY_OFF and arguments and arguments[0] not in (False, None):
        raise _refusal(
            f"always on script {title} is not supported", "Leave it out, or send false as its first argument."
        )
    if name in (*_ONLY_OFF, *_WITHOUT_ARGUMENTS):
        return {}
    if studio.stock.script(title, False) or studio.stock.script(title, True):
        raise _refusal(f"'{title}' cannot be in alwayson_scripts.", "Name it in script_name.")
    raise _refusal(f"always on script {title:.60} not found", "GET /sdapi/v1/scripts lists what there is.")


def _refusal(message: str, hint: str) -> RequestError:
    return RequestError("script-not-found", message, hint)
