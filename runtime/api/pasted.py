"""The `infotext` field of a request: what the request itself does not say is taken from that text."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from runtime.api.models import Txt2ImgBody
from runtime.infotext import parse_infotext
from runtime.request import RequestError

#: infotext's keys, and the fields that they fill
_FIELDS = {
    "Prompt": "prompt",
    "Negative prompt": "negative_prompt",
    "Steps": "steps",
    "Sampler": "sampler_name",
    "Schedule type": "scheduler",
    "CFG scale": "cfg_scale",
    "Seed": "seed",
    "Size-1": "width",
    "Size-2": "height",
    "Eta": "eta",
    "Eta DDIM": "eta",
    "Variation seed": "subseed",
    "Variation seed strength": "subseed_strength",
    "Denoising strength": "denoising_strength",
}
_OVERRIDES = {"Clip skip": "CLIP_stop_at_last_layers", "Model hash": "sd_model_checkpoint"}


def with_infotext(body: Txt2ImgBody) -> Txt2ImgBody:
    """The body with its gaps filled; RequestError if the text holds a value that its field cannot take."""
    if not body.infotext:
        return body
    found = parse_infotext(body.infotext)
    given = body.model_dump(include=body.model_fields_set)
    if given.get("sampler_index") and not given.get("sampler_name"):
        found.pop("Sampler", None)
    overrides = _chosen(found, _OVERRIDES) | (body.override_settings or {})
    try:
        return Txt2ImgBody.model_validate({**_chosen(found, _FIELDS), **given, "override_settings": overrides})
    except ValidationError as refused:
        name = refused.errors()[0]["loc"][0]
        raise RequestError("bad-infotext", f"The infotext's {name} cannot be used.", "Correct the text.") from None


def _chosen(found: dict[str, str], names: dict[str, str]) -> dict[str, Any]:
    return {name: found[key] for key, name in names.items() if key in found}
