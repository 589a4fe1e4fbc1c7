"""The `infotext` field of a request: what the request itself does not say is taken from that text."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError

from runtime.api.models import DrawingBody
from runtime.infotext import parse_infotext, to_fields
from runtime.infotext.fields import hashes_of, with_local_names
from runtime.request import RequestError
from runtime.studio import Studio

B = TypeVar("B", bound=DrawingBody)


def with_infotext(body: B, studio: Studio) -> B:
    """The body with its gaps filled; RequestError if the text holds a value that its field cannot take."""
    if not body.infotext:
        return body
    items = parse_infotext(body.infotext)
    items["Prompt"] = _local_loras(items, studio)
    given = body.model_dump(include=body.model_fields_set)
    styles = {} if given.keys() & {"prompt", "negative_prompt", "styles"} else _styles(items, studio)
    pasted = to_fields(items)
    fields: dict[str, Any] = styles | {
        name: value for name, value in pasted.fields.items() if name in type(body).model_fields
    }
    if given.get("sampler_index") and not given.get("sampler_name"):
        fields.pop("sampler_name", None)
    overrides = {**pasted.options, **(body.override_settings or {})}
    try:
        return type(body).model_validate({**fields, **given, "override_settings": overrides})
    except ValidationError as refused:
        name = refused.errors()[0]["loc"][0]
        raise RequestError("bad-infotext", f"The infotext's {name} cannot be used.", "Correct the text.") from None


def _styles(items: dict[str, str], studio: Studio) -> dict[str, Any]:
    """Saved styles in the prompts, taken out of them and named instead, as the option infotext_styles says."""
    wish = studio.options["infotext_styles"]
    if wish == "Ignore":
        return {}
    names, items["Prompt"], items["Negative prompt"] = studio.stock.style_book.found_in(
        items["Prompt"], items["Negative prompt"]
    )
    return {"styles": list(names)} if names and wish != "Discard" else {}


def _local_loras(items: dict[str, str], studio: Studio) -> str:
    """The prompt, its LoRAs by the names that they have here."""
    if "Lora hashes" not in items:
        return items["Prompt"]
    here = studio.stock.networks.loras()

    def name_of(digits: str) -> str | None:
        found = here.by_hash(digits)
        return found.name if found else None

    return with_local_names(items["Prompt"], hashes_of(items["Lora hashes"]), name_of)
